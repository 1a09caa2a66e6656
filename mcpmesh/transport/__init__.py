"""The only sockets: asyncio protocols that drive `wire`."""
