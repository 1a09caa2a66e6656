"""One log record as one line: JSON for machines, columns for people.

Fields given with `extra=` stand beside ours under their own names; ours win.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from os import getpid

import orjson

#: Every field that our own lines may have, and what it means. The docs' table is made of it.
LOG_FIELDS: dict[str, str] = {
    "time": "when, RFC 3339 in UTC with milliseconds",
    "level": "DEBUG, INFO, WARNING, ERROR or CRITICAL",
    "logger": "the part of the program that speaks",
    "message": "what happened",
    "service": "name of the service, as in its spans",
    "pid": "process id",
    "exception": "traceback, lines joined by \\n",
    "correlation_id": "correlation id of the call that ran",
    "trace_id": "W3C trace id of the call that ran",
    "span_id": "W3C span id of the call that ran",
    "tool": "name of the tool",
    "replica": "id of the replica",
    "caller": "who called: as its certificate says, else as it says itself",
    "method": "gRPC or MCP method",
    "attempt": "number of the try, from 1",
    "peer": "address of whoever is at the other end of a connection",
    "reason": "limit or rule for which a peer was refused, as the metric counts it",
    "outcome": "gRPC status name, or tool_error",
    "duration_ms": "how long it took, in milliseconds",
}

#: What `logging` itself puts on a record; everything else came with `extra=`.
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_OPTIONS = orjson.OPT_NON_STR_KEYS
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


class JsonLine:
    """Writes records as JSON lines."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, record: logging.LogRecord) -> str:
        """Write one record; what JSON cannot hold is written as its repr."""
        line: dict[str, object] = {
            "time": rfc3339(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            "service": self._service,
            "pid": record.process or getpid(),
        }
        if text := exception_of(record):
            line["exception"] = text
        for key, value in extra_of(record).items():
            line.setdefault(key, value)
        try:
            return orjson.dumps(line, default=repr, option=_OPTIONS).decode()
        except (TypeError, ValueError):  # lone surrogates, huge integers, cycles
            plain = {key: str(value) for key, value in line.items()}
            return json.dumps(plain, ensure_ascii=True)


class TextLine:
    """Writes records for people: time, level, message, fields; the exception below."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, record: logging.LogRecord) -> str:
        """Write one record."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        level = self._painted(f"{record.levelname:<8}", _COLOURS.get(record.levelname, "0"))
        fields = " ".join(f"{key}={value}" for key, value in extra_of(record).items())
        text = f"{self._painted(time, '2')} {level} {message_of(record)}"
        if fields:
            text = f"{text}  {self._painted(fields, '2')}"
        trace = exception_of(record)
        return f"{text}\n{trace}" if trace else text

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text


def rfc3339(moment: float) -> str:
    """Write a Unix time in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return f"{text[:23]}Z"


def message_of(record: logging.LogRecord) -> str:
    """Return the message; arguments that do not fit it are shown beside it."""
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg!s} {record.args!r}"


def exception_of(record: logging.LogRecord) -> str:
    """Return the traceback as text, or nothing."""
    if record.exc_info and record.exc_info[0] is not None:
        return "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return record.exc_text or ""


def extra_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields that came with `extra=` or from a filter."""
    return {key: value for key, value in record.__dict__.items() if key not in _OWN}
