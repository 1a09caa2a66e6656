"""gRPC metadata, timeouts and messages: header fields to values, and back.

Source: gRPC over HTTP/2 (PROTOCOL-HTTP2): Request-Headers, Response-Headers, Custom-Metadata.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mcpmesh.errors import InvalidCall

Header = tuple[bytes, bytes]
#: What a program sees: ASCII text, or bytes for keys that end with -bin.
Metadata = tuple[tuple[str, str | bytes], ...]


class Metadatum(NamedTuple):
    """A pair as servicers know it from grpc: its halves have names."""

    key: str
    value: str | bytes


#: Makes a Metadatum of a pair, at a fifth of what calling the class costs.
_metadatum = partial(tuple.__new__, Metadatum)


def named(pairs: Metadata) -> tuple[Metadatum, ...]:
    """Return the pairs with names for their halves."""
    return tuple(map(_metadatum, pairs))


_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_KEY = re.compile(r"[0-9a-z_.\-]+", re.ASCII)
#: Keys of text that were checked; programs use few, and a check costs more than the rest.
_TEXT_KEYS: dict[str, bytes] = {}
_MAX_TEXT_KEYS = 256
_VALUE = re.compile(r"[\x20-\x7e]*", re.ASCII)
_PLAIN = re.compile(rb"[\x20-\x24\x26-\x7e]*")
_MAX_TIMEOUT_DIGITS = 99_999_999

#: Fields of the protocol itself: not metadata.
_RESERVED = frozenset((b"te", b"content-type", b"grpc-timeout", b"grpc-encoding",
                       b"grpc-accept-encoding", b"grpc-status", b"grpc-message"))  # fmt: skip
#: Those, and the fields that HTTP/2 forbids (RFC 9113, section 8.2.2).
_NOT_TO_SEND = frozenset((
    *map(bytes.decode, _RESERVED), "connection", "keep-alive", "proxy-connection",
    "transfer-encoding", "upgrade",
))  # fmt: skip


@lru_cache(maxsize=512)
def parse_timeout(value: bytes) -> float:
    """Read grpc-timeout.

    Units: returns seconds.
    Raises: InvalidCall when it is malformed.
    """
    match = _TIMEOUT.fullmatch(value)
    if match is None:
        raise InvalidCall(f"grpc-timeout {value[:20]!r} is not 1 to 8 digits and one of HMSmun")
    return int(match[1]) * _SECONDS[match[2]]


def format_timeout(seconds: float) -> bytes:
    """Write grpc-timeout, rounded down to at most a millisecond less for long ones.

    Units: seconds.
    """
    if seconds < 10:
        return b"%du" % max(0, int(seconds * 1e6))
    if seconds < 99_999:
        return b"%dm" % int(seconds * 1e3)
    return b"%dS" % min(int(seconds), _MAX_TIMEOUT_DIGITS)


def encode_message(message: str) -> bytes:
    """Percent-encode a status message: printable ASCII but % stays as it is."""
    raw = message.encode("utf-8", "replace")
    if _PLAIN.fullmatch(raw):
        return raw
    return b"".join(
        b"%c" % byte if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in raw
    )


def decode_message(value: bytes) -> str:
    """Read a percent-encoded status message; broken escapes stay as they are."""
    return unquote_to_bytes(value).decode("utf-8", "replace")


def encode_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> tuple[Header, ...]:
    """Write metadata as header fields.

    Raises: InvalidCall for a key or value that gRPC does not allow.
    """
    known = _TEXT_KEYS.get
    fields = []
    for key, value in metadata:
        name = known(key)
        # By type, and without the pattern: these run for every field of every call.
        if name is not None and type(value) is str and value.isascii() and value.isprintable():
            fields.append((name, value.strip(" ").encode()))
        else:
            fields.append(_encode_new_key(key, value))
    return tuple(fields)


def _encode_new_key(key: str, value: str | bytes) -> Header:
    if not _KEY.fullmatch(key):
        raise InvalidCall(f"metadata key {key!r}: use lower-case letters, digits, _ . and -")
    if key in _NOT_TO_SEND:
        raise InvalidCall(f"metadata key {key!r} belongs to the protocol")
    if key.endswith("-bin"):
        if not isinstance(value, bytes):
            raise InvalidCall(f"metadata {key}: the value of a -bin key is bytes")
        return key.encode(), base64.b64encode(value).rstrip(b"=")
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not _VALUE.fullmatch(value):
        raise _bad_value(key)
    if len(_TEXT_KEYS) < _MAX_TEXT_KEYS:
        _TEXT_KEYS[key] = key.encode()
    return key.encode(), value.strip(" ").encode()


def _bad_value(key: str) -> InvalidCall:
    return InvalidCall(f"metadata {key}: use printable ASCII, or a key that ends with -bin")


def decode_metadata(headers: Iterable[Header]) -> Metadata:
    """Read the metadata among header fields, in order.

    Raises: InvalidCall for a -bin value that is not base64.
    """
    pairs: list[tuple[str, str | bytes]] = []
    for name, value in headers:
        if name[:1] == b":" or name in _RESERVED:
            continue
        key = name.decode("latin-1")
        if key.endswith("-bin"):
            pairs += [(key, _decode_base64(key, part)) for part in value.split(b",")]
        else:
            pairs.append((key, value.decode("latin-1")))
    return tuple(pairs)


def _decode_base64(key: str, value: bytes) -> bytes:
    value = value.strip()
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise InvalidCall(f"metadata {key}: the value is not base64") from error
