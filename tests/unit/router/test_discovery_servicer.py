"""DiscoveryService as a stock grpc.aio client sees it."""

import asyncio

import grpc
import pytest

from mcpmesh.discovery.watch import ChangeLog
from mcpmesh.dispatch.catalog_watch import Step
from mcpmesh.dispatch.replica_view import StatusWriter
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.prompt import Prompt
from mcpmesh.model.replica import Replica
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import Tool
from mcpmesh.router import tool_events
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.v1 import discovery_pb2
from tests.eventually import eventually
from tests.unit.router.serving import SeenReplicas, clock, mesh, refused


def join(keeper: RegistryKeeper, replica_id: str, *tools: Tool, server: str = "s") -> str:
    return keeper.register(Replica(replica_id, "10.0.0.7:1", server), tools)[0].id


def watching(stubs, **fields):
    return aiter(stubs.discovery.WatchTools(discovery_pb2.WatchToolsRequest(**fields)))


async def following(events) -> discovery_pb2.CatalogEvent:
    async with asyncio.timeout(10):
        return await anext(events)


async def test_all_pages_together_have_every_tool_once():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", *(Tool(f"t{n}") for n in range(7)))
    async with mesh(keeper) as stubs:
        names, token = [], ""
        while True:
            page = await stubs.discovery.ListTools(
                discovery_pb2.ListToolsRequest(page_size=3, page_token=token)
            )
            names += [status.tool.name for status in page.tools]
            assert page.cursor == keeper.cursor
            token = page.next_page_token
            if not token:
                break
        assert names == [f"t{n}" for n in range(7)]


async def test_a_page_token_that_was_not_given_is_refused():
    async with mesh(RegistryKeeper(clock)) as stubs:
        request = discovery_pb2.ListToolsRequest(page_token="forged")
        code, message = await refused(stubs.discovery.ListTools(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "page_token" in message


async def test_older_versions_are_listed_when_asked_for():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add", version="1"))
    join(keeper, "b", Tool("add", version="2"))
    async with mesh(keeper) as stubs:
        newest = await stubs.discovery.ListTools(discovery_pb2.ListToolsRequest())
        every = await stubs.discovery.ListTools(discovery_pb2.ListToolsRequest(all_versions=True))
    assert [status.tool.version for status in newest.tools] == ["2"]
    assert [status.tool.version for status in every.tools] == ["2", "1"]


async def test_ready_replicas_are_those_that_take_calls_now():
    keeper, view = RegistryKeeper(clock), SeenReplicas()
    leases = [join(keeper, each, Tool("add")) for each in "abc"]
    view.states["a"] = ("TRANSIENT_FAILURE", 0, "connection refused")
    keeper.drain(leases[1])
    async with mesh(keeper, view) as stubs:
        status = await stubs.discovery.GetTool(discovery_pb2.GetToolRequest(name="add"))
    assert (status.replicas, status.ready_replicas) == (3, 1)


async def test_an_unknown_tool_names_the_nearest():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("forecast", version="1"))
    async with mesh(keeper) as stubs:
        for request, hint in (
            (discovery_pb2.GetToolRequest(name="forcast"), "forecast"),
            (discovery_pb2.GetToolRequest(name="forecast", version="7"), "it has 1"),
        ):
            code, message = await refused(stubs.discovery.GetTool(request))
            assert code is grpc.StatusCode.NOT_FOUND
            assert hint in message
        code, _ = await refused(
            stubs.discovery.ListReplicas(discovery_pb2.ListReplicasRequest(tool="nope"))
        )
        assert code is grpc.StatusCode.NOT_FOUND


async def test_search_gives_the_best_first_with_reasons():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("forecast", "The weather."), Tool("weather"), Tool("sql"))
    async with mesh(keeper) as stubs:
        answer = await stubs.discovery.SearchTools(
            discovery_pb2.SearchToolsRequest(query="weather")
        )
        code, _ = await refused(
            stubs.discovery.SearchTools(discovery_pb2.SearchToolsRequest(query=""))
        )
    assert [hit.tool.tool.name for hit in answer.hits] == ["weather", "forecast"]
    assert answer.hits[0].score > answer.hits[1].score > 0
    assert answer.hits[1].reason == "description: weather"
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_replicas_are_shown_as_this_process_sees_them():
    keeper, view = RegistryKeeper(clock), SeenReplicas()
    join(keeper, "z", Tool("add", version="1"), server="first")
    lease = join(keeper, "b", Tool("sub", version="1"), server="second")
    keeper.add_static(Replica("a", "10.0.0.8:1", "second"), [Tool("add", version="1")])
    keeper.drain(lease)
    view.states["z"] = ("READY", 4, "")
    view.states["a"] = ("TRANSIENT_FAILURE", 0, "refused")
    async with mesh(keeper, view) as stubs:
        every = (await stubs.discovery.ListReplicas(discovery_pb2.ListReplicasRequest())).replicas
        adding = await stubs.discovery.ListReplicas(discovery_pb2.ListReplicasRequest(tool="add"))
    assert [(each.replica.id, each.state) for each in every] == [
        ("z", "READY"),
        ("a", "TRANSIENT_FAILURE"),
        ("b", "DRAINING"),
    ]
    assert (every[0].in_flight, list(every[0].tools)) == (4, ["add@1"])
    assert every[1].reason == "refused"
    assert every[0].lease_remaining.seconds in (9, 10)
    assert not every[1].HasField("lease_remaining")
    assert [each.replica.id for each in adding.replicas] == ["z", "a"]


