"""Stock grpc.aio stubs, and requests for them."""

import json
from collections import Counter
from typing import Any

import grpc

from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc


class Stubs:
    """A stock channel to a router or a replica; used as `async with`."""

    def __init__(self, endpoint: str, *options: tuple[str, Any]) -> None:
        # Without a pool shared by all channels, so that each is a connection of its own.
        own = (("grpc.use_local_subchannel_pool", 1), *options)
        self.channel = grpc.aio.insecure_channel(endpoint, options=own)
        self.tools = invoke_pb2_grpc.ToolServiceStub(self.channel)
        self.discovery = discovery_pb2_grpc.DiscoveryServiceStub(self.channel)

    async def __aenter__(self) -> "Stubs":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    async def text(self, tool: str, *, timeout: float = 30.0, **arguments: Any) -> str:
        """Call a tool, and return its answer's text."""
        response = await self.tools.Invoke(request(tool, **arguments), timeout=timeout)
        assert not response.result.is_error, response
        return text_of(response.result)

    async def ready(self, tool: str) -> tuple[int, int]:
        """Return how many replicas of a tool the catalog has, and how many take calls."""
        try:
            status = await self.discovery.GetTool(discovery_pb2.GetToolRequest(name=tool))
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE):
                return 0, 0
            raise
        return status.replicas, status.ready_replicas

    async def spread(self, tool: str, calls: int) -> Counter[str]:
        """Call a tool one after the other, and count its answers."""
        return Counter([await self.text(tool) for _ in range(calls)])


def request(tool: str, **arguments: Any) -> invoke_pb2.InvokeRequest:
    return invoke_pb2.InvokeRequest(tool=tool, arguments=json.dumps(arguments).encode())


def text_of(result: Any) -> str:
    return "".join(block.text.text for block in result.content)


def structured(response: Any) -> dict[str, Any]:
    """Return the object that a tool answered."""
    found: dict[str, Any] = json.loads(response.result.structured_content)
    return found
