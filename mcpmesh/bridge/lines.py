"""Lines of the standard input, and a standard output that only the protocol writes to."""

import asyncio
import os
import select
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class LineTooLong(Exception):
    """A line is over the limit; it was skipped."""


class Lines:
    """Reads lines; one over the limit is skipped, not kept."""

    def __init__(self, reader: asyncio.StreamReader, limit: int) -> None:
        self._reader = reader
        self._limit = limit

    async def next(self) -> bytes:
        """Return the next line with its end, nothing at the end of the input.

        Raises: LineTooLong.
        """
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            return exc.partial
        except asyncio.LimitOverrunError as exc:
            await self._skip(exc.consumed)
        raise LineTooLong(f"the line is longer than {self._limit} bytes")

    async def _skip(self, consumed: int) -> None:
        while True:
            await self._reader.readexactly(consumed)
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as exc:
                consumed = exc.consumed
            except asyncio.IncompleteReadError:
                return
            else:
                return


@asynccontextmanager
async def standard_lines(
    limit: int,
) -> AsyncIterator[tuple[Lines, Callable[[bytes], Awaitable[None]]]]:
    """Open stdin and stdout for the protocol.

    Meanwhile whatever else prints to stdout goes to stderr: a stray print would break the
    client.
    """
    sys.stdout.flush()
    output = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    reader = asyncio.StreamReader(limit=limit)
    feed = await _open_input(reader)
    try:
        yield Lines(reader, limit), _writer_to(output)
    finally:
        feed()
        sys.stdout.flush()
        os.dup2(output, _STDOUT)
        os.close(output)


async def _open_input(reader: asyncio.StreamReader) -> Callable[[], object]:
    """Feed stdin to a reader; returns how to stop."""
    loop = asyncio.get_running_loop()
    mode = os.fstat(_STDIN).st_mode
    # Event loops don't watch files, and uvloop aborts the process for /dev/null.
    if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(_STDIN)):
        reader.feed_data(await loop.run_in_executor(None, sys.stdin.buffer.read))
        reader.feed_eof()
        return lambda: None
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(_STDIN), "rb", 0)
    )
    return transport.close


def _writer_to(output: int) -> Callable[[bytes], Awaitable[None]]:
    """Return a writer of whole messages.

    In a thread, because a client that does not read would stop the loop, and because setting a
    shared terminal or pipe to non-blocking would change it for its other users too.
    """
    lock = asyncio.Lock()

    async def write(message: bytes) -> None:
        async with lock:
            await asyncio.get_running_loop().run_in_executor(None, _write_all, output, message)

    return write


def _write_all(output: int, message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        try:
            rest = rest[os.write(output, rest) :]
        except BlockingIOError:  # somebody else made the pipe non-blocking
            _wait_writable(output)


def _wait_writable(output: int) -> None:
    select.select([], [output], [])
