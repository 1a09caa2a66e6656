"""Metadata, -bin values, percent-encoded messages, timeouts, and heads as a server reads them."""

from fuzz.dice import Dice
from mcpmesh.codec.metadata import (
    decode_message,
    decode_metadata,
    encode_message,
    encode_metadata,
    format_timeout,
    parse_timeout,
)
from mcpmesh.codec.status import status_from
from mcpmesh.dispatch.call_head import read_call_head
from mcpmesh.errors import InvalidCall
from mcpmesh.rpc.head import read_head

_NAMES = (b"x-bin", b"a", b"grpc-timeout", b"grpc-message", b"traceparent", b"tracestate",
          b"baggage", b":path", b":method", b"mcp-name", b"x-correlation-id", b"grpc-status",
          b"content-type", b"-bin", b"\xff-bin")  # fmt: skip
SEEDS = (
    b"\x00\x08AAECAw==", b"\x00\x05AA,BB", b"\x00\x01!", b"\x02\x02\x31S", b"\x02\x0999999999H",
    b"\x03\x0ba%20b%e2%82%", b"\x04\x0800-aaaa-" + b"a" * 40, b"\x06\x0dk=v;p=1,,=x,a",
    b"\x0b\x0299", b"\x09\x04echo\x00\x04\xff\x00\x01\x02",
)  # fmt: skip


def check(data: bytes) -> None:
    """Read fields both ways; only InvalidCall may come out, and what is written can be read."""
    dice = Dice(data)
    fields = []
    while dice.left and len(fields) < 64:
        name = dice.pick((*_NAMES, dice.text()))
        fields.append((name, dice.text(255)))
    _check_metadata(tuple(fields))
    for _, value in fields:
        _check_value(value)
    head = read_call_head(read_head(tuple(fields)))
    assert head.timeout is None or head.timeout >= 0


def _check_metadata(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    try:
        metadata = decode_metadata(fields)
    except InvalidCall:
        return
    for pair in metadata:
        try:
            (field,) = encode_metadata([pair])
        except InvalidCall:
            continue
        (again,) = decode_metadata([field])
        key, value = pair
        assert again == (key, value.strip(" ") if isinstance(value, str) else value)


def _check_value(value: bytes) -> None:
    text = decode_message(value)
    assert decode_message(encode_message(text)) == text
    assert all(0x20 <= byte <= 0x7E for byte in encode_message(text))
    status_from(value)
    try:
        seconds = parse_timeout(value)
    except InvalidCall:
        return
    written = parse_timeout(format_timeout(seconds))
    assert written <= seconds + 1e-9
    assert len(format_timeout(seconds)) <= 9
    assert written >= min(seconds, 99_999_999) - max(1e-3, seconds * 1e-4), (seconds, written)
