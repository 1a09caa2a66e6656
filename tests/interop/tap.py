"""Listens in on one client's connection: whether each gRPC message went compressed.

A relay of bytes that cuts them into HTTP/2 frames on the side. It is what the compression cases
are judged by, since neither grpc.aio's clients nor its servicers learn of a message's flags.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

PREFACE_BYTES = 24
HEADERS = 1
DATA = 0
PADDED = 8


class Tap:
    """A port before a server's; used as `async with`.

    Shape: per stream, in the order they began, the compressed flag of each message.
    """

    def __init__(self) -> None:
        self.port = 0
        self._target = 0
        self._requests: list[list[bool]] = []
        self._responses: dict[int, list[bool]] = {}
        self._order: list[int] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, target: int) -> None:
        """Listen, and pass all on to a port of loopback."""
        self._target = target
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def last_request(self) -> list[bool]:
        """Flags of the messages that the client sent on its newest stream."""
        return self._requests[-1]

    @property
    def last_response(self) -> list[bool]:
        """Flags of the messages that the client got on its newest stream."""
        return self._responses[self._order[-1]]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        upward = _Listener(PREFACE_BYTES, self._opened)
        downward = _Listener(0, self._responses.setdefault)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, back, upward))
                pumps.create_task(_pump(there, writer, downward))
        except asyncio.CancelledError:
            pass  # The tap was stopped; asyncio would report the cancelled task as a bug.
        finally:
            back.close()
            writer.close()
            self._tasks.discard(task)

    def _opened(self, stream: int, flags: list[bool]) -> None:
        self._order.append(stream)
        self._requests.append(flags)
        self._responses.pop(stream, None)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: "_Listener"
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            listener.hear(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class _Listener:
    """One direction: bytes to frames, DATA to messages."""

    def __init__(self, skip: int, opened: Callable[[int, list[bool]], object]) -> None:
        self._rest = b""
        self._skip = skip
        self._opened = opened
        self._bodies: dict[int, bytes] = {}
        self._flags: dict[int, list[bool]] = {}

    def hear(self, data: bytes) -> None:
        data = self._rest + data
        if self._skip:
            if len(data) < self._skip:
                self._rest = data
                return
            data, self._skip = data[self._skip :], 0
        while len(data) >= 9:
            size = int.from_bytes(data[:3], "big")
            if len(data) < 9 + size:
                break
            kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], "big")
            self._frame(kind, flags, stream, data[9 : 9 + size])
            data = data[9 + size :]
        self._rest = data

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS and stream not in self._flags:
            self._flags[stream] = []
            self._bodies[stream] = b""
            self._opened(stream, self._flags[stream])
        elif kind == DATA and stream in self._bodies:
            if flags & PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            body = self._bodies[stream] + payload
            while len(body) >= 5 and len(body) >= (whole := 5 + int.from_bytes(body[1:5], "big")):
                self._flags[stream].append(bool(body[0]))
                body = body[whole:]
            self._bodies[stream] = body
