"""Errors that our code logs or an event loop swallows, kept so that a fuzz target can object."""

import asyncio
import logging
from typing import Any


class Objections(logging.Handler):
    """Keeps what mcpmesh logs as an error, within `with`, and objects at its end.

    Raises (at the end): AssertionError with the first error as its cause.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._logger = logging.getLogger("mcpmesh")
        self._kept: list[str] = []
        self._first: BaseException | None = None

    def __enter__(self) -> None:
        self._kept = []
        self._first = None
        self._propagated, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        if error is None and self._kept:
            raise AssertionError(f"logged: {self._kept[:3]}") from self._first

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._keep(record.getMessage(), record.exc_info[1] if record.exc_info else None)

    def of_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep what an event loop's exception handler is told."""
        self._keep(str(context.get("message")), context.get("exception"))

    def _keep(self, message: str, error: BaseException | None) -> None:
        self._kept.append(message)
        self._first = self._first or error
