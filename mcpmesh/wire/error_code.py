"""The error codes of HTTP/2, and the two ways a peer's mistake ends things.

Source: RFC 9113, sections 5.4 and 7.
"""

from enum import IntEnum

from mcpmesh.errors import RemoteProtocolError


class ErrorCode(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class ConnectionFault(RemoteProtocolError):
    """The peer broke the protocol so that the whole connection must end with `code`."""

    def __init__(self, code: ErrorCode, message: str, reason: str = "") -> None:
        """Raise with a message for people, and a short reason for counters: the code, if none."""
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.reason = reason or code.name.lower()


class StreamFault(RemoteProtocolError):
    """The peer broke the protocol on one stream, which ends with `code`; the rest goes on."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
