"""Logs: one line per record on stderr, with the ids of the call that runs."""

import logging
import sys
from collections.abc import Callable
from typing import Literal, TextIO

from mcpmesh.telemetry.log_handler import Line, LineHandler
from mcpmesh.telemetry.log_line import JsonLine, TextLine

Format = Literal["json", "text", "auto"]
LEVELS = ("debug", "info", "warning", "error", "critical")


def setup_logging(
    format: Format = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    service: str = "mcpmesh",
    colour: bool | None = None,
) -> Callable[[], None]:
    """Write all log records of the process to a stream, stderr by default.

    `auto` writes text on a terminal, else JSON; `colour` None means: on a terminal. A second call
    takes the place of the first. Returns a function that writes what waits and undoes it.

    Raises: ValueError for an unknown format or level.
    """
    stream = sys.stderr if stream is None else stream
    if level.lower() not in LEVELS:
        raise ValueError(f"unknown log level {level!r}; known are {', '.join(LEVELS)}")
    root = logging.getLogger()
    handler = LineHandler(_line(format, stream, service, colour), stream)
    for old in [h for h in root.handlers if isinstance(h, LineHandler)]:
        root.removeHandler(old)
        old.close()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())

    def undo() -> None:
        handler.flush()
        root.removeHandler(handler)
        root.setLevel(before)

    return undo


def _line(format: Format, stream: TextIO, service: str, colour: bool | None) -> Line:
    if format not in ("json", "text", "auto"):
        raise ValueError(f"unknown log format {format!r}; known are json, text, auto")
    terminal = stream.isatty()
    if format == "text" or (format == "auto" and terminal):
        return TextLine(terminal if colour is None else colour)
    return JsonLine(service)
