"""SIGTERM: calls in flight finish, new ones are refused, peers are told, exit code 0.

The grace is longer than any test may take, so a process that waits it out fails its test.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, SettingsFrame

from mcpmesh.v1 import discovery_pb2
from tests.e2e.commands import TOOLS, Command, command
from tests.e2e.pages import METRICS, metrics_url, page
from tests.e2e.stubs import Stubs, request, text_of
from tests.e2e.test_trace import post
from tests.eventually import eventually

ANY = "127.0.0.1:0"
GRACE = ("--drain-grace", "600")


def start(stack: ExitStack, folder: Path) -> tuple[Command, Command]:
    router = stack.enter_context(command(folder, "router", "--grpc", ANY, *GRACE))
    at = ("--router", router.grpc)
    return router, stack.enter_context(command(folder, "serve", TOOLS, *at, *GRACE))


@pytest.mark.parametrize("who", ["router", "serve"])
async def test_server_finishes_its_calls_and_refuses_new_ones(
    tmp_path: Path, stack: ExitStack, who: str
) -> None:
    router, replica = start(stack, tmp_path)
    draining = router if who == "router" else replica
    async with Stubs(draining.grpc) as stubs, Stubs(draining.grpc) as late:
        health = health_pb2_grpc.HealthStub(stubs.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await health.read()).status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(stubs.channel).ServerReflectionInfo()
        await reflection.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        assert (await reflection.read()).list_services_response.service
        watch = stubs.discovery.WatchTools(discovery_pb2.WatchToolsRequest())
        await watch.read()
        held = stubs.tools.Invoke(request("hold", folder=str(tmp_path), seconds=2))
        stream = aiter(stubs.tools.InvokeStream(request("flood", chunks=2000, size=100)))
        await anext(stream)
        await eventually((tmp_path / "began").exists)
        draining.terminate()
        assert (await health.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING

        async def refused() -> bool:
            try:
                await late.tools.Invoke(request("who"), timeout=5)
            except grpc.aio.AioRpcError as error:
                return error.code() is StatusCode.UNAVAILABLE
            return False

        await eventually(refused)
        assert not (tmp_path / "finished").exists()
        assert text_of((await held).result) == "held"
        events = [event async for event in stream]
        assert events[-1].WhichOneof("event") == "result"
        assert draining.ended() == 0


@pytest.mark.parametrize("polite", [True, False])
def test_connections_are_told_with_goaway_and_closed(
    tmp_path: Path, stack: ExitStack, polite: bool
) -> None:
    router, _ = start(stack, tmp_path)
    host, _, port = router.grpc.rpartition(":")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(preface)
        frames = read_frames(connection)
        assert isinstance(next(frames), SettingsFrame)
        router.terminate()
        goaways = 0
        for frame in frames:
            if isinstance(frame, GoAwayFrame):
                assert frame.error_code == 0
                goaways += 1
            elif isinstance(frame, PingFrame) and polite:
                connection.sendall(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        assert goaways
    assert router.ended() == 0


def read_frames(connection: socket.socket) -> Iterator[Frame]:
    """Read frames until the peer closes."""
    held = b""
    while data := connection.recv(65536):
        held += data
        while len(held) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(held[:9]))
            if len(held) < 9 + size:
                break
            frame.parse_body(memoryview(held[9 : 9 + size]))
            held = held[9 + size :]
            yield frame


async def test_bridge_finishes_its_calls_and_refuses_new_ones(
    tmp_path: Path, stack: ExitStack
) -> None:
    router, _ = start(stack, tmp_path)
    options = ("--http", ANY, "--router", router.grpc, *GRACE)
    bridge = stack.enter_context(command(tmp_path, "bridge", *options))
    held = asyncio.create_task(
        asyncio.to_thread(post, bridge.url, "hold", {}, folder=str(tmp_path), seconds=2)
    )
    await eventually((tmp_path / "began").exists)
    bridge.terminate()

    def refuses() -> bool:
        host, _, port = bridge.ready["http"].rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # it waited to be accepted when the listener closed
            return False
        return False

    await eventually(refuses)
    assert not held.done()
    _, body = await held
    assert body["result"]["content"][0]["text"] == "held"
    assert bridge.ended() == 0


async def test_a_whole_mesh_finishes_its_calls(tmp_path: Path) -> None:
    options = ("--replicas", "2", "--grpc", ANY, "--http", ANY, *GRACE)
    with command(tmp_path, "up", TOOLS, *options) as up:
        async with Stubs(up.grpc) as stubs:
            over_grpc, over_http = tmp_path / "grpc", tmp_path / "http"
            over_grpc.mkdir()
            over_http.mkdir()
            held = stubs.tools.Invoke(request("hold", folder=str(over_grpc), seconds=2))
            posted = asyncio.create_task(
                asyncio.to_thread(post, up.url, "hold", {}, folder=str(over_http), seconds=2)
            )
            await eventually((over_grpc / "began").exists)
            await eventually((over_http / "began").exists)
            up.terminate()
            assert text_of((await held).result) == "held"
            _, body = await posted
            assert body["result"]["content"][0]["text"] == "held"
        assert up.ended() == 0


async def test_calls_longer_than_the_grace_are_cut(tmp_path: Path) -> None:
    options = ("--grpc", ANY, "--http", ANY, "--drain-grace", "0.3")
    with command(tmp_path, "up", TOOLS, *options) as up:
        async with Stubs(up.grpc) as stubs:
            held = stubs.tools.Invoke(request("hold", folder=str(tmp_path), seconds=600))
            await eventually((tmp_path / "began").exists)
            up.terminate()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await held
            assert caught.value.code() in (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)
        assert up.ended() == 0


async def test_a_router_is_ready_until_it_drains(tmp_path: Path) -> None:
    options = ("--grpc", ANY, *GRACE)
    with (
        command(tmp_path, "router", *options, env=METRICS) as router,
        command(tmp_path, "serve", TOOLS, "--router", router.grpc),
    ):
        url = metrics_url(router)
        assert await page(f"{url}/readyz") == (200, "ready\n")
        async with Stubs(router.grpc) as stubs:
            held = stubs.tools.Invoke(request("hold", folder=str(tmp_path), seconds=2))
            await eventually((tmp_path / "began").exists)
            router.terminate()

            async def drains() -> bool:
                return await page(f"{url}/readyz") == (503, "not ready: it drains\n")

            await eventually(drains)
            assert not (tmp_path / "finished").exists()
            assert text_of((await held).result) == "held"
        assert router.ended() == 0
