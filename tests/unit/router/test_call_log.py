import logging

import pytest

from mcpmesh.dispatch.call_log import CallLog, CallLogger
from mcpmesh.stack.call import Call
from mcpmesh.telemetry.tracing import TraceContext
from tests.unit.stack.virtual import call_of


def ended(span: object = None) -> Call:
    call = call_of()
    call.trace = TraceContext("1" * 32, "2" * 16)
    call.span = span
    return call


def lines(
    caplog: pytest.LogCaptureFixture, which: CallLog, calls: int, status: str, span: object = None
) -> list[str]:
    caplog.clear()
    logger = CallLogger(which, lambda: 5.0)
    with caplog.at_level(logging.INFO, "mcpmesh.call"):
        for _ in range(calls):
            logger.note(ended(span), status, "why", 0.1)
    return caplog.messages


@pytest.mark.parametrize(
    ("which", "ok", "traced", "failed"),
    [("off", 0, 0, 0), ("errors", 0, 0, 3), ("sampled", 0, 3, 3), ("all", 3, 3, 3)],
)
def test_which_calls_have_a_line(
    caplog: pytest.LogCaptureFixture, which: CallLog, ok: int, traced: int, failed: int
) -> None:
    assert len(lines(caplog, which, 3, "OK")) == ok
    assert len(lines(caplog, which, 3, "OK", object())) == traced
    assert len(lines(caplog, which, 3, "UNAVAILABLE")) == failed


def test_when_everything_fails_not_every_failure_has_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(lines(caplog, "sampled", 1000, "UNAVAILABLE")) == 100
    assert len(lines(caplog, "errors", 1000, "UNAVAILABLE")) == 1000
    assert len(lines(caplog, "sampled", 1000, "UNAVAILABLE", object())) == 1000


def test_what_was_left_out_is_said(caplog: pytest.LogCaptureFixture) -> None:
    now = 5.0
    logger = CallLogger("sampled", lambda: now)
    for _ in range(1000):
        logger.note(ended(), "UNAVAILABLE", "why", 0.1)
    caplog.clear()
    now += 1.0
    logger.note(ended(), "UNAVAILABLE", "why", 0.1)
    (line,) = caplog.messages
    assert "echo: UNAVAILABLE: why (900 failed calls before this one have no line; " in line
    caplog.clear()
    logger.note(ended(), "UNAVAILABLE", "why", 0.1)
    assert caplog.messages[-1].endswith("echo: UNAVAILABLE: why")
