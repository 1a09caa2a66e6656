"""HTTP/2 and gRPC framing without I/O: bytes in, callbacks and bytes out."""
