"""Whom a call answers: what an attempt needs of it."""

from collections.abc import Callable
from typing import Protocol

from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers


class Caller(Protocol):
    """Who is answered: a caller's stream, or somebody in this process."""

    taken: Callable[[int], None] | None

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Take the head and the first body bytes."""

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Take a whole answer."""

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""

    def stop(self) -> None:
        """Send no more of the request."""
