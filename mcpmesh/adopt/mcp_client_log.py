"""What the official client logs of a server that misbehaves: a line for each kind, once.

It writes a traceback for every message that it cannot read, and a server may send any number.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_LOGGERS = (
    "client",
    "mcp.client.sse",
    "mcp.client.streamable_http",
    "mcp.shared.dispatcher",
    "mcp.shared.jsonrpc_dispatcher",
)
_SHOWN = 300


@contextmanager
def quiet_client() -> Iterator[None]:
    """Keep tracebacks of the client out of the log meanwhile."""
    once = OncePerKind()
    with ExitStack() as stack:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(once)
            stack.callback(logger.removeFilter, once)
        yield


class OncePerKind(logging.Filter):
    """Lets the first record of each kind that has a traceback through, without it."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is logged."""
        if not record.exc_info:
            return True
        kind, error = str(record.msg), record.exc_info[1]
        if kind in self._seen:
            return False
        self._seen.add(kind)
        why = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        told = record.getMessage()
        record.msg, record.args = "%s: %s; more of this kind is not told", (told, why)
        record.exc_info = record.exc_text = None
        return True
