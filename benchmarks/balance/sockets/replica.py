"""A replica whose behaviour can be changed from outside: replica.py IDEMPOTENT.

Prints its endpoint. Tool `work` sleeps and tells what was told; the message of a call to `behave`,
which is in no list, says how it is from then on.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

from mcpmesh.config import NO_TLS
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.rpc.server import Server
from mcpmesh.sdk.discovery_servicer import DiscoveryServicer
from mcpmesh.v1 import discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc, tool_pb2

WORK, BEHAVE = "work", "behave"


class Behaving(invoke_pb2_grpc.ToolServiceServicer):
    """ToolService of one tool, and of what makes it behave otherwise."""

    def __init__(self) -> None:
        self.worked = 0
        self.in_flight = 0
        self._behaviour: dict[str, Any] = {}
        self._rng = random.Random()

    async def Invoke(self, request: invoke_pb2.InvokeRequest, context: Any) -> Any:
        """Work, or behave from now on; either tells how often it worked."""
        if request.tool == BEHAVE:
            self._behaviour |= json.loads(request.arguments)
            return self._answer()
        self.in_flight += 1
        try:
            await self._work(context)
        finally:
            self.in_flight -= 1
        return self._answer()

    async def InvokeStream(
        self, request: invoke_pb2.InvokeRequest, context: Any
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Work, and tell at the end."""
        yield invoke_pb2.InvokeEvent(result=(await self.Invoke(request, context)).result)

    async def _work(self, context: Any) -> None:
        behaviour, rng = self._behaviour, self._rng
        if rng.random() < behaviour.get("errors", 0.0):
            await asyncio.sleep(behaviour["takes"])
            await context.abort(grpc.StatusCode.INTERNAL, "made to fail")
        self.worked += 1
        mean = behaviour.get("mean", 0.0) * behaviour.get("slower", 1.0)
        exponential = behaviour.get("shape") == "exponential"
        await asyncio.sleep(rng.expovariate(1 / mean) if exponential and mean else mean)

    def _answer(self) -> invoke_pb2.InvokeResponse:
        text = tool_pb2.TextContent(text=str(self.worked))
        result = tool_pb2.ToolResult(content=[tool_pb2.Content(text=text)])
        return invoke_pb2.InvokeResponse(result=result)


async def main(idempotent: bool) -> None:
    """Serve until told to stop."""
    server, servicer = Server(), Behaving()
    bound = server.listen("127.0.0.1:0", NO_TLS)
    replica = Replica(f"lab-{bound.port}", str(bound), server="lab")
    tool = Tool(WORK, version="1", annotations=ToolAnnotations(idempotent=idempotent))
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(  # type: ignore[no-untyped-call]
        DiscoveryServicer([tool], replica, lambda: servicer.in_flight), server
    )
    await server.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    sys.stdout.write(f"{bound}\n")
    sys.stdout.flush()
    await stopping.wait()
    await server.stop(5.0)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1] == "True"))
