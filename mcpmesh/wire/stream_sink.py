"""Who is told what a peer does on a stream."""

from typing import Protocol

from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_table import Headers


class StreamSink(Protocol):
    """Whoever owns a stream: told what the peer did on it, in order.

    After `on_reset` nothing more comes, after `end` was True only that, as long as the stream's
    other half is open. A sink must not raise.
    """

    def on_headers(self, headers: Headers, end: bool) -> None:
        """Take a header block: the head or the trailers; () when it was over our limit."""

    def on_data(self, data: bytes, end: bool) -> None:
        """Take body bytes; give them back with `stream.consumed(len(data))` when done."""

    def on_reset(self, code: int, message: str) -> None:
        """Learn that the stream ended early: reset by the peer, or its connection is gone."""


class AnswerSink(StreamSink, Protocol):
    """A sink that also takes a whole answer in one step, when all of it is there at once."""

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        """Take the head of a 200, the body, whose credit was given back, and the trailers."""


class RequestSink(StreamSink, Protocol):
    """A sink that also takes a whole request in one step, when all of it is there at once."""

    def on_request(self, data: bytes) -> None:
        """Take the body, after which there is nothing more; its credit was given back."""
