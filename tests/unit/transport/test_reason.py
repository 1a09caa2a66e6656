"""Reasons of failed connections are the system's, whatever the event loop wraps them in."""

import errno
import socket
import ssl

import pytest

from mcpmesh.transport.reason import reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "No such file or directory"),
        (socket.gaierror(socket.EAI_NONAME, "no such host"), "no such host"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "[SSL: WRONG_VERSION_NUMBER]"),
        (OSError("both addresses failed"), "both addresses failed"),
    ],
)
def test_the_reason_is_the_systems(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
