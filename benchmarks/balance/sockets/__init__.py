"""The laboratory over real sockets: processes, signals, and a proxy that does harm."""
