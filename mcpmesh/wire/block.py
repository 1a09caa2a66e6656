"""A decoded header block, and what was found out about it.

Peers repeat whole blocks from call to call, and the decoder gives the same object for the same
bytes: what stands here is found out once, however many calls come with it.
"""

from typing import Any

from mcpmesh.wire.hpack_table import Headers

#: What `content_length` is until a block was checked as a head.
UNCHECKED = -2


class Block:
    """The fields of a block.

    `headers` is () when the list was over our limit.
    """

    __slots__ = ("content_length", "headers", "is_trailers", "note", "status")

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        #: The body's size as a head promises it, -1 without a promise; `UNCHECKED` before.
        self.content_length = UNCHECKED
        #: A response's HTTP status; 0 for what is not a response's head.
        self.status = 0
        #: It was checked as trailers.
        self.is_trailers = False
        #: What the connection's owner made of it, for the next stream that opens with it.
        self.note: Any = None

    def __repr__(self) -> str:
        return f"<Block of {len(self.headers)} fields>"
