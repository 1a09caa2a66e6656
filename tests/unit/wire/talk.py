"""A connection under test and its peer, whose frames are lines of text.

    HEADERS 1 :method=POST :path=/a END_STREAM      a whole block; MORE leaves it open
    CONTINUATION 1 te=trailers                      what follows a HEADERS with MORE
    DATA 1 "hello" END_STREAM                       or *70000 for so many bytes
    SETTINGS INITIAL_WINDOW_SIZE=10                 or SETTINGS ACK
    WINDOW_UPDATE 0 +100 · PING 0011223344556677 [ACK] · RST_STREAM 1 CANCEL
    GOAWAY 2147483647 NO_ERROR "why" · PRIORITY 1 on=3 · PREFACE · RAW 000000040000000000

PAD=4 pads DATA and HEADERS. The peer's half is python-hyper's hpack, not ours.
"""

import shlex

import hpack

from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode
from mcpmesh.wire.limits import Limits

KINDS = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING",
         "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"]  # fmt: skip
SETTINGS = {"HEADER_TABLE_SIZE": 1, "ENABLE_PUSH": 2, "MAX_CONCURRENT_STREAMS": 3,
            "INITIAL_WINDOW_SIZE": 4, "MAX_FRAME_SIZE": 5, "MAX_HEADER_LIST_SIZE": 6}  # fmt: skip
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST = ":method=POST :scheme=http :path=/s/m :authority=host te=trailers"
HEAD = ((b":status", b"200"),)
TRAILERS = ((b"grpc-status", b"0"),)
FIELDS = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"host"),
)  # fmt: skip


def code_name(code):
    """Name an error code; a peer may send one that nobody defined."""
    return ErrorCode(code).name if code <= max(ErrorCode) else hex(code)


class Sink:
    """Notes what it is told; gives credit at once when `eager`."""

    def __init__(self, eager=False):
        self.events = []
        self.stream = None
        self.eager = eager

    def on_headers(self, headers, end):
        self.events.append(("headers", headers, end))

    def on_data(self, data, end):
        self.events.append(("data", data, end))
        if self.eager:
            self.stream.consumed(len(data))

    def on_reset(self, code, message):
        self.events.append(("reset", code_name(code)))

    @property
    def body(self):
        return b"".join(event[1] for event in self.events if event[0] == "data")


class Owner:
    """Notes what a connection tells its owner."""

    def __init__(self, eager=False):
        self.sinks = {}
        self.events = []
        self.eager = eager

    def accept(self, stream, _head):
        sink = self.sinks[stream.id] = Sink(self.eager)
        sink.stream = stream
        return sink

    def on_output(self):
        pass

    def on_full(self):
        pass

    def on_goaway(self, code, message):
        self.events.append(("goaway", code_name(code)))

    def on_unread(self, stream):
        self.events.append(("unread", stream.id))

    def on_untold(self):
        self.events.append(("untold",))

    def on_idle(self):
        self.events.append(("idle",))

    def on_pong(self, payload):
        self.events.append(("pong", payload))


class Writer:
    """Turns lines into frames."""

    def __init__(self):
        self.encoder = hpack.Encoder()

    def frames(self, *lines):
        return b"".join(self.frame(line) for line in lines)

    def frame(self, line):
        kind, *words = shlex.split(line)
        if kind == "PREFACE":
            return PREFACE
        if kind == "RAW":
            return bytes.fromhex("".join(words))
        stream = 0 if kind in ("SETTINGS", "PING", "GOAWAY") else int(words.pop(0))
        flags = 0
        for flag, bit in (("END_STREAM", 1), ("ACK", 1)):
            if flag in words:
                words.remove(flag)
                flags |= bit
        pad = b""
        if words and words[-1].startswith("PAD="):
            pad = bytes(int(words.pop()[4:]))
            flags |= 8
        payload, more_flags = getattr(self, kind.lower())(words)
        if flags & 8:
            payload = bytes((len(pad),)) + payload + pad
        return raw_frame(KINDS.index(kind), flags | more_flags, stream, payload)

    def data(self, words):
        text = words[0] if words else ""
        return (bytes(int(text[1:])) if text.startswith("*") else text.encode()), 0

    def headers(self, words):
        flags = 4
        if "MORE" in words:
            words.remove("MORE")
            flags = 0
        fields = []
        for word in words:
            at = word.index("=", 1)
            value = word[at + 1 :]
            fields.append((word[:at], "v" * int(value[1:]) if value[:1] == "*" else value))
        return self.encoder.encode(fields, huffman=False), flags

    continuation = headers

    def settings(self, words):
        pairs = (word.split("=") for word in words)
        return b"".join(
            SETTINGS[name].to_bytes(2, "big") + int(value).to_bytes(4, "big")
            for name, value in pairs
        ), 0

    def window_update(self, words):
        return int(words[0]).to_bytes(4, "big"), 0

    def ping(self, words):
        return bytes.fromhex(words[0]), 0

    def rst_stream(self, words):
        return ErrorCode[words[0]].to_bytes(4, "big"), 0

    def goaway(self, words):
        last, code, *reason = words
        payload = int(last).to_bytes(4, "big") + ErrorCode[code].to_bytes(4, "big")
        return payload + "".join(reason).encode(), 0

    def priority(self, words):
        return int(words[0].removeprefix("on=")).to_bytes(4, "big") + b"\x10", 0


