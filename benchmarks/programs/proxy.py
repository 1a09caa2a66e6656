"""A pass-through proxy on grpc.aio: proxy.py PORT HOST:PORT...

As little as a proxy can do: raw bytes, round robin, no metadata passed on.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from itertools import cycle
from typing import Any

import grpc
import uvloop

SERVICE = "/mcpmesh.v1.ToolService/"
TIMEOUT = 60.0


class PassThrough(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Gives each call to the next replica."""

    def __init__(self, replicas: Sequence[str]) -> None:
        channels = [grpc.aio.insecure_channel(replica) for replica in replicas]
        self._invoke = cycle([each.unary_unary(SERVICE + "Invoke") for each in channels])
        self._stream = cycle([each.unary_stream(SERVICE + "InvokeStream") for each in channels])
        self._handlers = {
            SERVICE + "Invoke": grpc.unary_unary_rpc_method_handler(self.invoke),
            SERVICE + "InvokeStream": grpc.unary_stream_rpc_method_handler(self.stream),
        }

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)

    async def invoke(self, request: bytes, _context: Any) -> bytes:
        answer: bytes = await next(self._invoke)(request, timeout=TIMEOUT)
        return answer

    async def stream(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        async for message in next(self._stream)(request, timeout=TIMEOUT):
            yield message


async def main(port: str, *replicas: str) -> None:
    """Serve until the process ends."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((PassThrough(replicas),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
