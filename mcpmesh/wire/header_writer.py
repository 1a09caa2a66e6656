"""Writes header blocks as frames: encoded for one peer, and not larger than it takes."""

from mcpmesh.errors import TooLarge
from mcpmesh.wire.frame import END_HEADERS, END_STREAM, HEADER, HEADERS, header_frames
from mcpmesh.wire.header_list import (
    limit_of,
    list_size,
    too_large,
    trailers_too_large,
    unsuspicious_block,
)
from mcpmesh.wire.hpack_encoder import Encoder, Volatile
from mcpmesh.wire.hpack_table import Headers as HeaderFields
from mcpmesh.wire.settings import Settings

_LAST = END_HEADERS | END_STREAM
_pack = HEADER.pack


class HeaderWriter:
    """The sending end of a connection's header blocks.

    Units: sizes in bytes.
    """

    __slots__ = ("_client", "_limit", "_max_frame", "_same", "_unsuspicious_block", "encoder")

    def __init__(self, *, client: bool) -> None:
        self.encoder = Encoder()
        self._same = self.encoder.same.get
        self._client = client
        self.follow(Settings())

    def __repr__(self) -> str:
        return f"<HeaderWriter limit={self._limit} {self.encoder!r}>"

    def follow(self, settings: Settings) -> None:
        """Take note of the peer's settings."""
        self._max_frame = settings.max_frame_size
        self._limit = limit_of(settings.max_header_list_size)
        self._unsuspicious_block = unsuspicious_block(self._limit, self._max_frame)

    def frame(self, stream_id: int, headers: HeaderFields, volatile: Volatile, end: bool) -> bytes:
        """Encode a header block, which must then be sent next; more frames than one if need be.

        Trailers of a server's that its peer would not take are replaced by some that say so.
        Raises: TooLarge for other headers over the peer's limit.
        """
        # Looked for here first: for nearly every block that is all there is to do.
        block = self._same(id(headers))
        if block is not None and type(volatile) is bytes:
            block += volatile
        elif block is None or volatile:
            block = self.encoder.encode(headers, volatile)
        size = len(block)
        if size <= self._unsuspicious_block:
            return _pack(size << 8 | HEADERS, _LAST if end else END_HEADERS, stream_id) + block
        try:
            self.check(headers, volatile)
        except TooLarge:
            self.encoder.start_over()
            if self._client or not end:
                raise
            size = list_size(headers, volatile)
            block = self.encoder.encode(trailers_too_large(headers, size, self._limit))
        return header_frames(stream_id, block, end=end, max_frame=self._max_frame)

    def check(self, headers: HeaderFields, volatile: Volatile) -> None:
        """Measure a header list.

        Raises: TooLarge when it is over the peer's limit.
        """
        limit = self._limit
        if limit is not None:
            size = list_size(headers, volatile)
            if size > limit:
                raise TooLarge(too_large(size, limit))
