"""Fields of every wire type, whole and broken, as protobuf itself reads them."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec.peek import peek
from mcpmesh.errors import InvalidCall
from mcpmesh.v1 import invoke_pb2


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def tagged(kind, payload):
    return st.tuples(st.integers(1, 40), payload).map(
        lambda field: varint(field[0] << 3 | kind) + field[1]
    )


FIELDS = st.one_of(
    tagged(0, st.integers(0, 2**64 - 1).map(varint)),
    tagged(1, st.binary(min_size=8, max_size=8)),
    tagged(2, st.binary(max_size=20).map(lambda body: varint(len(body)) + body)),
    tagged(5, st.binary(min_size=4, max_size=4)),
    st.integers(20, 40).map(lambda number: varint(number << 3 | 3) + varint(number << 3 | 4)),
)


@given(st.lists(FIELDS | st.binary(max_size=6), max_size=6).map(b"".join))
def test_whatever_protobuf_reads_is_read_alike(message):
    try:
        request = invoke_pb2.InvokeRequest.FromString(message)
    except DecodeError:
        return
    assert peek(message) == (request.tool, request.version)


@pytest.mark.parametrize(
    "message",
    [
        b"\x0a\x05echo",
        b"\x0a\xff",
        b"\x0a\x02\xff\xfe",
        b"\x80" * 11,
        b"\x25\x01\x02",
        b"\x21\x01\x02",
        b"\x00\x01",
        b"\x07",
        b"\xa4\x01",
        b"\xa3\x01\x08\x01",
    ],
)
def test_what_protobuf_refuses_is_refused(message):
    with pytest.raises(DecodeError):
        invoke_pb2.InvokeRequest.FromString(message)
    with pytest.raises(InvalidCall):
        peek(message)
