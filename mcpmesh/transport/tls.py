"""TLS between a connection's socket and its protocol.

Ours rather than the event loop's, so that each connection takes the certificates of its moment,
its failures become sentences, and what a protocol writes in one piece leaves in one piece. To the
protocol inside it is the transport, there from the first moment; what is written before the
handshake is done waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, cast

from mcpmesh.model.identity import PeerIdentity, identity_of
from mcpmesh.transport.socket_name import socket_name
from mcpmesh.transport.tls_failure import TlsFailure, explain

_log = logging.getLogger("mcpmesh.transport")
#: The most that a record carries (RFC 8446, section 5.1).
_RECORD_BYTES = 16 * 1024
_CLOSE_GRACE = 1.0
#: A fatal alert (RFC 8446, section 6), as a record of any version.
_PROTOCOL_VERSION = bytes((21, 3, 1, 0, 2, 2, 70))
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"})


class TlsTransport(asyncio.Protocol):
    """One connection's TLS; `secured` is told who the peer is, None when it did not prove it.

    With `protocol`, the peer must agree on it by ALPN. `server_name` (clients only) is what the
    server's certificate must have.
    Units: `patience`, seconds that the handshake may take.
    """

    def __init__(
        self,
        inner: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        server_name: str | None = None,
        protocol: str = "",
        patience: float = 10.0,
        secured: Callable[[PeerIdentity | None], None] | None = None,
    ) -> None:
        self._inner = inner
        self._context = context
        self._server_side = server_name is None
        self._server_name = server_name
        self._protocol = protocol
        self._patience = patience
        self._secured = secured
        self._peer = ""
        self._failure: TlsFailure | None = None
        self._done = False
        self._waiting: list[bytes] = []
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_peer, self._to_peer,
            server_side=self._server_side, server_hostname=server_name,
        )  # fmt: skip

    def __repr__(self) -> str:
        state = self._tls.version() if self._done else self._failure or "in its handshake"
        return f"<TlsTransport {self._peer} {state}>"

    # asyncio.Protocol, towards the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        self._peer = self._server_name or socket_name(transport.get_extra_info("peername"))
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._too_slow)
        self._inner.connection_made(cast(asyncio.Transport, self))
        if not self._server_side:
            self._handshake()

    def data_received(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._from_peer.write(data)
        if not self._done:
            self._handshake()
        if self._done:
            self._read()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def eof_received(self) -> None:
        """A peer that ends without a word of TLS: the connection ends too."""
        self._inner.eof_received()
        if not self._done and self._failure is None:
            self._failure = TlsFailure(
                f"{self._peer} closed the connection during the TLS handshake"
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._waiting.clear()
        if not self._done and self._failure is None and exc is not None:
            self._failure = TlsFailure(f"{self._peer} broke off the TLS handshake: {exc}")
        self._inner.connection_lost(self._failure or exc)

    # asyncio.Transport, towards the protocol

    def write(self, data: bytes) -> None:
        """Encrypt and write."""
        if self._failure is not None:
            return
        if not self._done:
            self._waiting.append(data)
            return
        try:
            sent = self._tls.write(data)
            while sent < len(data):
                sent += self._tls.write(memoryview(data)[sent:])
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._transport.write(self._to_peer.read())

    def writelines(self, pieces: list[bytes]) -> None:
        """Encrypt and write, as one piece."""
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        """Say that nothing follows."""
        self._say_goodbye()
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """Tell that an end can be written."""
        return True

    def close(self) -> None:
        """Say that nothing follows, and close after what was written."""
        if not self._transport.is_closing():
            self._say_goodbye()
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._failure is not None or self._transport.is_closing()

    def pause_reading(self) -> None:
        """Let the peer wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    def is_reading(self) -> bool:
        """Tell whether bytes of the peer are read now."""
        return self._transport.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when the protocol is told to pause."""
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the socket has not taken yet."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what asyncio's transports know under a name."""
        if name == "sslcontext":
            return self._context
        if name == "ssl_object":
            return self._tls
        return self._transport.get_extra_info(name, default)

    # TLS

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._timer.cancel()
        self._done = True
        agreed = self._tls.selected_alpn_protocol()
        if self._protocol and agreed != self._protocol:
            said = f"speaks {agreed}" if agreed else "offers no protocol"
            self._say_goodbye()
            self._fail(TlsFailure(f"{self._peer} {said} by ALPN, not {self._protocol} for gRPC"))
            return
        if self._secured is not None:
            self._secured(self._identity())
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.write(b"".join(waiting))
        else:
            self._flush()

    def _identity(self) -> PeerIdentity | None:
        certificate = self._tls.getpeercert()
        if not certificate:
            return None
        return identity_of(certificate, self._tls.getpeercert(binary_form=True) or b"")

    def _read(self) -> None:
        read, parts, ended = self._tls.read, [], False
        try:
            while True:
                part = read(_RECORD_BYTES)
                if not part:
                    ended = True
                    break
                parts.append(part)
                # Asked, since the exception for "no more" costs as much as a record.
                if not self._from_peer.pending and not self._tls.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # said where both sides have ended
            ended = True
        except ssl.SSLError as error:
            self._fail(error)
            return
        if self._to_peer.pending:
            self._flush()
        if parts:
            self._inner.data_received(parts[0] if len(parts) == 1 else b"".join(parts))
        if ended:
            self.close()

    def _flush(self) -> None:
        if self._to_peer.pending:
            self._transport.write(self._to_peer.read())

    def _say_goodbye(self) -> None:
        if not self._done or self._failure is not None:
            return
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # The peer's own goodbye is not waited for.
        self._flush()

    def _too_slow(self) -> None:
        self._fail(TlsFailure(f"{self._peer} did not end the TLS handshake in {self._patience} s"))

    def _fail(self, error: Exception) -> None:
        """End the connection; the peer gets TLS's own alert, if there is one."""
        self._failure = (
            error
            if isinstance(error, TlsFailure)
            else explain(error, self._peer, name=self._server_name, server_side=self._server_side)
        )
        if self._server_side:
            _log.warning(
                "closing the connection of %s: %s", self._peer, self._failure,
                extra={"peer": self._peer},
            )  # fmt: skip
        if self._transport.is_closing():
            return
        if self._server_side and getattr(error, "reason", "") in _NOT_TLS:
            # OpenSSL has no alert for who speaks something else; this much they may understand.
            self._transport.write(_PROTOCOL_VERSION)
        self._flush()
        if self._server_side:
            # Only our half: closing on bytes that nobody read would take the alert back.
            self._transport.write_eof()
        else:
            self._transport.close()
        asyncio.get_running_loop().call_later(_CLOSE_GRACE, self._transport.abort)
