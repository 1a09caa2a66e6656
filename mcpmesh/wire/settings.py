"""SETTINGS: what one side of a connection asks of the other.

Source: RFC 9113, section 6.5.
"""

from dataclasses import dataclass, replace
from struct import Struct

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode
from mcpmesh.wire.frame import DEFAULT_FRAME_BYTES, DEFAULT_WINDOW, MAX_WINDOW

_ENTRY = Struct(">HI")
_MAX_FRAME_BYTES = 0xFFFFFF

_HEADER_TABLE_SIZE = 1
_ENABLE_PUSH = 2
_MAX_CONCURRENT_STREAMS = 3
_INITIAL_WINDOW_SIZE = 4
_MAX_FRAME_SIZE = 5
_MAX_HEADER_LIST_SIZE = 6

_FIELD = {
    _HEADER_TABLE_SIZE: "header_table_size",
    _ENABLE_PUSH: "enable_push",
    _MAX_CONCURRENT_STREAMS: "max_concurrent_streams",
    _INITIAL_WINDOW_SIZE: "initial_window_size",
    _MAX_FRAME_SIZE: "max_frame_size",
    _MAX_HEADER_LIST_SIZE: "max_header_list_size",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One side's settings; the defaults are those before any SETTINGS frame.

    Units: sizes in bytes; None means no limit.
    """

    header_table_size: int = 4096
    enable_push: int = 1
    max_concurrent_streams: int | None = None
    initial_window_size: int = DEFAULT_WINDOW
    max_frame_size: int = DEFAULT_FRAME_BYTES
    max_header_list_size: int | None = None

    def encode(self) -> bytes:
        """Write the payload of a SETTINGS frame: what differs from the defaults."""
        return b"".join(
            _ENTRY.pack(number, value)
            for number, name in _FIELD.items()
            if (value := getattr(self, name)) is not None and value != getattr(_DEFAULT, name)
        )

    def updated(self, payload: bytes, *, of_server: bool) -> "Settings":
        """Return these settings after a peer's SETTINGS frame; unknown ones are ignored.

        Raises: ConnectionFault for a value out of bounds or a payload of a wrong length.
        """
        if len(payload) % _ENTRY.size:
            raise ConnectionFault(
                ErrorCode.FRAME_SIZE_ERROR, f"SETTINGS of {len(payload)} bytes, not a multiple of 6"
            )
        changes = {}
        for number, value in _ENTRY.iter_unpack(payload):
            name = _FIELD.get(number)
            if name is not None:
                _check(number, value)
                if number == _ENABLE_PUSH and value and of_server:
                    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a server enables push")
                changes[name] = value
        return replace(self, **changes)


def header_table_sizes(payload: bytes) -> list[int]:
    """Return every HEADER_TABLE_SIZE of a SETTINGS frame, in order.

    A smaller one amid them empties the peer's table, whatever comes after it.
    """
    return [value for number, value in _ENTRY.iter_unpack(payload) if number == _HEADER_TABLE_SIZE]


def _check(number: int, value: int) -> None:
    if number == _ENABLE_PUSH and value > 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}, not 0 or 1")
    if number == _INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
        raise ConnectionFault(
            ErrorCode.FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE {value} is above 2^31-1"
        )
    if number == _MAX_FRAME_SIZE and not DEFAULT_FRAME_BYTES <= value <= _MAX_FRAME_BYTES:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR, f"MAX_FRAME_SIZE {value} is not 16384 to 16777215"
        )


_DEFAULT = Settings()
