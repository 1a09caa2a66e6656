import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec.peek import peek, peek_short
from mcpmesh.errors import InvalidCall
from mcpmesh.v1 import invoke_pb2

NAMES = st.text(st.characters(codec="utf-8"), max_size=200)


@given(tool=NAMES, version=NAMES, arguments=st.binary(max_size=300), state=st.binary(max_size=9))
def test_tool_and_version_are_found_among_all_fields(
    tool: str, version: str, arguments: bytes, state: bytes
) -> None:
    request = invoke_pb2.InvokeRequest(
        tool=tool, version=version, arguments=arguments, request_state=state, meta=arguments,
        input_responses={"key": arguments},
    )  # fmt: skip
    assert peek(request.SerializeToString()) == (tool, version)


@given(tool=NAMES, version=st.sampled_from(["", "2"]), arguments=st.binary(max_size=200))
def test_the_short_way_says_the_same_or_nothing(tool: str, version: str, arguments: bytes) -> None:
    request = invoke_pb2.InvokeRequest(tool=tool, version=version, arguments=arguments)
    found = peek_short(b"\0size" + request.SerializeToString(), 5)
    assert found in ("", tool)
    if tool.isascii() and 0 < len(tool) < 128 and 0 < len(arguments) < 128 and not version:
        assert found == tool


@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda rest: b"\x0a\x01a\x12" + rest))
def test_the_short_way_takes_any_bytes(message: bytes) -> None:
    found = peek_short(message, 0)
    if found:
        assert peek(message) == (found, "")


@given(st.binary(max_size=60))
def test_any_bytes_give_names_or_a_refusal(message: bytes) -> None:
    try:
        names = peek(message)
    except InvalidCall:
        return
    assert all(type(name) is str for name in names)


def test_the_last_of_a_repeated_field_counts_as_protobuf_says() -> None:
    one = invoke_pb2.InvokeRequest(tool="a").SerializeToString()
    other = invoke_pb2.InvokeRequest(tool="b").SerializeToString()
    assert peek(one + other) == ("b", "")


def test_fields_of_every_kind_are_skipped() -> None:
    strange = b"\xc8\x01\x96\x01" + b"\xcd\x01" + bytes(4) + b"\xc9\x01" + bytes(8)
    assert peek(strange + b"\x0a\x01a") == ("a", "")


@pytest.mark.parametrize(
    "message", [b"\x0a\x05abc", b"\x0a", b"\xff" * 11, b"\x0b", b"\x0a\x01\xff"]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidCall, match="not an InvokeRequest"):
        peek(message)
