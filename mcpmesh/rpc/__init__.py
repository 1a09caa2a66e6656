"""gRPC on our own HTTP/2: `Server` and `Channel`, drop-ins for those of grpc.aio."""

from mcpmesh.rpc.channel import Channel, ChannelOptions
from mcpmesh.rpc.server import Server, ServerOptions

__all__ = ["Channel", "ChannelOptions", "Server", "ServerOptions"]
