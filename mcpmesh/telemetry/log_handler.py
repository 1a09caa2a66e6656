"""Log lines written by a thread of their own, so that a full pipe never stops a call."""

import logging
import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TextIO
from weakref import ref

from mcpmesh.telemetry.current import current_call

#: Lines that may wait to be written; beyond it the newest are dropped and counted.
MAX_WAITING = 10_000
#: Seconds that the writer waits for more lines before it writes.
_GATHER = 0.02
_BATCH = 256
_FLUSH_TIMEOUT = 2.0

Line = Callable[[logging.LogRecord], str]


class CallFilter(logging.Filter):
    """Adds trace_id, span_id and correlation_id of the running call to a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        call = current_call.get()
        if call is not None:
            record.__dict__.setdefault("correlation_id", call.correlation_id)
            record.__dict__.setdefault("trace_id", call.trace.trace_id)
            record.__dict__.setdefault("span_id", call.trace.span_id)
        return True


class LineHandler(logging.Handler):
    """Formats in the caller's thread, where arguments still are what they were; writes in its own.

    `emit` never waits and never raises.
    """

    def __init__(self, line: Line, stream: TextIO, max_waiting: int = MAX_WAITING) -> None:
        super().__init__()
        self._line = line
        self._stream = stream
        self._max_waiting = max_waiting
        self._dropped = 0
        self._begin()
        _begin_after_fork(self)
        self.addFilter(CallFilter())

    def _begin(self) -> None:
        # After a fork the child has no writer, and its parent writes the lines that wait.
        self._waiting: SimpleQueue[str | Event] = SimpleQueue()
        self._writer: Thread | None = None
        # Set while somebody waits for the lines to be written.
        self._hurry = Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a record."""
        if self._waiting.qsize() >= self._max_waiting:
            self._dropped += 1
            return
        try:
            line = self._line(record)
        except Exception as exc:
            line = f'{{"level":"ERROR","message":"log line failed: {type(exc).__name__}"}}'
        self._waiting.put(line)
        if self._writer is None:
            self._writer = Thread(target=self._run, name="mcpmesh-log", daemon=True)
            self._writer.start()

    def flush(self) -> None:
        """Wait until what was taken in is written, 2 s at most: nobody may read the pipe."""
        if self._writer is not None and self._writer.is_alive():
            written = Event()
            self._waiting.put(written)
            self._hurry.set()
            written.wait(_FLUSH_TIMEOUT)
            self._hurry.clear()

    def _run(self) -> None:
        while True:
            batch = self._batch()
            lines = [item for item in batch if isinstance(item, str)]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.append(f'{{"level":"WARNING","message":"{dropped} log lines dropped"}}')
            if lines:
                self._write("\n".join(lines) + "\n")
            for item in batch:
                if isinstance(item, Event):
                    item.set()

    def _batch(self) -> list[str | Event]:
        batch = [self._waiting.get()]
        if isinstance(batch[0], str):
            # Let more lines come: each time this thread wakes it takes the interpreter's lock
            # from the loop's, which costs far more than the line.
            self._hurry.wait(_GATHER)
        try:
            while len(batch) < _BATCH:
                batch.append(self._waiting.get_nowait())
        except Empty:
            pass
        return batch

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # closed, or nobody reads: there is nobody to tell
            pass


def _begin_after_fork(handler: LineHandler) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    found = ref(handler)

    def begin() -> None:
        if (kept := found()) is not None:
            kept._begin()

    os.register_at_fork(after_in_child=begin)
