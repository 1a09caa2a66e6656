"""Payloads of SETTINGS frames."""

from mcpmesh.wire.error_code import ConnectionFault
from mcpmesh.wire.frame import MAX_WINDOW
from mcpmesh.wire.settings import Settings, header_table_sizes

SEEDS = (
    b"", bytes.fromhex("000100001000"), bytes.fromhex("00040000ffff000500004000"),
    bytes.fromhex("000200000002"), bytes.fromhex("0004ffffffff"), bytes.fromhex("00ff00000001"),
    bytes.fromhex("000300000000000600000010"),
)  # fmt: skip


def check(data: bytes) -> None:
    """Read a payload; only a ConnectionFault may come out, and what is read is in bounds."""
    for of_server in (False, True):
        _check(data, of_server=of_server)


def _check(data: bytes, *, of_server: bool) -> None:
    try:
        settings = Settings().updated(data, of_server=of_server)
    except ConnectionFault as fault:
        assert fault.code in (1, 3, 6)
        return
    assert not len(data) % 6
    assert 0 <= settings.initial_window_size <= MAX_WINDOW
    assert 16_384 <= settings.max_frame_size <= 0xFFFFFF
    assert settings.enable_push in (0, 1)
    assert Settings().updated(settings.encode(), of_server=of_server) == settings
    assert header_table_sizes(data)[-1:] in ([], [settings.header_table_size])
