import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mcpmesh import SyncClient, errors
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.catalog_watch import Snapshot
from mcpmesh.sdk.events import LogEvent
from tests.eventually import wait_until
from tests.unit.sdk.peer import serving


@pytest.fixture(scope="module")
def peer():
    """A server in a thread of its own: the tests here block theirs."""
    started, up = threading.Event(), {}

    async def main():
        async with serving() as (up["target"], up["seen"]):
            up["loop"], up["stop"] = asyncio.get_running_loop(), asyncio.Event()
            started.set()
            await up["stop"].wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert started.wait(5)
    yield up["target"], up["seen"]
    up["loop"].call_soon_threadsafe(up["stop"].set)
    thread.join()


@pytest.fixture
def client(peer):
    with SyncClient(peer[0]) as client:
        yield client


def test_call_gives_what_the_async_client_gives(client):
    result = client.call("echo", {"city": "Oslo"}, result_type=dict[str, str])
    assert result.data == {"city": "Oslo"}
    assert result.correlation_id == "corr-from-peer"


def test_errors_are_the_same_classes(client):
    with pytest.raises(errors.ToolNotFound):
        client.call("missing")
    with pytest.raises(errors.DeadlineExceeded):
        client.call("hang", timeout=0.1)


def test_questions_are_answered_by_a_plain_function(client):
    result = client.call("order", on_input=lambda question: {"method": question.method})
    assert result.data == {"method": "elicitation/create"}


def test_discovery_gives_the_same_values(client):
    assert len(client.list_tools()) == 1200
    assert client.get_tool("echo").name == "echo"
    assert client.search_tools("repeat")[0].score == 1.5
    assert client.list_replicas()[0].state == "READY"


def test_stream_is_an_iterator(client):
    events = list(client.stream("prices"))
    assert len(events) == 4
    assert isinstance(events[-1], CallResult)


def test_leaving_a_stream_cancels_the_call_on_the_wire(client, peer):
    peer[1].cancelled.clear()
    with client.stream("endless") as events:
        for event in events:
            if isinstance(event, LogEvent):
                break
    wait_until(peer[1].cancelled.is_set)
    assert list(events) == []


def test_dropping_a_stream_cancels_the_call_on_the_wire(client, peer):
    peer[1].cancelled.clear()
    for event in client.stream("endless"):
        if isinstance(event, LogEvent):
            break
    wait_until(peer[1].cancelled.is_set)


def test_stream_closed_by_another_thread_ends(client):
    stream = client.stream("endless")
    got = []
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(got.extend, stream)
        wait_until(lambda: len(got) == 2)
        stream.close()
        reading.result(10)
    assert len(got) == 2


def test_watch_is_an_iterator_that_another_thread_can_close(client, peer):
    peer[1].watches.clear()
    watch, got = client.watch(), []
    assert isinstance(next(watch), Snapshot)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(got.extend, watch)
        wait_until(lambda: len(peer[1].watches) == 3)
        wait_until(lambda: got and isinstance(got[-1], Snapshot))
        watch.close()
        reading.result(10)
    assert isinstance(got[-1], Snapshot)


def test_conversation_sends_and_receives_in_turn(client):
    with client.converse("sum") as talk:
        talk.send({"add": 2})
        assert next(talk).text == "2"
        talk.done_writing()
        assert next(talk).data == 2


def test_many_threads_share_one_client(client):
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda n: client.call("echo", {"n": n}).data["n"], range(100))
    assert list(results) == list(range(100))


def test_close_ends_calls_of_other_threads_and_the_loops_thread(peer):
    client = SyncClient(peer[0])
    peer[1].requests.clear()
    with ThreadPoolExecutor() as pool:
        calling = pool.submit(client.call, "hang")
        wait_until(lambda: peer[1].requests)
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            calling.result(10)
    with pytest.raises(RuntimeError, match="is closed"):
        client.call("echo")
    client.close()
    assert not [thread for thread in threading.enumerate() if peer[0] in thread.name]


def test_client_that_never_called_closes():
    with SyncClient():
        pass
