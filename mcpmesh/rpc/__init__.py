"""gRPC on our own HTTP/2: `Server` and `Channel`, drop-ins for those of grpc.aio."""

from mcpmesh.rpc.server import Server, ServerOptions

__all__ = ["Server", "ServerOptions"]
