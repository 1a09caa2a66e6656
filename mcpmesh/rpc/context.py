"""What a servicer's method learns about its call, and how it steers the answer.

The surface is that of `grpc.aio.ServicerContext`, so that a servicer written for it runs here
unchanged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from grpc import StatusCode
from grpc.aio import AbortError

from mcpmesh.codec.metadata import Metadata, Metadatum, named
from mcpmesh.codec.status import STATUS
from mcpmesh.model.identity import PeerIdentity
from mcpmesh.rpc.auth_context import PLAIN, auth_context, identity_key

if TYPE_CHECKING:
    from mcpmesh.rpc.server_call import ServerCall

_log = logging.getLogger("mcpmesh.rpc")

_COMPRESSION = {
    grpc.Compression.NoCompression: b"identity",
    grpc.Compression.Deflate: b"deflate",
    grpc.Compression.Gzip: b"gzip",
}

Pairs = Iterable[tuple[str, str | bytes]]


class Context(grpc.aio.ServicerContext):  # type: ignore[misc]
    """One call, as its servicer sees it."""

    __slots__ = ("_abort", "_call", "_callbacks", "_code", "_details", "_trailing")

    def __init__(self, call: ServerCall) -> None:
        self._call = call
        self._code: StatusCode | None = None
        self._details = ""
        self._trailing: tuple[tuple[str, str | bytes], ...] = ()
        self._callbacks: list[Callable[[Context], None]] = []
        self._abort: AbortError | None = None

    # What the caller said

    def invocation_metadata(self) -> tuple[Metadatum, ...]:
        """Return the caller's metadata."""
        return named(self._call.head.metadata())

    def peer(self) -> str:
        """Name the caller's address as gRPC does: ipv4:HOST:PORT, ipv6:[HOST]:PORT or unix:."""
        return self._call.link.peer_name

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        return self._call.time_remaining()

    def method(self) -> str:
        """Return the method's full path."""
        return self._call.head.path

    def identity(self) -> PeerIdentity | None:
        """Return who the caller proved to be by its certificate; None when it did not.

        Not of grpc.aio, which has the same in pieces.
        """
        return self._call.link.identity

    def peer_identities(self) -> Sequence[bytes] | None:
        """Return the names that the caller proved to have; None without a certificate."""
        key = self.peer_identity_key()
        return None if key is None else self.auth_context()[key]

    def peer_identity_key(self) -> str | None:
        """Return the property of `auth_context` that `peer_identities` comes from."""
        identity = self._call.link.identity
        return None if identity is None else identity_key(identity)

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """Return what TLS tells of the caller, as grpc.aio names it."""
        link = self._call.link
        return auth_context(link.identity) if link.encrypted else PLAIN

    # Messages

    async def read(self) -> Any:
        """Wait for the next request; grpc.aio.EOF after the last."""
        return await self._call.read()

    async def write(self, message: Any) -> None:
        """Send a response; waits while the caller is behind with reading."""
        await self._call.write(message)

    async def send_initial_metadata(self, initial_metadata: Pairs) -> None:
        """Send the answer's head now, with this metadata."""
        self._call.send_head(tuple(initial_metadata))

    # Status

    async def abort(
        self, code: StatusCode | int, details: str = "", trailing_metadata: Pairs = ()
    ) -> NoReturn:
        """End the call with this status, at once.

        Raises: grpc.aio.AbortError, always; let it pass.
        """
        self.abort_now(code, details, trailing_metadata)

    def abort_now(
        self, code: StatusCode | int, details: str = "", trailing_metadata: Pairs = ()
    ) -> NoReturn:
        """End the call with this status; the same without a wait.

        Raises: grpc.aio.AbortError, always; let it pass.
        """
        if self._abort is not None:
            raise grpc.aio.UsageError("Abort already called!")
        if code is StatusCode.OK:
            code, details = StatusCode.UNKNOWN, f"abort called with OK; {details}"
        self.set_code(code)
        self.set_details(details or "")
        if trailing_metadata:
            self._trailing = tuple(trailing_metadata)
        self._abort = AbortError("Locally aborted.")
        raise self._abort

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """End the call with a status object, at once."""
        await self.abort(status.code, status.details, status.trailing_metadata or ())

    def set_code(self, code: StatusCode | int) -> None:
        """Choose the status of the answer; its number will do."""
        known = code if isinstance(code, StatusCode) else STATUS.get(code)
        self._code = known or StatusCode.UNKNOWN

    def set_details(self, details: str) -> None:
        """Choose the message of the status."""
        self._details = details

    def set_trailing_metadata(self, trailing_metadata: Pairs) -> None:
        """Choose the metadata that follows the answer."""
        self._trailing = tuple(trailing_metadata)

    def code(self) -> StatusCode | None:
        """Return the status chosen so far."""
        return self._code

    def details(self) -> str:
        """Return the message chosen so far."""
        return self._details

    def trailing_metadata(self) -> Metadata:
        """Return the trailing metadata chosen so far."""
        return self._trailing

    # Settings of the answer

    def set_compression(self, compression: grpc.Compression) -> None:
        """Compress the responses that follow, if the caller accepts it."""
        self._call.set_encoding(_COMPRESSION[compression])

    def disable_next_message_compression(self) -> None:
        """Send the next response uncompressed."""
        self._call.plain_next = True

    # Life

    def cancelled(self) -> bool:
        """Tell whether the caller gave up, or the deadline passed."""
        return self._call.cancelled

    def done(self) -> bool:
        """Tell whether the call ended."""
        return self._call.done

    def cancel(self) -> bool:
        """End the call as CANCELLED; False when it ended before."""
        return self._call.cancel()

    def is_active(self) -> bool:
        """Tell whether an answer is still awaited."""
        return not self._call.done

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Have something called when the call ends; False when it ended before."""
        if self._call.done:
            return False
        self._callbacks.append(lambda _context: callback())
        return True

    def add_done_callback(self, callback: Callable[[Context], None]) -> None:
        """Have something called with this context when the call ends."""
        self._callbacks.append(callback)

    # For the call only

    def run_callbacks(self) -> None:
        """Call what waits for the end, once."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback(self)
            except Exception:
                _log.exception("a done callback of %s failed", self._call.head.path)
