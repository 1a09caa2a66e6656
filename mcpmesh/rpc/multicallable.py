"""One method of a channel, as stubs call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from mcpmesh.codec.metadata import encode_metadata
from mcpmesh.rpc.shape import Shape
from mcpmesh.wire.hpack_table import Headers

if TYPE_CHECKING:
    from mcpmesh.rpc.channel import Channel

_ENCODING = {
    None: b"identity",
    grpc.Compression.NoCompression: b"identity",
    grpc.Compression.Deflate: b"deflate",
    grpc.Compression.Gzip: b"gzip",
}
Pairs = Iterable[tuple[str, str | bytes]]


class Multicallable:
    """One method of a channel."""

    __slots__ = ("_call_class", "_channel", "_deserialize", "_fields", "_serialize")

    def __init__(
        self,
        channel: Channel,
        shape: Shape,
        method: str,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
    ) -> None:
        self._channel = channel
        self._call_class = shape.call
        self._serialize = serialize
        self._deserialize = deserialize
        self._fields: Headers = (
            (b":method", b"POST"),
            (b":scheme", channel.scheme),
            (b":path", method.encode()),
            (b":authority", channel.authority),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"mcpmesh-python"),
            (b"grpc-accept-encoding", b"identity,deflate,gzip"),
        )

    def __call__(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Pairs | Sequence[Any] | None = None,
        credentials: None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
        *,
        request_iterator: Any = None,
    ) -> Any:
        """Begin a call; see grpc.aio's multi-callables.

        Units: `timeout` in seconds.
        Raises: InvalidCall for metadata that gRPC does not allow.
        """
        fields = self._fields
        # Metadata is the call's own (ids, tokens): in the header table it would only churn.
        own = encode_metadata(metadata) if metadata else ()
        encoding = _ENCODING[compression]
        if encoding != b"identity":
            fields = (*fields, (b"grpc-encoding", encoding))
        call = self._call_class(
            self._channel, fields, own, self._serialize, self._deserialize, timeout, encoding
        )
        call.begin(request if request_iterator is None else request_iterator, bool(wait_for_ready))
        return call


class InterceptedMulticallable(Multicallable):
    """A method whose calls go through a channel's interceptors."""

    __slots__ = ("_interceptors", "_method", "_shape")

    def __init__(
        self,
        channel: Channel,
        shape: Shape,
        method: str,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
        interceptors: Sequence[Any],
    ) -> None:
        super().__init__(channel, shape, method, serialize, deserialize)
        self._method = method.encode()
        self._shape = shape
        self._interceptors = interceptors

    def __call__(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Pairs | Sequence[Any] | None = None,
        credentials: None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
        *,
        request_iterator: Any = None,
    ) -> Any:
        """Begin a call with what its interceptors do; it is begun as they say.

        Units: `timeout` in seconds, counted from when the interceptors let the call begin.
        """
        own = grpc.aio.Metadata(*(metadata or ()))
        details = grpc.aio.ClientCallDetails(
            self._method, timeout, own, credentials, wait_for_ready
        )

        def begin(details: Any, request: Any) -> Any:
            return self._of(details.method)(
                request,
                details.timeout,
                details.metadata,
                wait_for_ready=details.wait_for_ready,
                compression=compression,
            )

        return self._shape.intercepted(
            tuple(getattr(each, self._shape.step) for each in self._interceptors),
            begin,
            details,
            request if request_iterator is None else request_iterator,
        )

    def _of(self, method: bytes | str) -> Callable[..., Any]:
        """Return what begins calls of a method: an interceptor may name another."""
        if method == self._method:
            return super().__call__
        named = method if isinstance(method, str) else method.decode()
        return Multicallable(self._channel, self._shape, named, self._serialize, self._deserialize)
