"""gRPC messages on an HTTP/2 body: a flag, a length, the bytes.

Source: gRPC over HTTP/2 (PROTOCOL-HTTP2), Length-Prefixed-Message.
"""

from struct import Struct

from mcpmesh.errors import DeadlineExceeded, RemoteProtocolError, TooLarge

PREFIX_BYTES = 5
_PREFIX = Struct(">BI")


def frame_message(payload: bytes, compressed: bool = False) -> bytes:
    """Write a message with its prefix."""
    return _PREFIX.pack(compressed, len(payload)) + payload


def too_large(what: str, limit: int) -> TooLarge:
    """Return the error for a message over the limit; it says what to raise.

    Units: bytes.
    """
    return TooLarge(
        f"{what} is over the limit of {limit} bytes; max_message_bytes (--max-message-bytes) "
        "of the receiver sets it"
    )


#: What a piece of a message costs beside its bytes while it waits for the rest.
PIECE_BYTES = 64


def too_much(limit: int) -> TooLarge:
    """Return the error for a large request for which there is no room beside the others.

    Units: bytes.
    """
    return TooLarge(
        f"large requests take over {limit} bytes on this connection already; "
        "max_unfinished_bytes (--max-unfinished-bytes) of the receiver sets it"
    )


def too_late() -> DeadlineExceeded:
    """Return the error for a request that does not come to its end."""
    return DeadlineExceeded(
        "the request was not complete in time; request_timeout (--request-timeout) of the "
        "receiver sets it"
    )


class MessageReader:
    """Cuts a body, given in any pieces, into messages.

    Units: `max_bytes` of one message, prefix not counted.
    """

    __slots__ = ("_have", "_max_bytes", "_parts")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._have = 0

    def feed(self, data: bytes) -> list[tuple[bool, bytes]]:
        """Take body bytes; return the messages that they complete as (compressed, payload).

        Raises: TooLarge as soon as a prefix announces too much; RemoteProtocolError for an
        unknown flag.
        """
        if not self._have and len(data) >= PREFIX_BYTES:
            # Most bodies are one message in one frame.
            flag, size = _PREFIX.unpack_from(data)
            if len(data) == size + PREFIX_BYTES:
                self._check(flag, size)
                return [(flag == 1, data[PREFIX_BYTES:])]
        return self._feed_slowly(data)

    def _feed_slowly(self, data: bytes) -> list[tuple[bool, bytes]]:
        self._parts.append(data)
        self._have += len(data)
        if self._have < PREFIX_BYTES or self._have < self._needed():
            return []
        buffer = b"".join(self._parts)
        messages = []
        position = 0
        while len(buffer) - position >= PREFIX_BYTES:
            flag, size = _PREFIX.unpack_from(buffer, position)
            self._check(flag, size)
            start = position + PREFIX_BYTES
            if len(buffer) - start < size:
                break
            position = start + size
            messages.append((flag == 1, buffer[start:position]))
        rest = buffer[position:]
        self._parts = [rest] if rest else []
        self._have = len(rest)
        return messages

    def _needed(self) -> int:
        """Return the size of the message that is under way, so that pieces are joined once."""
        if len(self._parts[0]) < PREFIX_BYTES:
            self._parts = [b"".join(self._parts)]
        flag, size = _PREFIX.unpack_from(self._parts[0])
        self._check(flag, size)
        return PREFIX_BYTES + int(size)

    def finish(self) -> None:
        """Note the end of the body.

        Raises: RemoteProtocolError when it cuts a message.
        """
        if self._have:
            raise RemoteProtocolError(f"the body ends inside a message, after {self._have} bytes")

    def _check(self, flag: int, size: int) -> None:
        if flag > 1:
            raise RemoteProtocolError(f"message flag {flag} is not 0 or 1")
        if size > self._max_bytes:
            raise too_large(f"message of {size} bytes", self._max_bytes)
