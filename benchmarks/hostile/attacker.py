"""An attack as a process of its own: attacker.py ROUTER_PORT REPLICA_PORT SECONDS PER_SECOND NAME.

An attacker that is ended comes again, PER_SECOND times a second at most. A hostile replica listens
on REPLICA_PORT and has itself called through the router. Prints a line when it begins, and one of
JSON with what became of it.
"""

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields

from benchmarks.hostile import frames as f
from benchmarks.hostile.attacks import BY_NAME, Attack
from benchmarks.hostile.peer import Peer

_MOMENT = 0.05
_EVIL = f.block("Invoke", "evil", "5S")
_EVIL_MESSAGE = f.message("evil")


@dataclass(slots=True)
class Outcome:
    """What became of an attack.

    `endings` counts connections by how they were ended, `streams` their calls.
    """

    connections: int = 0
    sent_bytes: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    streams: Counter[str] = field(default_factory=Counter)

    def add(self, peer: Peer) -> None:
        """Take in what became of one connection."""
        self.connections += 1
        self.sent_bytes += peer.sent_bytes
        self.endings[peer.ended or "stayed"] += 1
        self.streams += peer.streams


def attack_router(
    attack: Attack, port: int, seconds: float, per_second: float, *, once: bool = False
) -> Outcome:
    """Attack for so long; with `once`, until the first connection (or call of one) was ended."""
    outcome = Outcome()
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        peers = list(_connected(attack, port))
        _drive(attack, peers, end, once)
        for peer in peers:
            peer.close()
            outcome.add(peer)
        if once:
            break
        time.sleep(max(0.0, min(end, began + 1 / per_second) - time.monotonic()))
    return outcome


def be_replica(
    attack: Attack, listener: socket.socket, router: int, seconds: float, *, once: bool = False
) -> Outcome:
    """Let routers connect, and attack them for so long; with `once`, until the first ends it."""
    outcome = Outcome()
    end = time.monotonic() + seconds
    caller, ids = _caller(router)
    while (left := end - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            connected, _ = listener.accept()
        except TimeoutError:
            break
        peer = Peer(connected)
        send = attack.send(peer)
        while not peer.ended and time.monotonic() < end:
            if caller.ended:
                # The router had too many connections of this machine, or enough of this one.
                caller, ids = _caller(router)
            calls = (f.call(next(ids), _EVIL, _EVIL_MESSAGE) for _ in range(5))
            caller.send(b"".join(calls), 1.0)
            caller.look(0.0)
            _step(peer, next(send))
            peer.look(_MOMENT)
        peer.close()
        outcome.add(peer)
        if once:
            break
    caller.close()
    outcome.streams += caller.streams
    return outcome


def _caller(router: int) -> tuple[Peer, Iterator[int]]:
    """Connect as the one who calls the hostile replica's tool."""
    caller = Peer.connect(router)
    caller.send(f.PREFACE + f.settings(), 1.0)
    return caller, f.stream_ids()


def listen(port: int) -> socket.socket:
    """Listen where the router expects its hostile replica."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(16)
    return listener


def _connected(attack: Attack, port: int) -> Iterator[Peer]:
    for _ in range(attack.connections):
        with suppress(OSError):
            yield Peer.connect(port, reads=attack.reads)


def _drive(attack: Attack, peers: list[Peer], end: float, once: bool) -> None:
    """Send what the attack sends on each connection, until all of them are ended or time is up."""
    sending = [(peer, attack.send(peer)) for peer in peers]
    while sending and time.monotonic() < end:
        for peer, pieces in sending:
            _step(peer, next(pieces, b""), _MOMENT / len(sending))
        if once and any(peer.ended or (attack.streams and peer.streams) for peer, _ in sending):
            return
        sending = [(peer, pieces) for peer, pieces in sending if not peer.ended]


def _step(peer: Peer, piece: bytes, moment: float = _MOMENT) -> None:
    if piece:
        peer.send(piece, moment)
        peer.look(0.0)
    else:
        peer.look(moment)


def main(router: str, replica: str, seconds: str, per_second: str, name: str) -> None:
    """Attack, and print the outcome."""
    attack = BY_NAME[name]
    print("attacking", flush=True)
    if attack.replica:
        with listen(int(replica)) as listener:
            outcome = be_replica(attack, listener, int(router), float(seconds))
    else:
        outcome = attack_router(attack, int(router), float(seconds), float(per_second))
    print(json.dumps({each.name: getattr(outcome, each.name) for each in fields(outcome)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
