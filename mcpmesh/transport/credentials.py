"""SSL contexts made of TLS settings, and made anew when their files change.

The files are looked at when a connection is made or taken: no timer, nothing to stop, and a
connection that is up keeps what it agreed on. New files that are bad change nothing but the log.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Sequence

from mcpmesh.config import InvalidSetting, TlsSettings
from mcpmesh.config.tls import SYSTEM

_log = logging.getLogger("mcpmesh.transport")
H2 = "h2"
#: TLS 1.2 with forward secrecy and AEAD only: what RFC 9113 (section 9.2.2) leaves of it.
_TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: What tells one edition of a file from the next, a swapped symbolic link included.
Stamp = tuple[tuple[int, int, int], ...]


class Credentials:
    """The current SSL context of some files.

    Raises (when made): InvalidSetting naming the file that cannot be used.
    """

    def __init__(self, build: Callable[[], ssl.SSLContext], files: Sequence[str]) -> None:
        self._build = build
        self._files = tuple(files)
        # Before the first reading: what changes meanwhile is seen as a change.
        self._stamp = _stamp(self._files)
        self._context = build()

    def __repr__(self) -> str:
        return f"<Credentials {', '.join(self._files)}>"

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection, of the files as they are now."""
        if (stamp := _stamp(self._files)) != self._stamp:
            # Noted whatever comes of it: bad files are tried, and told of, once an edition.
            self._stamp = stamp
            try:
                self._context = self._build()
            except InvalidSetting as error:
                _log.error("going on with the old certificates, the new ones are bad: %s", error)
            else:
                _log.info("took new certificates from %s", ", ".join(self._files))
        return self._context


class ServerCredentials(Credentials):
    """What a server shows, and which clients it believes."""

    def __init__(self, tls: TlsSettings, protocols: Sequence[str] = (H2,)) -> None:
        files = [each for each in (tls.tls_cert, tls.tls_key, tls.client_ca) if _is_file(each)]
        super().__init__(lambda: server_context(tls, protocols), files)


class ChannelCredentials(Credentials):
    """Which servers a client believes, and what it shows them.

    `server_name` is what their certificate must have instead of the host; empty: the host.
    """

    def __init__(self, tls: TlsSettings, protocols: Sequence[str] = (H2,)) -> None:
        files = [each for each in (tls.tls_cert, tls.tls_key, tls.tls_ca) if _is_file(each)]
        super().__init__(lambda: client_context(tls, protocols), files)
        self.server_name = tls.tls_server_name


def channel_credentials(tls: TlsSettings | None) -> ChannelCredentials | None:
    """Return what a client needs for TLS; None when the settings want none.

    Raises: InvalidSetting naming the file that cannot be used.
    """
    return ChannelCredentials(tls) if tls is not None and tls.connects else None


def server_context(tls: TlsSettings, protocols: Sequence[str]) -> ssl.SSLContext:
    """Read a server's files.

    Raises: InvalidSetting naming the file that cannot be used.
    """
    context = _common(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), protocols)
    # Connections live long; without tickets nothing of a session outlives its certificates.
    context.num_tickets = 0
    _load_certificate(context, tls)
    if tls.client_ca:
        _load_authorities(
            context, "tls_client_ca" if tls.tls_client_ca else "tls_ca", tls.client_ca,
            ssl.Purpose.CLIENT_AUTH,
        )  # fmt: skip
        required = tls.tls_require_client_cert
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def client_context(tls: TlsSettings, protocols: Sequence[str]) -> ssl.SSLContext:
    """Read a client's files.

    Raises: InvalidSetting naming the file that cannot be used.
    """
    context = _common(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), protocols)
    # A certificate's common name is no host name (RFC 9525, section 2).
    context.hostname_checks_common_name = False
    _load_authorities(context, "tls_ca", tls.tls_ca, ssl.Purpose.SERVER_AUTH)
    if tls.tls_cert:
        _load_certificate(context, tls)
    return context


def _common(context: ssl.SSLContext, protocols: Sequence[str]) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(list(protocols))
    return context


def _load_certificate(context: ssl.SSLContext, tls: TlsSettings) -> None:
    _check_readable("tls_cert", tls.tls_cert)
    _check_readable("tls_key", tls.tls_key or tls.tls_cert)
    try:
        # The passphrase is asked for on the terminal unless somebody says it.
        context.load_cert_chain(tls.tls_cert, tls.tls_key or None, _no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise InvalidSetting(
                "tls_key", f"{tls.tls_key or tls.tls_cert} is the key of another certificate "
                f"than {tls.tls_cert}",
            ) from error  # fmt: skip
        files = " and ".join(each for each in (tls.tls_cert, tls.tls_key) if each)
        raise InvalidSetting(
            "tls_cert", f"no PEM certificate with its key in {files} ({error.reason or error})"
        ) from error
    except _Encrypted as error:
        raise InvalidSetting(
            "tls_key", f"{tls.tls_key or tls.tls_cert} wants a passphrase; give a key without"
        ) from error


def _load_authorities(
    context: ssl.SSLContext, setting: str, file: str, purpose: ssl.Purpose
) -> None:
    if file == SYSTEM:
        context.load_default_certs(purpose)
        return
    _check_readable(setting, file)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise InvalidSetting(setting, f"no PEM certificates in {file}") from error


def _check_readable(setting: str, file: str) -> None:
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise InvalidSetting(setting, f"cannot read {file}: {error.strerror}") from error


class _Encrypted(Exception):
    """The key is encrypted."""


def _no_passphrase() -> str:
    raise _Encrypted


def _is_file(name: str) -> bool:
    return name not in ("", SYSTEM)


def _stamp(files: Sequence[str]) -> Stamp:
    return tuple(_edition(file) for file in files)


def _edition(file: str) -> tuple[int, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)