async def test_a_watcher_gets_a_snapshot_then_changes():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add", version="1"))
    async with mesh(keeper) as stubs:
        events = watching(stubs)
        first = await following(events)
        assert [status.tool.name for status in first.snapshot.tools] == ["add"]
        lease = join(keeper, "b", Tool("add", version="1"))
        second = await following(events)
        assert (second.updated.tool.name, second.updated.replicas) == ("add", 2)
        keeper.deregister(lease)
        join(keeper, "a", Tool("sub", version="1"))
        left = [await following(events) for _ in range(2)]
        assert {each.WhichOneof("change") for each in left} == {"updated", "removed"}
        assert left[1].cursor == keeper.cursor


async def test_a_watcher_goes_on_from_its_cursor_without_a_snapshot():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add", version="1"))
    cursor = keeper.cursor
    join(keeper, "b", Tool("sub", version="1"), Tool("mul", version="1"))
    async with mesh(keeper) as stubs:
        events = watching(stubs, cursor=cursor)
        got = [await following(events) for _ in range(2)]
        assert {each.updated.tool.name for each in got} == {"sub", "mul"}
        # Only the last of the changes that came at once may be gone on from.
        assert [each.cursor for each in got] == [cursor, keeper.cursor]
        nothing_new = watching(stubs, cursor=keeper.cursor)
        waiting = asyncio.ensure_future(following(nothing_new))
        await asyncio.sleep(0.05)
        keeper.add_static(Replica("c", "h:1"), [Tool("div")])
        assert (await waiting).updated.tool.name == "div"


async def test_a_cursor_of_another_life_leads_to_a_snapshot():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add"))
    async with mesh(keeper) as stubs:
        for cursor in (RegistryKeeper(clock).cursor, "junk", tool_events.INCOMPLETE):
            event = await following(watching(stubs, cursor=cursor))
            assert event.HasField("snapshot")
            assert event.cursor == keeper.cursor


async def test_a_watcher_of_labels_sees_a_tool_go_when_its_labels_change():
    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add", version="1", labels={"zone": "x"}), Tool("sub"))
    async with mesh(keeper) as stubs:
        events = watching(stubs, labels={"zone": "x"})
        first = await following(events)
        assert [status.tool.name for status in first.snapshot.tools] == ["add"]
        join(keeper, "a", Tool("add", version="1", labels={"zone": "y"}))
        event = await following(events)
        assert (event.removed.name, event.removed.version) == ("add", "1")


