"""A decoded header block, and what was found out about it.

Peers repeat whole blocks from call to call, and the decoder gives the same object for the same
bytes: what stands here is found out once, however many calls come with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcpmesh.wire.hpack_table import Headers

if TYPE_CHECKING:
    from mcpmesh.wire.hpack_layout import Layout

#: What `content_length` is until a block was checked as a head.
UNCHECKED = -2
#: And without a promise.
NO_PROMISE = -1


class Block:
    """The fields of a block.

    `headers` is () when the list was over our limit.
    """

    __slots__ = (
        "content_length", "ends_answer", "head", "headers", "is_trailers", "layout", "note",
        "opens_answer", "status",
    )  # fmt: skip

    def __init__(self, headers: Headers, layout: Layout | None = None) -> None:
        self.headers = headers
        #: How it is written, when others are written so.
        self.layout = layout
        #: The body's size as a head promises it, NO_PROMISE or `UNCHECKED`.
        self.content_length = UNCHECKED
        #: A response's HTTP status; 0 for what is not a response's head.
        self.status = 0
        #: It was checked as trailers.
        self.is_trailers = False
        #: It was checked as the head of a 200 that promises no length.
        self.opens_answer = False
        #: It was checked as trailers, and has fields.
        self.ends_answer = False
        #: What its reader made of it, for the next stream with it. Of a request's head: makes the
        #: sink of a stream that opens with it, of the connection's owner and the stream.
        self.note: Any = None
        #: What it says as a request's head, when somebody read it as that.
        self.head: Any = None

    def __repr__(self) -> str:
        return f"<Block of {len(self.headers)} fields>"
