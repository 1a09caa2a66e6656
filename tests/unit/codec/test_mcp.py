import orjson
import pytest

from mcpmesh import errors
from mcpmesh.codec import mcp
from mcpmesh.codec.mcp_error import failure_of, rpc_error_of
from mcpmesh.codec.mcp_result import missing_capabilities, tool_result_json
from mcpmesh.codec.mcp_tool import tool_json
from mcpmesh.codec.status import FOR_THE_MODEL
from mcpmesh.policy.retry import GiveUp
from mcpmesh.v1 import tool_pb2


def subclasses(kind):
    # Rooms below have their own kinds of these errors; which depends on what was imported.
    children = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(sub for child in children for sub in subclasses(child))]


@pytest.mark.parametrize("kind", subclasses(errors.MeshError))
def test_every_error_is_a_failure_for_the_model_or_a_json_rpc_error(kind):
    error = kind("echo: what happened")
    failure = failure_of(error)
    if issubclass(kind, FOR_THE_MODEL):
        text, meta = failure
        assert text.startswith("echo: what happened. ")
        assert meta["retryable"] == kind.retryable
    else:
        assert failure is None
        refusal = rpc_error_of(error)
        assert refusal.code == kind.jsonrpc_code
        assert ("what happened" in refusal.message) == (kind.grpc_code != 13)


@pytest.mark.parametrize("kind", subclasses(errors.MeshError))
def test_our_codes_stay_out_of_the_ranges_that_mcp_keeps(kind):
    code = kind.jsonrpc_code
    assert -32603 <= code <= -32600 or -32019 <= code <= -32000
    assert code not in (-32002, -32042)


def test_a_pushback_is_told_in_seconds():
    text, meta = failure_of(errors.Overloaded("busy", retry_after_ms=2500))
    assert text == "busy. Try again after 2.5 s."
    assert meta == {"code": "RESOURCE_EXHAUSTED", "retryable": True, "retry_after_ms": 2500}


def test_a_pushback_that_the_message_tells_is_not_told_twice():
    said = "slow: 1 call is in flight, the most that may; try again in 0.102 s"
    text, meta = failure_of(errors.Overloaded(said, retry_after_ms=102))
    assert text == f"{said}."
    assert meta["retry_after_ms"] == 102


def test_http_says_more_since_the_modern_era():
    assert mcp.http_status(-32601, modern=True) == 404
    assert mcp.http_status(-32601, modern=False) == 200
    assert mcp.http_status(-32603, modern=True) == 200
    assert mcp.http_status(-32700, modern=False) == 400


def test_structured_content_becomes_text_when_there_is_none():
    message = tool_pb2.ToolResult(structured_content=b'{"a":1}')
    for version in mcp.REVISIONS:
        result = tool_result_json(message, version, {})
        assert result["content"] == [{"type": "text", "text": '{"a":1}'}]
        assert ("structuredContent" in result) == (version >= "2025-06-18")
        assert ("resultType" in result) == (version in mcp.MODERN)


@pytest.mark.parametrize("meta", [b"[]", b"{", b"3"])
def test_a_tool_whose_meta_is_no_object_breaks_the_protocol(meta):
    with pytest.raises(errors.RemoteProtocolError):
        tool_result_json(tool_pb2.ToolResult(meta=meta), mcp.MODERN[0], {})


@pytest.mark.parametrize("schema", [b"{", b"3", b"[" * 400 + b"]" * 400])
def test_a_schema_that_no_client_could_read_is_left_out(schema):
    tool = tool_pb2.Tool(name="t", input_schema=schema, output_schema=schema)
    entry = orjson.loads(tool_json(tool, modern=True))
    assert entry == {"name": "t", "inputSchema": {"type": "object"}}


def test_an_output_schema_of_no_object_is_for_modern_clients():
    tool = tool_pb2.Tool(name="t", output_schema=b'{"type":"array"}', input_schema=b"{}")
    assert b"outputSchema" in tool_json(tool, modern=True)
    assert b"outputSchema" not in tool_json(tool, modern=False)


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({}, {"elicitation": {}, "sampling": {}}),
        ({"sampling": {}, "elicitation": {}}, {"elicitation": {"url": {}}}),
        ({"sampling": {}, "elicitation": {"url": {}}}, {}),
    ],
)
def test_a_client_is_asked_only_what_it_declared(declared, missing):
    url = tool_pb2.InputRequest(method="elicitation/create", params=b'{"mode":"url"}')
    sample = tool_pb2.InputRequest(method="sampling/createMessage", params=b"{}")
    asked = tool_pb2.InputRequired(input_requests={"a": url, "b": sample})
    assert missing_capabilities(asked, declared) == missing


def test_a_call_that_may_have_taken_effect_is_not_to_be_repeated_blindly() -> None:
    lost = errors.NoReplica(
        f"echo: lost (attempt 1; not tried again: {GiveUp.MAY_HAVE_ACTED.value})"
    )
    failure = failure_of(lost)
    assert failure is not None
    assert failure[0].endswith("check before repeating it.")
