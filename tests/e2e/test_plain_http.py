"""Plain HTTP as programs call it: at the bridge in the router's process, and at one alone."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.commands import PATIENCE, TOOLS, command
from tests.eventually import eventually

ANY = "127.0.0.1:0"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(params=["up", "bridge"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "up":
            up = command(tmp_path, "up", TOOLS, "--grpc", ANY, "--http", ANY)
            yield stack.enter_context(up).url
            return
        router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY))
        at = ("--router", router.grpc)
        stack.enter_context(command(tmp_path, "serve", TOOLS, *at))
        yield stack.enter_context(command(tmp_path, "bridge", "--http", ANY, *at)).url


def asked(url: str, body: Any = None, **fields: str) -> tuple[int, dict[str, str], bytes]:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["content-type"] = "application/json"
    try:
        with urlopen(Request(url, data, headers), timeout=PATIENCE) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except HTTPError as error:
        with error:
            return error.status, {k.lower(): v for k, v in error.headers.items()}, error.read()


async def test_a_program_lists_calls_and_reads_failures(url: str) -> None:
    def known() -> bool:
        status, _, body = asked(f"{url}/manifest")
        return status == 200 and b'"seen"' in body

    await eventually(known)
    status, fields, body = asked(
        f"{url}/mcp/tool/seen/invoke", {}, grpc_timeout="5S", idempotency_key="k",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01", x_correlation_id="order-1",
    )  # fmt: skip
    seen = json.loads(body)["structuredContent"]
    assert (status, fields["x-correlation-id"]) == (200, "order-1")
    assert fields["traceparent"].split("-")[1] == TRACE
    assert (seen["correlation_id"], seen["trace_id"]) == ("order-1", TRACE)
    assert 0 < seen["remaining"] <= 5
    assert seen["metadata"]["idempotency-key"] == "k"

    assert asked(f"{url}/mcp/tool/ecko/invoke", {})[0] == 404
    status, _, body = asked(f"{url}/mcp/tool/echo/invoke", {"text": 3})
    assert (status, json.loads(body)["error"]["code"]) == (400, "INVALID_ARGUMENT")
    status, _, body = asked(f"{url}/mcp/tool/fail/invoke", {})
    assert (status, json.loads(body)["error"]["message"]) == (500, "out of order; come tomorrow")

    status, _, body = asked(
        f"{url}/mcp/tool/echo/invoke", {"text": "hi"}, accept="text/event-stream"
    )
    assert (status, b"event: result\n" in body) == (200, True)

    _, fields, _ = asked(f"{url}/openapi.json")
    assert asked(f"{url}/openapi.json", if_none_match=fields["etag"])[0] == 304
    assert json.loads(asked(f"{url}/openai/tools")[2])["tools"]
