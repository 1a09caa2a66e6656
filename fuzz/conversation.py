"""A connection under fuzz: what it is told, what it says, and who owns its streams."""

from fuzz.auditor import Auditor
from fuzz.dice import Dice
from fuzz.laws import check_connection, check_whole
from mcpmesh.errors import Draining, LocalProtocolError
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ConnectionFault
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink

HEAD: Headers = ((b":status", b"200"), (b"content-type", b"application/grpc"))
END: Headers = ((b"grpc-status", b"0"),)
REQUEST: Headers = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"h"),
)  # fmt: skip
_SIZES = (5, 0, 100, 20_000, 70_000, 300_000)
#: Bytes out that the peer did not cause: the greeting, a GOAWAY or two.
_CONTROL_ALLOWANCE = 2_000


class Sink:
    """Owner of one stream; what it does with what it hears depends on its `manner`.

    0 gives credit at once, 1 keeps everything, 2 echoes, 3 refuses at the head, 4 resets at data.
    """

    def __init__(self, manner: int) -> None:
        self.manner = manner
        self.stream: Stream | None = None
        self.ended = False
        self.events = 0
        self.reset = False
        #: Our own head is sent, so a body may follow.
        self.began = False

    def on_headers(self, headers: Headers, end: bool) -> None:
        """Hear a head or trailers."""
        stream = self._heard(end)
        assert isinstance(headers, tuple)
        if self.manner == 2 and not stream.state & 1:
            stream.send_headers(END if self.began else HEAD, (), end)
            self.began = True
        elif self.manner == 3 and not stream.state & 1:
            stream.send_headers(HEAD + END, (), True)
            stream.stop()

    def on_data(self, data: bytes, end: bool) -> None:
        """Hear of body bytes."""
        stream = self._heard(end)
        assert isinstance(data, bytes)
        if self.manner == 0:
            stream.consumed(len(data))
        elif self.manner == 2:
            stream.taken = stream.consumed
            if not stream.state & 1 and self.began:
                stream.send_data(data)
                if end:
                    stream.send_headers(END, (), True)
        elif self.manner == 4:
            stream.reset()

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        """Hear a whole answer."""
        self.on_headers(head.headers, False)
        self.on_data(data, False)
        self.on_headers(trailers, True)

    def on_reset(self, code: int, message: str) -> None:
        """Hear that the stream is over."""
        assert not self.reset, "a stream is reset twice"
        self.reset, self.ended = True, False
        stream = self._heard(True)
        assert stream.closed, "a reset stream is not closed"
        assert message
        assert 0 <= code <= 0xFFFFFFFF

    def _heard(self, end: bool) -> Stream:
        assert not self.ended, "something is told after the end"
        assert self.stream is not None
        self.events += 1
        self.ended = end
        return self.stream


class Owner:
    """Owner of the connection."""

    def __init__(self, manners: tuple[int, ...]) -> None:
        self._manners = manners
        self.sinks: list[Sink] = []
        self.streams: list[Stream] = []

    def sink(self) -> Sink:
        """Make the next sink."""
        sink = Sink(self._manners[len(self.sinks) % len(self._manners)])
        self.sinks.append(sink)
        return sink

    def accept(self, stream: Stream, head: Block) -> StreamSink:
        """Own a stream of the peer."""
        sink = self.sink()
        sink.stream = stream
        self.streams.append(stream)
        return sink

    def on_output(self) -> None:
        """Output is taken after every step."""

    def on_full(self) -> None:
        """Output is taken after every step."""

    def on_goaway(self, code: int, message: str) -> None:
        """Go on; a link would wait for its streams."""

    def on_untold(self) -> None:
        """The rest is told when the connection failed."""

    def on_idle(self) -> None:
        """Go on; a link might close."""

    def on_pong(self, payload: bytes) -> None:
        """An answer to a PING."""
        assert len(payload) == 8


