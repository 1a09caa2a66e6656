"""Cuts a stream of server-sent events into events, without doing any I/O.

Source: the HTML standard, section 9.2.6, for lines that end with LF or CRLF.
"""

from collections.abc import Iterator


class EventLines:
    """What came of a stream; an event that is larger than `max_bytes` ends it (`overflown`)."""

    def __init__(self, max_bytes: int) -> None:
        self.overflown = False
        self._max_bytes = max_bytes
        self._rest = b""
        self._name = "message"
        self._data: list[bytes] = []
        self._bytes = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """Take bytes; yield the names and data of the events that are complete."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if not line:
                if self._data:
                    yield self._name, b"\n".join(self._data)
                self._name, self._data, self._bytes = "message", [], 0
                continue
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                self._data.append(value)
                self._bytes += len(value)
            elif field == b"event":
                self._name = value.decode(errors="replace")
        self.overflown = self._bytes + len(self._rest) > self._max_bytes
