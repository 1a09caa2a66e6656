"""Valid messages made wrong: in their JSON, or in their bytes."""

import json
from copy import deepcopy
from random import Random
from typing import Any

_STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, -(2**63) - 1, 1e308, "", " ",
    "\0", "é", "𝕏",
    "\ud800", "../..", "a" * 300, [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, "2.0", "true",
    "2026-07-28", "2025-11-25", "1900-01-01", "tools/call", "echo", "a://b", {"$ref": "#"},
    "data: x\n\nevent: y", "%00%ff", "=?base64?!!?=", "{}", "null",
)  # fmt: skip
_BYTES = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b"{",
    b"}",
    b"[",
    b"\\u0000",
    b"\\",
    b"\n",
    b"1e999",
)


def mutated(rng: Random, message: Any) -> Any:
    """Return a message with one or a few of its parts replaced, taken out or doubled."""
    copy = json.loads(json.dumps(message))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        copy = _once(rng, copy)
    return copy


def _strange(rng: Random) -> Any:
    return deepcopy(rng.choice(_STRANGE))


def _once(rng: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.15:
            del value[key]
        elif kind < 0.25:
            value[str(_strange(rng))] = value[key]
        elif kind < 0.35:
            value[rng.choice(("_meta", "params", "cursor", "x"))] = _strange(rng)
        else:
            value[key] = _once(rng, value[key])
        return value
    if isinstance(value, list) and value and rng.random() < 0.6:
        at = rng.randrange(len(value))
        value[at] = _once(rng, value[at])
        return value
    if rng.random() < 0.1:
        # Many only of what is small: they would be many times many.
        return [value] * (2 if isinstance(value, dict | list) else rng.choice((1, 2, 200)))
    return _strange(rng)


def encoded(rng: Random, message: Any) -> bytes:
    """Write a message as JSON, most often as JSON should be written."""
    body = json.dumps(message, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    kind = rng.random()
    if kind < 0.8:
        return body
    if kind < 0.85:
        deep = rng.choice((10, 250, 260, 1_000, 5_000))
        return (
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":'
            + b"[" * deep
            + b"]" * deep
            + b"}}"
        )
    return torn(rng, body)


def torn(rng: Random, data: bytes) -> bytes:
    """Return bytes with some of them changed, taken out, doubled or added."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((1, 1, 4, 20)))
        kind = rng.randrange(5)
        if kind == 0:
            data = data[:at] + data[to:]
        elif kind == 1:
            data = data[:to] + data[at:]
        elif kind == 2:
            data = data[:at] + rng.choice(_BYTES) + data[at:]
        elif kind == 3:
            data = data[:at] + rng.randbytes(to - at) + data[to:]
        else:
            data = data[:at]
    return data
