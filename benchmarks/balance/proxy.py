"""A TCP proxy that harms what passes through it, as networks and machines do."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from enum import Enum

_CHUNK_BYTES = 64 * 1024


class Kind(Enum):
    """What the proxy does to connections."""

    PASS = "pass"
    #: Each way takes so much longer.
    DELAY = "delay"
    #: Takes bytes and connections, and passes nothing on; what it held passes when it heals.
    BLACK_HOLE = "black_hole"
    #: Passes so many bytes per second, each way.
    DRIP = "drip"
    #: Resets every connection, and each new one.
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind, and how much of it.

    Units: `seconds` per direction for DELAY, `bytes_per_second` for DRIP.
    """

    kind: Kind = Kind.PASS
    seconds: float = 0.0
    bytes_per_second: float = 0.0


PASS = Fault()


class FaultProxy:
    """Stands before one endpoint; what it does can be changed at any time.

    Shape: `target` is HOST:PORT; `endpoint` is where it listens, a free port of loopback. The port
    stays the same while the target may be moved, as a machine's does when its server restarts.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.endpoint = ""
        self._fault = PASS
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.endpoint = f"{host}:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def fault(self) -> Fault:
        """What it does now."""
        return self._fault

    def do(self, fault: Fault) -> None:
        """Do this from now on, to connections that are open too."""
        self._fault = fault
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if fault.kind is Kind.RESET:
            self._cut()

    def cut(self) -> None:
        """Lose every connection once."""
        self._cut()

    def _cut(self) -> None:
        for writer in list(self._writers):
            # Aborting sends a reset when something is unread, and an end otherwise.
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault.kind is Kind.RESET:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self._writers.add(writer)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            self._open.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._held()
        host, _, port = self.target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers.add(far_writer)
        pipes = [
            asyncio.create_task(self._pipe(reader, far_writer)),
            asyncio.create_task(self._pipe(far_reader, writer)),
        ]
        try:
            # Either end ends both: half-closed connections are not what is tested here.
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._pass_on(data, writer)
            if writer.can_write_eof():
                writer.write_eof()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        await self._held()
        fault = self._fault
        if fault.kind is Kind.DRIP:
            for at in range(len(data)):
                writer.write(data[at : at + 1])
                await asyncio.sleep(1 / fault.bytes_per_second)
                if self._fault is not fault:
                    writer.write(data[at + 1 :])
                    break
        else:
            if fault.kind is Kind.DELAY:
                # Chunks that come while this one waits wait in the socket: a longer way, not a
                # narrower one, as long as a chunk holds what comes meanwhile.
                await asyncio.sleep(fault.seconds)
            writer.write(data)
        await writer.drain()

    async def _held(self) -> None:
        while self._fault.kind is Kind.BLACK_HOLE:
            await self._changed.wait()
