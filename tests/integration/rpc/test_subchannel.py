"""The connection to one endpoint, and servers that are no good."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest

from mcpmesh.errors import NoReplica
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.subchannel import State, Subchannel
from mcpmesh.transport.hub import Hub
from tests.eventually import eventually

SETTINGS = bytes.fromhex("000000040000000000")
GOAWAY = bytes.fromhex("0000080700000000000000000000000000")


@asynccontextmanager
async def serving(greeting, stay=True):
    """Accept connections, send some bytes, and stay or hang up; yields the port and a count."""
    accepted = []

    async def serve(reader, writer):
        accepted.append(writer)
        writer.write(greeting)
        if stay:
            await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], accepted
    finally:
        server.close()
        for writer in accepted:
            writer.close()


@asynccontextmanager
async def subchannel(port, **options):
    states = []
    found = Subchannel(
        f"127.0.0.1:{port}",
        Hub(asyncio.get_running_loop()),
        rng=Random(1),
        backoff=Backoff(0.05, 1.0, 0.05, 0.0),
        on_state=lambda subchannel: states.append(subchannel.state),
        **options,
    )
    try:
        yield found, states
    finally:
        await found.close()
        assert states[-1] is State.SHUTDOWN


async def test_it_connects_when_asked_and_once():
    async with serving(SETTINGS) as (port, accepted), subchannel(port) as (found, states):
        assert found.state is State.IDLE
        first, second = await asyncio.gather(found.ready(), found.ready())
        assert first is second is found.connection
        assert states == [State.CONNECTING, State.READY]
        assert len(accepted) == 1


async def test_it_is_ready_only_after_the_settings_came():
    async with serving(b"") as (port, accepted), subchannel(port) as (found, states):
        found.connect()
        await eventually(lambda: accepted)
        assert states == [State.CONNECTING]
        accepted[0].write(SETTINGS)
        await found.ready()
        assert states == [State.CONNECTING, State.READY]


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_a_server_that_speaks_something_else_is_a_failure_with_a_reason(greeting):
    async with serving(greeting, stay=False) as (port, _), subchannel(port) as (found, states):
        with pytest.raises(NoReplica, match=f"cannot connect to 127.0.0.1:{port}: ."):
            await found.ready()
        assert states == [State.CONNECTING, State.TRANSIENT_FAILURE]


async def test_a_lost_connection_is_made_again_when_the_next_call_wants_it():
    async with serving(SETTINGS) as (port, accepted), subchannel(port) as (found, states):
        await found.ready()
        accepted[0].close()
        await found.changed()
        assert found.state is State.IDLE
        assert found.connection is None
        await found.ready()
        assert states == [State.CONNECTING, State.READY, State.IDLE, State.CONNECTING, State.READY]


async def test_an_eager_one_connects_again_unasked():
    async with serving(SETTINGS) as (port, accepted), subchannel(port, eager=True) as (found, _):
        await found.ready()
        accepted[0].close()
        await eventually(lambda: len(accepted) == 2)
        await found.ready()


@pytest.mark.parametrize("greeting", [SETTINGS, SETTINGS + GOAWAY])
async def test_an_eager_one_does_not_hammer_a_server_that_hangs_up(greeting):
    async with (
        serving(greeting, stay=False) as (port, accepted),
        subchannel(port, eager=True) as (found, _),
    ):
        found.connect()
        await eventually(lambda: len(accepted) >= 2)
        await asyncio.sleep(0.5)
    assert len(accepted) <= 15


async def test_a_goaway_makes_way_for_a_new_connection_while_streams_finish():
    async with serving(SETTINGS) as (port, accepted), subchannel(port) as (found, states):
        old = await found.ready()
        old.open(((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/")), _Deaf())
        accepted[0].write(GOAWAY[:9] + b"\x7f\xff\xff\xff" + GOAWAY[13:])
        await found.changed()
        assert len(old.streams) == 1
        assert await found.ready() is not old
        assert states[-2:] == [State.CONNECTING, State.READY]


class _Deaf:
    def on_headers(self, headers, end):
        pass

    def on_data(self, data, end):
        pass

    def on_reset(self, code, message):
        pass


@pytest.mark.parametrize("stage", ["idle", "connecting", "ready", "failed"])
async def test_it_may_be_closed_at_any_stage(stage):
    async with (
        serving(b"" if stage == "connecting" else SETTINGS) as (port, accepted),
        subchannel(1 if stage == "failed" else port) as (found, _),
    ):
        if stage == "ready":
            await found.ready()
        elif stage == "failed":
            with pytest.raises(NoReplica):
                await found.ready()
        elif stage == "connecting":
            found.connect()
            await eventually(lambda: accepted)
        waiting = asyncio.ensure_future(found.ready(wait_for_ready=True))
        await asyncio.sleep(0)
        await found.close()
        await found.close()
        if stage == "ready":
            await waiting
        else:
            with pytest.raises(NoReplica, match="is closed"):
                await waiting
