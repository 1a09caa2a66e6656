"""Log lines: their fields, the ids of the call, and that logging never hurts the caller."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from random import Random
from threading import Event

import pytest

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.current import current_call, running
from mcpmesh.telemetry.log import setup_logging
from mcpmesh.telemetry.log_handler import LineHandler
from mcpmesh.telemetry.log_line import LOG_FIELDS, JsonLine, rfc3339
from mcpmesh.telemetry.tracing import SERVER, CallSpan, Tracing

CALL = CallSpan(TraceContext("ab" * 16, "cd" * 8), "order-7")
log = logging.getLogger("mcpmesh.test")


class Lines:
    def __init__(self) -> None:
        self.out = io.StringIO()
        self.undo = setup_logging("json", "debug", self.out, "router")

    def read(self) -> list[dict[str, object]]:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    kept = Lines()
    yield kept
    kept.undo()


def test_record_is_one_json_line_with_its_extra_fields(lines: Lines):
    log.info("call %s", "done", extra={"tool": "echo", "duration_ms": 1.5, "outcome": "OK"})
    (line,) = lines.read()
    assert line["message"] == "call done"
    assert (line["level"], line["logger"], line["service"]) == ("INFO", "mcpmesh.test", "router")
    assert (line["tool"], line["duration_ms"], line["outcome"]) == ("echo", 1.5, "OK")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line["time"]))
    assert "trace_id" not in line


def test_time_is_rfc_3339_with_milliseconds():
    assert rfc3339(1_700_000_000.0005) == "2023-11-14T22:13:20.000Z"
    assert rfc3339(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"


def test_users_own_logging_carries_the_ids_of_the_call_in_tasks_and_threads(lines: Lines):
    async def tool() -> None:
        logging.getLogger("users.code").warning("from the task")
        await asyncio.to_thread(logging.getLogger("users.code").warning, "from a thread")

    with running(CALL):
        asyncio.run(tool())
    assert current_call.get() is None
    for line in [line for line in lines.read() if line["logger"] == "users.code"]:
        assert line["trace_id"] == CALL.trace.trace_id
        assert line["span_id"] == CALL.trace.span_id
        assert line["correlation_id"] == "order-7"


def test_exception_is_one_field(lines: Lines):
    try:
        raise ValueError("no such city")
    except ValueError:
        log.exception("tool failed")
    (line,) = lines.read()
    assert str(line["exception"]).startswith("Traceback")
    assert str(line["exception"]).endswith("ValueError: no such city")


def test_our_fields_win_over_extra_ones_of_the_same_name(lines: Lines):
    log.info("x", extra={"level": "fake", "service": "fake"})
    (line,) = lines.read()
    assert (line["level"], line["service"]) == ("INFO", "router")


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value", [object(), "\ud800", 1 << 80, {1: {2, 3}}, Hostile(), float("nan"), b"\xff"]
)
def test_value_that_json_cannot_hold_never_raises(lines: Lines, value: object):
    log.info("x", extra={"odd": value})
    log.info("next")
    assert [line["message"] for line in lines.read()][-1] == "next"


def test_arguments_that_do_not_fit_are_shown_beside_the_message():
    record = logging.makeLogRecord({"msg": "%d of %s", "args": ("x",)})
    assert json.loads(JsonLine("s")(record))["message"] == "%d of %s ('x',)"


def test_stream_that_nobody_reads_does_not_stop_the_caller_and_losses_are_counted():
    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            go_on.wait(60)
            return super().write(text)

    go_on, stream = Event(), Stuck()
    handler = LineHandler(JsonLine("s"), stream, max_waiting=10)
    for i in range(500):
        handler.handle(logging.makeLogRecord({"msg": f"line {i}", "levelname": "INFO"}))
    assert stream.getvalue() == ""
    go_on.set()
    handler.flush()
    written = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    kept = [text for text in written if text.startswith("line")]
    # Told whenever the queue has run empty, which it may do more than once.
    dropped = [int(text.split()[0]) for text in written if text.endswith("dropped")]
    assert len(kept) + sum(dropped) == 500
    assert dropped


def test_closed_stream_is_no_error(capfd):
    stream = io.StringIO()
    handler = LineHandler(JsonLine("s"), stream)
    stream.close()
    handler.handle(logging.makeLogRecord({"msg": "x"}))
    handler.flush()
    # Where logging tells of a handler that fails.
    assert capfd.readouterr().err == ""


def test_text_form_has_time_level_message_and_fields_and_colours_only_when_asked():
    for colour, expected in ((False, "WARNING  slow  tool=echo"), (True, "\x1b[33mWARNING ")):
        out = io.StringIO()
        undo = setup_logging("text", "info", out, colour=colour)
        log.warning("slow", extra={"tool": "echo"})
        undo()
        assert expected in out.getvalue()
        assert ("\x1b[" in out.getvalue()) is colour


def test_auto_is_json_where_there_is_no_terminal():
    out = io.StringIO()
    undo = setup_logging("auto", "info", out)
    log.info("x")
    undo()
    assert json.loads(out.getvalue())["message"] == "x"


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"level": "loud"}])
def test_unknown_format_or_level_is_refused_naming_the_known_ones(wrong: dict[str, str]):
    with pytest.raises(ValueError, match="known are"):
        setup_logging(**wrong)  # type: ignore[arg-type]


def test_second_setup_takes_the_place_of_the_first():
    first, second = io.StringIO(), io.StringIO()
    setup_logging("json", "info", first)
    undo = setup_logging("json", "info", second)
    log.info("x")
    undo()
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_table_of_fields_names_everything_that_a_line_of_a_call_has(lines: Lines):
    with running(Tracing(Random(1)).start("call", SERVER, None, "c")):
        try:
            raise ValueError
        except ValueError:
            log.exception("x", extra=dict.fromkeys(list(LOG_FIELDS)[10:], "v"))
    (line,) = lines.read()
    assert set(line) == set(LOG_FIELDS)
    assert list(line)[:6] == list(LOG_FIELDS)[:6]
