"""Active health checks, against grpc's own health service on grpc's own server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from mcpmesh import Client
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, tool_pb2
from tests.listening import listening
from tests.resilience.proxied import all_ready

_QUICK = '{"check": {"interval": 0.05, "timeout": 0.3}, "slow_start": 0}'


class Named(invoke_pb2_grpc.ToolServiceServicer):
    """Answers with its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def Invoke(self, request: invoke_pb2.InvokeRequest, context: grpc.aio.ServicerContext):
        content = tool_pb2.Content(text=tool_pb2.TextContent(text=self._name))
        return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(content=[content]))


class Muted(health.aio.HealthServicer):
    """Can be made to answer nothing."""

    muted = False

    async def Check(self, request: health_pb2.HealthCheckRequest, context: object):
        while self.muted:
            await asyncio.sleep(0.01)
        return await super().Check(request, context)


@asynccontextmanager
async def replica(name: str, judge: Muted | None) -> AsyncIterator[str]:
    server = grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(Named(name), server)
    if judge is not None:
        health_pb2_grpc.add_HealthServicer_to_server(judge, server)
    async with listening(server) as port:
        yield f"127.0.0.1:{port}"


class Two:
    """A replica with a health service, one without, and a client of their router."""

    def __init__(self, client: Client, judge: Muted) -> None:
        self.client = client
        self.judge = judge

    async def becomes(self, label: str) -> str:
        """Wait until the first has that health; return why."""
        while True:
            shown = await self.client.list_replicas("echo")
            labels = [each.health for each in shown]
            assert labels.count("HEALTHY") >= 1, labels
            found = [each for each in shown if each.health != "HEALTHY"] or shown
            if found[0].health == label:
                return found[0].health_reason
            await asyncio.sleep(0.01)

    async def answers(self) -> set[str]:
        return {(await self.client.call("echo", {})).text for _ in range(30)}


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    judge = Muted()
    async with (
        asyncio.timeout(60.0),
        replica("judged", judge) as judged,
        replica("plain", None) as plain,
    ):
        settings = RouterSettings(
            grpc="127.0.0.1:0", static=(f"{judged}=echo", f"{plain}=echo"), health=_QUICK
        )
        router = Router(settings, without_exporters(Random(1)))
        async with Client(await router.start()) as client:
            try:
                await all_ready(client, 2)
                yield Two(client, judge)
            finally:
                await router.stop(0)


async def test_one_that_says_it_does_not_serve_gets_no_calls_until_it_does() -> None:
    async with two() as mesh:
        assert await mesh.answers() == {"judged", "plain"}
        await mesh.judge.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert await mesh.becomes("UNHEALTHY") == "its health service says NOT_SERVING"
        assert await mesh.answers() == {"plain"}
        await mesh.judge.set("", health_pb2.HealthCheckResponse.SERVING)
        await mesh.becomes("HEALTHY")
        assert await mesh.answers() == {"judged", "plain"}


async def test_one_whose_health_service_does_not_answer_gets_no_calls_until_it_does() -> None:
    async with two() as mesh:
        mesh.judge.muted = True
        assert await mesh.becomes("UNHEALTHY") == "its health service did not answer 2 times"
        assert await mesh.answers() == {"plain"}
        mesh.judge.muted = False
        await mesh.becomes("HEALTHY")
        assert await mesh.answers() == {"judged", "plain"}