async def test_a_slow_watcher_is_told_to_resync_and_its_stream_ends():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        events = watching(stubs)
        snapshot = await following(events)
        # In one go, so that the watcher cannot take any of it.
        for part in range(3):
            tools = [Tool(f"t{part}-{n}") for n in range(1000)]
            keeper.add_static(Replica(f"r{part}", "h:1"), tools)
        event = await following(events)
        assert "slow" in event.resync.reason
        assert event.cursor == snapshot.cursor
        with pytest.raises(StopAsyncIteration):
            await following(events)
        again = await following(watching(stubs, cursor=event.cursor))
        assert again.HasField("snapshot")


async def test_watchers_are_let_go_when_the_router_goes_down():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        events = watching(stubs)
        await following(events)
        keeper.end_watches()
        code, _ = await refused(following(events))
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_watcher_that_hangs_up_is_forgotten():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        call = stubs.discovery.WatchTools(discovery_pb2.WatchToolsRequest())
        await following(aiter(call))
        assert "1 watchers" in repr(keeper)
        call.cancel()
        await eventually(lambda: "0 watchers" in repr(keeper))


def test_a_snapshot_too_large_for_a_message_comes_in_parts(monkeypatch):
    monkeypatch.setattr(tool_events, "MAX_SNAPSHOT_BYTES", 2000)
    keeper = RegistryKeeper(clock)
    join(keeper, "a", *(Tool(f"t{n}") for n in range(9)))
    writer = StatusWriter(SeenReplicas())
    events = list(tool_events.snapshot_events(keeper.catalog, "e-2", {}, writer))
    assert [event.cursor for event in events] == [*["incomplete"] * (len(events) - 1), "e-2"]
    first, *rest = events
    names = [status.tool.name for status in first.snapshot.tools]
    assert names + [event.updated.tool.name for event in rest] == [f"t{n}" for n in range(9)]
    assert len(rest) > 2
    assert ChangeLog("e", 2).version_of("incomplete") is None


def test_a_tool_that_went_meanwhile_is_left_out_until_its_removal_comes():
    keeper = RegistryKeeper(clock)
    with keeper.watch() as watch:
        join(keeper, "a", Tool("add"))
        step = asyncio.run(watch.step())
        assert isinstance(step, Step)
        writer = StatusWriter(SeenReplicas())
        assert list(tool_events.step_events(step, Catalog(), writer)) == []


async def test_an_unexpected_failure_is_withheld_and_logged(caplog):
    class Broken(SeenReplicas):
        def state(self, replica_id: str) -> tuple[str, int, str]:
            raise KeyError("secret")

    keeper = RegistryKeeper(clock)
    join(keeper, "a", Tool("add"))
    async with mesh(keeper, Broken()) as stubs:
        code, message = await refused(
            stubs.discovery.GetTool(discovery_pb2.GetToolRequest(name="add"))
        )
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in message
    assert "secret" in caplog.text


async def test_prompts_and_resources_come_when_they_are_asked_for():
    keeper = RegistryKeeper(clock)
    prompt = Tool("prompt:weather", kind=Prompt())
    join(keeper, "a", Tool("weather"), prompt, Tool("resource:w://x", kind=Resource("w://x", "x")))
    async with mesh(keeper) as stubs:
        for kind, names in (
            ("", ["weather"]),
            ("prompt", ["prompt:weather"]),
            ("resource", ["resource:w://x"]),
            ("*", ["prompt:weather", "resource:w://x", "weather"]),
        ):
            page = await stubs.discovery.ListTools(discovery_pb2.ListToolsRequest(kind=kind))
            assert [status.tool.name for status in page.tools] == names
            event = await following(watching(stubs, kind=kind))
            assert [status.tool.name for status in event.snapshot.tools] == names
        request = discovery_pb2.SearchToolsRequest(query="weather", kind="prompt")
        [hit] = (await stubs.discovery.SearchTools(request)).hits
        assert hit.tool.tool.name == "prompt:weather"
        request = discovery_pb2.ListToolsRequest(kind="chair")
        code, message = await refused(stubs.discovery.ListTools(request))
        assert (code, "chair" in message) == (grpc.StatusCode.INVALID_ARGUMENT, True)