class Conversation:
    """One connection and both sides of its story.

    Raises: AssertionError for whatever does not hold, and any exception that is not declared.
    """

    def __init__(self, *, client: bool, limits: Limits, manners: tuple[int, ...] = (0,)) -> None:
        self.owner = Owner(manners)
        self.connection = Connection(self.owner, limits, client=client)
        self.auditor = Auditor(client)
        self.over = False
        self._local_ops = 0
        self.connection.start()
        self._listen()

    def hear(self, data: bytes) -> None:
        """Have bytes arrive."""
        if self.over:
            return
        self.auditor.received(data)
        try:
            self.connection.receive(data)
        except ConnectionFault as fault:
            self.connection.fail(fault.code, fault.message)
            assert self.connection.closed
            while self.connection.untold:
                self.connection.tell_lost()
            self.over = True
        self._listen()
        assert self.over or not self.connection.closed

    def act(self, dice: Dice) -> None:
        """Have one of the owners do something."""
        self._local_ops += 1
        connection = self.connection
        what = dice.below(16)
        if what == 0 and connection.client:
            self.open(dice)
        elif what == 1:
            connection.writable = not connection.writable
            if connection.writable:
                connection.pump()
        elif what == 2 and dice.chance(8):
            if not connection.closed:
                connection.drain("tired")
        elif what == 3 and connection.draining:
            connection.stop_accepting()
        elif what == 4:
            if not connection.closed:
                connection.ping(b"mcpmeshK")
        elif what == 5:
            connection.flood.relax()
        elif self.owner.sinks:
            self._act_on(dice.pick(self.owner.sinks[-8:]), what, dice)
        self._listen()

    def open(self, dice: Dice) -> None:
        """Open a stream, unless the connection takes none."""
        sink = self.owner.sink()
        try:
            if dice.chance(3):
                stream = self.connection.request(REQUEST, (), bytes(dice.pick(_SIZES)), sink)
            else:
                stream = self.connection.open(REQUEST, sink, (), dice.chance(4))
        except Draining:
            self.owner.sinks.pop()
            return
        sink.stream = stream
        sink.began = True
        self.owner.streams.append(stream)

    def _act_on(self, sink: Sink, what: int, dice: Dice) -> None:
        stream = sink.stream
        assert stream is not None
        try:
            if what == 8 and not sink.began:
                stream.send_message(HEAD, (), bytes(dice.pick(_SIZES)))
                sink.began = True
            elif what < 8 or (what < 12 and not sink.began):
                stream.send_headers(dice.pick((HEAD, END)), (), dice.chance(2))
                sink.began = True
            elif what < 12:
                stream.send_data(bytes(dice.pick(_SIZES)), dice.chance(4))
            elif what == 12:
                stream.reset()
            elif what == 13:
                stream.stop()
            else:
                stream.consumed(dice.pick((1, 100, 1 << 20)))
        except LocalProtocolError:
            assert stream.state & 1, "an open stream refuses to send"

    def finish(self) -> None:
        """End every stream and hold that all credit is back, and the connection still silent."""
        connection = self.connection
        for stream in list(self.owner.streams):
            stream.reset()
            stream.consumed(1 << 30)
            assert not stream.held, f"{stream} holds {stream.held} bytes"
        self._listen()
        for waiting in list(connection.waiting):
            waiting.reset()
        if not connection.closed:
            check_whole(connection)
            connection.lost("the end")
        assert not connection.outbox.size, "an ended connection speaks"

    def _listen(self) -> None:
        said = self.connection.outbox.take()
        self.auditor.sent(said)
        check_connection(self.connection, self.owner.streams)
        auditor = self.auditor
        most = _CONTROL_ALLOWANCE + 2 * auditor.bytes_in + 40 * self._local_ops
        assert auditor.control_bytes <= most, (
            f"{auditor.control_bytes} bytes of control for {auditor.bytes_in} bytes"
        )
