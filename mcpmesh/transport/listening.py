"""Sockets that listen: TCP and Unix, bound before anybody accepts."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat

from mcpmesh.config import InvalidSetting, TlsSettings
from mcpmesh.model.address import Address

_log = logging.getLogger("mcpmesh.transport")


class Listening:
    """A bound socket and its address, with the real port; whoever made it closes it."""

    def __init__(self, bound: socket.socket, address: Address) -> None:
        self.socket = bound
        self.address = address
        self._inode = _inode(address)

    def __repr__(self) -> str:
        return f"<Listening {self.address}>"

    def close(self) -> None:
        """Close the socket, and remove its file unless it is another's by now."""
        self.socket.close()
        if self._inode and _inode(self.address) == self._inode:
            with contextlib.suppress(OSError):
                os.unlink(self.address.path)


def bind(address: Address, *, reuse_port: bool = False) -> Listening:
    """Bind a socket; port 0 picks a free one, an empty host means all addresses.

    Raises: OSError when the address can't be had.
    """
    if address.is_unix:
        return Listening(_bind_unix(address), address)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((address.host, address.port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return Listening(bound, Address("", address.host, int(bound.getsockname()[1])))


def check_exposure(setting: str, address: Address, tls: TlsSettings, insecure: bool) -> None:
    """Refuse to listen in the open: where other machines reach, and nothing is encrypted.

    Raises: InvalidSetting naming the ways out; with `insecure` it is a warning in the log.
    """
    if tls.serves or address.is_local:
        return
    if not insecure:
        raise InvalidSetting(
            setting,
            f"{address} can be reached from other machines, and without TLS anybody there can "
            "read and call; give --tls-cert and --tls-key, or --insecure to allow it",
        )
    _log.warning("listening on %s without TLS: anybody who reaches it can read and call", address)


def _bind_unix(address: Address) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            bound.bind(address.socket_path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(address):
                raise
            os.unlink(address.path)
            bound.bind(address.socket_path)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _is_stale(address: Address) -> bool:
    """Tell whether a socket's file was left by somebody who is gone."""
    if not _inode(address):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _inode(address: Address) -> int:
    """Return the inode of a Unix socket's file; 0 when there is no such thing."""
    if address.scheme != "unix":
        return 0
    try:
        status = os.stat(address.path)
    except OSError:
        return 0
    return status.st_ino if stat.S_ISSOCK(status.st_mode) else 0
