"""Why a connection or a listener failed, in the operating system's words."""

import os
import socket
import ssl


def reason_of(error: OSError) -> str:
    """Return the system's words; event loops put their own around them, and TLS has its own."""
    if isinstance(error, (socket.gaierror, ssl.SSLError)) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
