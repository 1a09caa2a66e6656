from dataclasses import replace

import pytest

from mcpmesh.stack.affinity import AffinityKeys
from mcpmesh.v1.invoke_pb2 import InvokeRequest
from mcpmesh.wire.message import frame_message
from tests.unit.stack.virtual import Asked, call_of


def asking(arguments: bytes = b"", **metadata: str) -> Asked:
    call = call_of()
    fields = ((k.replace("_", "-").encode(), v.encode()) for k, v in metadata.items())
    call.head = replace(call.head, forward=tuple(fields))
    request = InvokeRequest(tool="echo", arguments=arguments)
    call.body = frame_message(request.SerializeToString())
    return call


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("", ""),
        ("metadata:x-user", "ann"),
        ("metadata:X-User", "ann"),
        ("metadata:x-other", ""),
        ("session", "s1"),
        ("argument:city", "Rome"),
        ("argument:n", "3"),
        ("argument:deep.inner", "x"),
        ("argument:a.b", "dotted"),
        ("argument:deep.none", ""),
        ("argument:deep", '{"inner":"x"}'),
    ],
)
def test_a_key_is_read_from_where_the_setting_says(setting: str, key: str) -> None:
    call = asking(
        b'{"city": "Rome", "n": 3, "deep": {"inner": "x"}, "a.b": "dotted"}',
        x_user="ann", mcp_session_id="s1",
    )  # fmt: skip
    assert AffinityKeys().of(call, setting) == key


@pytest.mark.parametrize("arguments", [b"", b"[1]", b"nonsense"])
def test_what_has_no_such_argument_has_no_key(arguments: bytes) -> None:
    assert AffinityKeys().of(asking(arguments), "argument:city") == ""


def test_a_message_that_cannot_be_read_has_no_key() -> None:
    call = asking()
    for body in (b"", b"\x01\0\0\0\x01x", frame_message(b"\xff\xff")):
        call.body = body
        assert AffinityKeys().of(call, "argument:city") == ""
