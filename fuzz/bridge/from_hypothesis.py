"""Messages that hypothesis makes, for every method of both eras, sent to a served bridge."""

import asyncio
import time

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.bridge import messages
from fuzz.bridge.attack import Report, Served, new_session
from fuzz.bridge.talk import ask

_leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    _leaf,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def sent(draw: st.DrawFn) -> tuple[bool, dict[str, object], list[tuple[str, str]]]:
    """Draw a message of an era: valid params of which some are replaced, and its headers."""
    modern = draw(st.booleans())
    methods = messages.MODERN if modern else messages.LEGACY
    method = draw(st.sampled_from(list(methods)))
    params = dict(draw(st.sampled_from(methods[method])))
    for key in draw(st.lists(st.sampled_from([*params, "_meta", "cursor", "x"]), max_size=2)):
        params[key] = draw(anything)
    if modern and "_meta" not in params:
        params["_meta"] = messages.META
    request_id = draw(st.integers(0, 99) | st.text(max_size=5) | anything)
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    fields = messages.headers_of(message, modern=modern, session="")
    return modern, message, [(key, value) for key, value in fields.items()]


def examples(bridge: Served, seconds: float, report: Report) -> None:
    """Send examples for a time."""
    end = time.monotonic() + seconds
    with asyncio.Runner() as runner:
        session = runner.run(new_session(bridge.port))

        @settings(
            max_examples=200,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(sent(), st.booleans())
        def one(drawn: tuple[bool, dict[str, object], list[tuple[str, str]]], told: bool) -> None:
            modern, message, fields = drawn
            if time.monotonic() >= end:
                return
            try:
                body = orjson.dumps(message)
            except TypeError:
                return
            if told and not modern and message["method"] != "initialize":
                fields = [*fields, ("mcp-session-id", session)]
            fields = [
                (key, value.encode("utf-8", "replace").decode("latin-1")) for key, value in fields
            ]
            fields = [(key, value) for key, value in fields if value.isprintable()]
            data = messages.http_bytes("POST", "/mcp", fields, body, chunked=False)
            answer, wrong = runner.run(ask(bridge.port, data, whole=True))
            report.requests += 1
            report.statuses[answer.status] += 1
            if wrong:
                report.found.setdefault(wrong, data)
            assert not wrong, wrong

        while time.monotonic() < end and not report.found:
            try:
                one()
            except AssertionError:
                if not report.found:
                    raise
