"""An attacker's connection: sends as fast as it may, and notes how it is ended."""

import select
import socket
from collections import Counter
from contextlib import suppress

import hpack

from benchmarks.hostile import frames as f

#: Not the honest client's address, so that limits per peer tell the two apart.
SOURCE = "127.0.0.2"
_READ_BYTES = 1 << 16


class Peer:
    """A connection to a router, or one that a router made to a hostile replica.

    `ended` says how the router ended the connection, `streams` how it ended streams: by
    RST_STREAM and its code, or by a gRPC status.
    """

    def __init__(self, connected: socket.socket, *, reads: bool = True) -> None:
        self.ended = ""
        self.streams: Counter[str] = Counter()
        self.sent_bytes = 0
        #: Streams that the other side opened (hostile replicas).
        self.opened: list[int] = []
        self._socket = connected
        self._socket.setblocking(False)
        self._reads = reads
        self._rest = b""
        self._decoder = hpack.Decoder()

    @classmethod
    def connect(cls, port: int, *, reads: bool = True) -> "Peer":
        """Connect to a router on this machine."""
        connected = socket.create_connection(("127.0.0.1", port), 10, (SOURCE, 0))
        return cls(connected, reads=reads)

    def send(self, data: bytes, patience: float) -> bool:
        """Send all of it, looking at what comes meanwhile; False when that did not work."""
        view = memoryview(data)
        while view and not self.ended:
            _, writable, _ = select.select([], [self._socket], [], 0)
            if not writable:
                self.look(patience if not self._reads else 0.05)
                if not self._reads:
                    return False
                continue
            try:
                sent = self._socket.send(view)
            except BlockingIOError:
                continue
            except OSError:
                self.look(0.5)
                self.ended = self.ended or "closed"
                return False
            self.sent_bytes += sent
            view = view[sent:]
        return not self.ended

    def half_close(self) -> None:
        """Send no more, and go on reading."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def look(self, patience: float) -> None:
        """Read what is there, waiting so long for the first of it."""
        if not self._reads:
            self._look_for_end(patience)
            return
        while not self.ended and select.select([self._socket], [], [], patience)[0]:
            patience = 0.0
            try:
                received = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                received = b""
            if not received:
                self.ended = "closed"
                return
            # A router that connects to a hostile replica says this first.
            received = (self._rest + received).removeprefix(f.PREFACE)
            found, self._rest = f.cut(received)
            for each in found:
                self._note(*each)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _look_for_end(self, patience: float) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLHUP | select.POLLERR)
        if poll.poll(patience * 1000):
            self.ended = "closed"

    def _note(self, kind: int, _flags: int, stream: int, payload: bytes) -> None:
        if kind == f.GOAWAY:
            self.ended = f"GOAWAY {f.CODES[int.from_bytes(payload[4:8], 'big')]}"
        elif kind == f.RST_STREAM:
            self.streams[f"RST_STREAM {f.CODES[int.from_bytes(payload, 'big')]}"] += 1
        elif kind == f.HEADERS:
            fields = dict(self._decoder.decode(payload))
            if status := fields.get("grpc-status"):
                self.streams[f"status {status}"] += 1
            if ":path" in fields:
                self.opened.append(stream)
