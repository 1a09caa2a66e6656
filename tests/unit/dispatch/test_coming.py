"""A replica that is being connected to is waited for when there is no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from mcpmesh import Client, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.errors import DeadlineExceeded, NoReplica
from mcpmesh.model.address import join_endpoint
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters


class Gate:
    """A port that takes connections, and goes on to a replica once it is opened."""

    def __init__(self, replica: str) -> None:
        self.opened = asyncio.Event()
        self.knocked = asyncio.Event()
        self._replica = replica.rpartition(":")[::2]
        self._writers: list[asyncio.StreamWriter] = []
        self._pipes: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return join_endpoint(*self._server.sockets[0].getsockname())

    async def stop(self) -> None:
        """Close the port, and who stands before it."""
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.knocked.set()
        await self.opened.wait()
        back, on = await asyncio.open_connection(*self._replica)
        self._writers.append(on)
        for source, target in ((reader, on), (back, writer)):
            self._pipes.append(asyncio.create_task(_pipe(source, target)))


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)


@asynccontextmanager
async def calling() -> AsyncIterator[tuple[Client, Gate, str]]:
    """Run a replica behind a gate, and a router that was told of it; yields a client of that."""
    app = ToolServer("echo")

    @app.tool
    def echo(text: str) -> str:
        return text

    await app.start("127.0.0.1:0")
    gate = Gate(app.replica.endpoint)
    settings = RouterSettings(grpc="127.0.0.1:0", static=(f"{await gate.start()}=echo",))
    router = Router(settings, without_exporters(Random(1)))
    try:
        endpoint = await router.start()
        async with Client(endpoint) as client, asyncio.timeout(30.0):
            yield client, gate, endpoint
    finally:
        await router.stop(0)
        await gate.stop()
        await app.stop(0)


async def test_the_first_call_waits_until_the_replica_is_connected() -> None:
    async with calling() as (client, gate, _):
        call = asyncio.create_task(client.call("echo", {"text": "hi"}))
        await gate.knocked.wait()
        # Answered by the same router, after the call came: it waits, and was not refused.
        assert (await client.list_tools())[0].ready_replicas == 0
        assert not call.done()
        gate.opened.set()
        assert (await call).text == "hi"


async def test_no_call_waits_beyond_its_deadline() -> None:
    async with calling() as (client, _, _):
        with pytest.raises(DeadlineExceeded):
            await client.call("echo", {"text": "hi"}, timeout=0.2)


async def test_who_waits_is_told_when_the_replica_does_not_come() -> None:
    async with calling() as (client, gate, _):
        call = asyncio.create_task(client.call("echo", {"text": "hi"}))
        await gate.knocked.wait()
        await gate.stop()
        with pytest.raises(NoReplica, match="its only replica"):
            await call
        # From now on it is known to be away: nobody waits for the next attempt to connect.
        with pytest.raises(NoReplica, match="its only replica"):
            await client.call("echo", {"text": "hi"})