class Reader:
    """Turns frames into lines."""

    def __init__(self):
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.decoder.max_allowed_table_size = 1 << 16
        self.open_block = b""

    def lines(self, data):
        if data.startswith(PREFACE):
            return ["PREFACE", *self.lines(data[len(PREFACE) :])]
        lines = []
        position = 0
        while position < len(data):
            size = int.from_bytes(data[position : position + 3], "big")
            kind, flags = data[position + 3], data[position + 4]
            stream = int.from_bytes(data[position + 5 : position + 9], "big")
            payload = data[position + 9 : position + 9 + size]
            assert len(payload) == size, "a frame is cut short"
            position += 9 + size
            lines.append(self.line(KINDS[kind], flags, stream, payload))
        return lines

    def line(self, kind, flags, stream, payload):
        words = [kind]
        if kind not in ("SETTINGS", "PING", "GOAWAY"):
            words.append(str(stream))
        if kind == "DATA":
            words += [f"*{len(payload)}" if len(payload) > 40 else f'"{payload.decode()}"']
        elif kind in ("HEADERS", "CONTINUATION"):
            self.open_block += payload
            if not flags & 4:
                words.append("MORE")
            else:
                fields = self.decoder.decode(self.open_block, raw=True)
                words += [f"{name.decode()}={value.decode()}" for name, value in fields]
                self.open_block = b""
        elif kind == "SETTINGS":
            names = {number: name for name, number in SETTINGS.items()}
            for at in range(0, len(payload), 6):
                name = names[int.from_bytes(payload[at : at + 2], "big")]
                words.append(f"{name}={int.from_bytes(payload[at + 2 : at + 6], 'big')}")
        elif kind == "WINDOW_UPDATE":
            words.append(f"+{int.from_bytes(payload, 'big')}")
        elif kind == "RST_STREAM":
            words.append(ErrorCode(int.from_bytes(payload, "big")).name)
        elif kind == "GOAWAY":
            words += [str(int.from_bytes(payload[:4], "big"))]
            words += [ErrorCode(int.from_bytes(payload[4:8], "big")).name]
        elif kind == "PING":
            words.append(payload.hex())
        if flags & 1:
            words.append("ACK" if kind in ("SETTINGS", "PING") else "END_STREAM")
        return " ".join(words)


class Talk:
    """A started connection; the handshake is done unless `greet` is False."""

    def __init__(self, *, client=False, greet=True, settings="", eager=False, **limits):
        self.owner = Owner(eager)
        self.connection = Connection(self.owner, Limits(**limits), client=client)
        self.writer = Writer()
        self.reader = Reader()
        self.connection.start()
        if greet:
            if not client:
                self.hear("PREFACE")
            self.hear(f"SETTINGS {settings}", "SETTINGS ACK")
            self.said()

    def hear(self, *lines):
        """Receive frames of the peer."""
        for line in lines:
            self.connection.receive(self.writer.frame(line))

    def hear_at_once(self, *lines):
        """Receive frames of the peer in one piece."""
        self.connection.receive(self.writer.frames(*lines))

    def request(self, stream_id, *more):
        """Receive a request's head."""
        self.hear(f"HEADERS {stream_id} {REQUEST} {' '.join(more)}")
        return self.owner.sinks.get(stream_id)

    def open(self, end=False, sink=None, fields=FIELDS):
        """Open a client stream; returns it and its sink."""
        sink = sink or Sink(self.owner.eager)
        stream = sink.stream = self.connection.open(fields, sink, (), end)
        return stream, sink

    def said(self):
        """Return what left since the last time."""
        return self.reader.lines(self.connection.outbox.take())

    def fault(self, *lines):
        """Return the code of the connection error that these frames are."""
        try:
            self.hear(*lines)
        except ConnectionFault as fault:
            return fault.code.name
        return None


def raw_frame(kind, flags, stream_id, payload):
    """Write any frame, right or wrong."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big")
    return head + payload
