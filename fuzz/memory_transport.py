"""A transport of an event loop that goes nowhere: what is written is kept."""

import asyncio
from typing import Any


class MemoryTransport(asyncio.Transport):
    """The side of a socket that a protocol sees."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.written = bytearray()
        self.closing = False
        self.aborted = False
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered here."""

    def write(self, data: Any) -> None:
        """Keep bytes."""
        self.written += data

    def can_write_eof(self) -> bool:
        """Tell that halves end by themselves."""
        return True

    def write_eof(self) -> None:
        """End our half."""

    def pause_reading(self) -> None:
        """Give what is fed all the same: a socket has some under way."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self.reading = True

    def is_reading(self) -> bool:
        """Tell whether the protocol wants bytes."""
        return self.reading

    def is_closing(self) -> bool:
        """Tell whether close was called."""
        return self.closing

    def close(self) -> None:
        """Note the end."""
        self.closing = True

    def abort(self) -> None:
        """Note the end."""
        self.closing = self.aborted = True

    def get_write_buffer_size(self) -> int:
        """Keep nothing back."""
        return 0
