"""Replicas that are killed, that all fail, that are too few: what callers notice of it."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc import StatusCode

from mcpmesh.v1 import (
    discovery_pb2,
    discovery_pb2_grpc,
    invoke_pb2,
    invoke_pb2_grpc,
    tool_pb2,
)
from tests.e2e.commands import Command, command
from tests.e2e.load import Load
from tests.e2e.pages import METRICS, metrics_url, page
from tests.e2e.stubs import Stubs, request, text_of
from tests.e2e.test_trace import post
from tests.eventually import eventually
from tests.listening import listening

ANY = "127.0.0.1:0"
TOOLS = "tests.e2e.frail_tools:app"
PUSHBACK = "grpc-retry-pushback-ms"
#: So many that some are in flight on whichever replica is killed.
_CALLERS = 16
#: Calls per second that find out whether an outage is over.
_PROBES = 5.0


def executed(folder: Path) -> Counter[str]:
    """Count the executions by id, over all processes that ever were."""
    return Counter(id for path in folder.glob("executed-*") for id in path.read_text().splitlines())


async def test_killed_replicas_fail_no_idempotent_call_and_run_no_other_twice(
    tmp_path: Path, stack: ExitStack
) -> None:
    """Of the calls that are not idempotent, those in flight there fail, and say so."""
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY))

    def serve() -> Command:
        return stack.enter_context(command(tmp_path, "serve", TOOLS, "--router", router.grpc))

    replicas = [serve() for _ in range(3)]
    folders = {tool: tmp_path / tool for tool in ("look", "change")}
    for folder in folders.values():
        folder.mkdir()
    look, change = (
        Load(router.grpc, tool, _CALLERS, folder=str(folder)) for tool, folder in folders.items()
    )
    for index in range(2):
        await look.more(100)
        await change.more(100)
        replicas[index].kill()
        await look.more(100)
        await change.more(100)
        replicas[index] = await asyncio.to_thread(serve)
    await look.more(100)
    await look.end()
    await change.end()
    assert [str(error) for _, error in look.failures] == []
    assert 0 < len(change.failures) <= 2 * _CALLERS
    for _, error in change.failures:
        assert error.code() is StatusCode.UNAVAILABLE
        assert "(attempt 1; not tried again: it may have taken effect" in (error.details() or "")
    counts = executed(folders["change"])
    assert set(counts.values()) == {1}
    assert len(counts) >= len(change.answers)


class Broken(invoke_pb2_grpc.ToolServiceServicer, discovery_pb2_grpc.DiscoveryServiceServicer):
    """Serves an idempotent tool, and fails every call of it until it is mended."""

    def __init__(self) -> None:
        self.attempts: list[dict[str, str]] = []
        self.mended = False

    async def Invoke(self, asked: Any, context: Any) -> Any:
        self.attempts.append(dict(context.invocation_metadata()))
        if not self.mended:
            await context.abort(StatusCode.UNAVAILABLE, "the database is away")
        return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult())

    async def ListTools(self, asked: Any, context: Any) -> Any:
        hints = tool_pb2.ToolAnnotations(idempotent_hint=True)
        wish = tool_pb2.CallPolicy(admission=tool_pb2.AdmissionPolicy(probes=_PROBES))
        tool = tool_pb2.Tool(name="broken", version="1", annotations=hints, policy=wish)
        return discovery_pb2.ListToolsResponse(tools=[discovery_pb2.ToolStatus(tool=tool)])


@asynccontextmanager
async def broken() -> AsyncIterator[tuple[Broken, int]]:
    server, servicer = grpc.aio.server(), Broken()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(servicer, server)
    discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(servicer, server)
    async with listening(server) as port:
        yield servicer, port


async def test_when_all_replicas_fail_attempts_stay_within_the_budget(
    tmp_path: Path, stack: ExitStack
) -> None:
    # Without what is allowed per second, so that the machine's speed decides nothing; and every
    # call is let through, however long all have failed: the budget alone is looked at.
    budget = (
        'broken={"retry": {"budget_per_second": 0, "first_wait": 0.001},'
        ' "admission": {"probes": 0}}'
    )
    async with broken() as (first, one), broken() as (second, other):
        router = stack.enter_context(command(
            tmp_path, "router", "--grpc", ANY, "--tool", budget,
            "--static", f"127.0.0.1:{one}", "--static", f"127.0.0.1:{other}",
        ))  # fmt: skip
        async with Stubs(router.grpc) as stubs:
            await eventually(lambda: has(stubs, "broken", (2, 2)))
        load = Load(router.grpc, "broken", 8)
        await load.more(1000)
        await load.end()
    attempts = [*first.attempts, *second.attempts]
    assert load.answers == []
    assert len(load.failures) < len(attempts) <= 1.21 * load.calls
    again = [each for each in attempts if "grpc-previous-rpc-attempts" in each]
    assert len(attempts) - len(again) == load.calls
    told = Counter((error.details() or "").partition("; ")[2] for _, error in load.failures)
    assert {error.code() for _, error in load.failures} == {StatusCode.UNAVAILABLE}
    assert all("the database is away (attempt " in str(error) for _, error in load.failures)
    assert told["not tried again: too many calls of the tool are being tried again already)"] > 500


async def test_in_an_outage_calls_are_refused_at_once_until_a_replica_heals(
    tmp_path: Path, stack: ExitStack
) -> None:
    async with broken() as (first, one), broken() as (second, other):
        router = stack.enter_context(command(
            tmp_path, "router", "--grpc", ANY,
            "--static", f"127.0.0.1:{one}", "--static", f"127.0.0.1:{other}", env=METRICS,
        ))  # fmt: skip
        async with Stubs(router.grpc) as stubs:
            await eventually(lambda: has(stubs, "broken", (2, 2)))
            load = Load(router.grpc, "broken", 4)
            await eventually(lambda: len(untried(load)) > 500)
            asked = discovery_pb2.ExplainToolRequest(name="broken")
            said = (await stubs.discovery.ExplainTool(asked)).summary
            assert f"every call fails, so {_PROBES:g} per second are tried" in said
            first.mended = second.mended = True
            await eventually(lambda: len(load.answers) > 500)
            # Those that were answered last had no failure among them.
            failures = len(load.failures)
            await load.more(500)
            await load.end()
            assert len(load.failures) == failures
            assert "every call" not in (await stubs.discovery.ExplainTool(asked)).summary
        attempts = len(first.attempts) + len(second.attempts)
        refused = untried(load)
        # Three attempts at most for each call that was tried, and none for those that were refused.
        assert attempts <= 3 * (load.calls - len(refused))
        for error in refused:
            assert error.code() is StatusCode.UNAVAILABLE
            assert "the last one with: the database is away" in (error.details() or "")
            pushback = int(dict(error.trailing_metadata() or ())[PUSHBACK])
            assert 500 <= pushback <= 1500
            assert f"try again in {pushback / 1000:g} s" in (error.details() or "")
        assert {error.code() for _, error in load.failures} == {StatusCode.UNAVAILABLE}
        _, text = await page(f"{metrics_url(router)}/metrics")
        assert [int(count) for count in SHED.findall(text)] == [len(refused)]


SHED = re.compile(
    r'^mcpmesh_router_calls_shed_total\{.*mcpmesh_shed_reason="outage".*\} (\d+)', re.M
)


def untried(load: Load) -> list[grpc.aio.AioRpcError]:
    """Return the failures of calls that no replica got."""
    return [each for _, each in load.failures if "this one was not tried" in (each.details() or "")]


async def has(stubs: Stubs, tool: str, counts: tuple[int, int]) -> bool:
    return await stubs.ready(tool) == counts


async def test_what_a_tool_cannot_take_is_refused_at_once_and_told_when_to_come(
    tmp_path: Path, stack: ExitStack
) -> None:
    limit = 'few={"admission": {"in_flight": 10, "queue": 5}}'
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY, "--tool", limit))
    stack.enter_context(command(tmp_path, "serve", TOOLS, "--router", router.grpc))
    load = Load(router.grpc, "few", 30, seconds=0.02)
    await eventually(lambda: len(load.answers) > 100 and len(load.failures) > 100)
    await load.end()
    # However many call, the tool has no more than it can take, so none waits there.
    assert max(map(int, load.answers)) <= 10
    for _, error in load.failures:
        assert error.code() is StatusCode.RESOURCE_EXHAUSTED, error
        pushback = dict(error.trailing_metadata() or ())[PUSHBACK]
        assert int(pushback) >= 10
        assert f"try again in {int(pushback) / 1000:g} s" in (error.details() or "")


async def test_another_tool_stands_in_and_the_answer_says_so(
    tmp_path: Path, stack: ExitStack
) -> None:
    settings = ("--tool", 'better={"fallback": "few"}')
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY, *settings))
    bridge = stack.enter_context(
        command(tmp_path, "bridge", "--http", ANY, "--router", router.grpc)
    )
    stack.enter_context(command(tmp_path, "serve", TOOLS, "--router", router.grpc))
    async with Stubs(router.grpc) as stubs:
        await eventually(lambda: has(stubs, "few", (1, 1)))
        call = stubs.tools.Invoke(request("better", seconds=0.0), timeout=30)
        assert text_of((await call).result) == "1"
        told = dict(await call.initial_metadata())
        assert told["mcpmesh-tool"] == "few"
        assert told["mcpmesh-tool-version"]
    _, body = await asyncio.to_thread(post, bridge.url, "better", {}, seconds=0.0)
    assert body["result"]["content"][0]["text"] == "1"
    assert body["result"]["_meta"]["mcpmesh/tool"] == "few"
