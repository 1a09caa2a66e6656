"""Slow readers behind fast streams: memory stays where it was, on the way there and back."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from mcpmesh.v1 import invoke_pb2
from tests.e2e.commands import TOOLS, Command, command
from tests.e2e.stubs import Stubs, request
from tests.eventually import eventually

ANY = "127.0.0.1:0"
MIB = 1024 * 1024
ALLOWED_KIB = 8 * 1024
#: HTTP/2 windows of grpc.aio grow with what it measures; this keeps them small.
SMALL = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536))


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Command, Command]]:
    folder = tmp_path_factory.mktemp("flow")
    with ExitStack() as stack:
        router = stack.enter_context(command(folder, "router", "--grpc", ANY))
        replica = stack.enter_context(command(folder, "serve", TOOLS, "--router", router.grpc))
        yield router, replica


async def settled(command: Command) -> int:
    """Return the memory of a process once it stopped growing."""
    before = -1
    while (now := command.rss_kib()) > before:
        before = now
        await asyncio.sleep(0.5)
    return now


async def warm(stubs: Stubs) -> None:
    call = stubs.tools.InvokeStream(request("flood", chunks=100, size=100_000))
    async for _ in call:
        pass


async def test_reader_that_stands_still_holds_the_tool_and_no_memory(
    mesh: tuple[Command, Command],
) -> None:
    router, replica = mesh
    async with Stubs(router.grpc, *SMALL) as stubs:
        await warm(stubs)
        idle = router.rss_kib(), replica.rss_kib()
        calls = [
            stubs.tools.InvokeStream(request("flood", chunks=10_000, size=100_000), timeout=100)
            for _ in range(2)
        ]
        for call in calls:
            for _ in range(3):
                assert (await call.read()).WhichOneof("event") == "content"
        grown = await settled(router) - idle[0], await settled(replica) - idle[1]
        assert grown[0] < ALLOWED_KIB
        assert grown[1] < 2 * ALLOWED_KIB
        for call in calls:
            for _ in range(100):
                assert (await call.read()).WhichOneof("event") == "content"
            call.cancel()
        assert router.rss_kib() - idle[0] < ALLOWED_KIB


async def test_slow_reader_behind_a_fast_stream_gets_all_of_it(
    mesh: tuple[Command, Command],
) -> None:
    router, _ = mesh
    async with Stubs(router.grpc, *SMALL) as stubs:
        await warm(stubs)
        idle = router.rss_kib()
        call = stubs.tools.InvokeStream(request("flood", chunks=640, size=100_000), timeout=100)
        size = peak = 0
        async for event in call:
            size += len(event.content.text.text)
            if size % 2_000_000 == 0:
                await asyncio.sleep(0.05)
                peak = max(peak, router.rss_kib())
        assert size == 64_000_000
        assert peak - idle < ALLOWED_KIB


async def test_tool_that_does_not_read_holds_its_caller_and_no_memory(
    mesh: tuple[Command, Command], tmp_path: Path
) -> None:
    router, replica = mesh
    async with Stubs(router.grpc, *SMALL) as stubs:
        call = stubs.tools.Converse(timeout=100)
        await call.write(request("swallow", folder=str(tmp_path)))
        assert (await call.read()).content.text.text == "listening"
        idle = router.rss_kib(), replica.rss_kib()
        message = invoke_pb2.InvokeRequest(arguments=json.dumps({"x": "y" * 100_000}).encode())
        written = 0

        async def write() -> None:
            nonlocal written
            for _ in range(400):
                await call.write(message)
                written += 1
            await call.done_writing()

        writing = asyncio.create_task(write())
        before = -1
        while written > before:
            before = written
            await asyncio.sleep(0.5)
        assert written < 400, "nothing held the writer back"
        assert router.rss_kib() - idle[0] < ALLOWED_KIB
        assert replica.rss_kib() - idle[1] < 2 * ALLOWED_KIB
        (tmp_path / "go").touch()
        await writing
        assert (await call.read()).content.text.text == "400"
        assert (await call.read()).WhichOneof("event") == "result"
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_small_calls_pass_a_held_stream_on_the_same_connection(
    mesh: tuple[Command, Command],
) -> None:
    router, _ = mesh
    async with Stubs(router.grpc) as stubs:
        held = stubs.tools.InvokeStream(request("flood", chunks=10_000, size=100_000), timeout=100)
        await held.read()
        for _ in range(20):
            await stubs.text("who")
        held.cancel()

        async def answers() -> bool:
            return bool(await stubs.text("who"))

        await eventually(answers)
