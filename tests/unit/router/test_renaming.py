import pytest

from mcpmesh.dispatch.renaming import Renaming
from mcpmesh.rpc.compression import compress
from mcpmesh.stack.call_head import CallHead
from mcpmesh.v1 import invoke_pb2
from mcpmesh.wire.message import frame_message
from tests.unit.stack.virtual import Asked

REQUEST = invoke_pb2.InvokeRequest(tool="main", version="1", arguments=b"{}", meta=b'{"a":1}')


def made(body: bytes, encoding: bytes = b"identity") -> Asked:
    forward = ((b"x-own", b"1"), (b"mcp-name", b"main"), (b"mcpmesh-tool-version", b"1"))
    call = Asked(CallHead("S/Invoke", forward=forward, tool="main", encoding=encoding))
    call.body = body
    return call


@pytest.mark.parametrize("encoding", [b"identity", b"gzip", b"deflate"])
def test_head_and_message_name_the_other_tool(encoding: bytes) -> None:
    written = REQUEST.SerializeToString()
    packed = encoding != b"identity"
    body = frame_message(compress(encoding, written) if packed else written, packed)
    call = made(body, encoding)
    assert Renaming(1000)(call, "spare", "7")
    request = invoke_pb2.InvokeRequest.FromString(call.body[5:])
    assert (request.tool, request.version) == ("spare", "7")
    assert (request.arguments, request.meta) == (REQUEST.arguments, REQUEST.meta)
    assert call.body[:1] == b"\0"
    assert dict(call.head.forward) == {
        b"x-own": b"1", b"mcp-name": b"spare", b"mcpmesh-tool-version": b"7",
    }  # fmt: skip
    assert (call.head.tool, call.head.version) == ("spare", "7")


def test_a_version_asked_for_is_not_asked_of_the_other_tool() -> None:
    call = made(frame_message(REQUEST.SerializeToString()))
    assert Renaming(1000)(call, "spare", "")
    request = invoke_pb2.InvokeRequest.FromString(call.body[5:])
    assert (request.tool, request.version) == ("spare", "")
    assert call.head.forward == ((b"x-own", b"1"), (b"mcp-name", b"spare"))
    assert call.head.version == ""


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (frame_message(b"no gzip", True), b"gzip"),
        (frame_message(b"unknown", True), b"br"),
    ],
)
def test_what_cannot_be_read_stays_as_it_is(body: bytes, encoding: bytes) -> None:
    call = made(body, encoding)
    assert not Renaming(1000)(call, "spare", "7")
    assert call.body == body
    assert call.head.tool == "main"
