"""A caller on python-hyper's h2 and a blocking socket, that can do what stubs don't."""

import socket
from collections.abc import Callable
from types import TracebackType

import h2.config
import h2.connection
import h2.events
import h2.settings

from benchmarks.harness.process import Failed
from benchmarks.hops import SERVICE

_READ_BYTES = 1 << 20
_CONNECTION_WINDOW = 2**31 - 1 - 65_535
_CONFIG = h2.config.H2Configuration(
    client_side=True,
    header_encoding=False,
    # Ten thousand heads are to be written by the caller, not checked by it.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
_HEAD = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"router"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
    (b"grpc-timeout", b"1H"),
    (b"mcp-name", b"echo"),
]


class H2Caller:
    """One connection; messages are given without their prefix of five bytes.

    It gives credit for all that it reads. Units: `window` in bytes, of each stream.
    """

    def __init__(self, port: int, window: int = 65_535) -> None:
        #: Body bytes that came, and streams that ended.
        self.read_bytes = 0
        self.ended = 0
        self.greeted = False
        self._h2 = h2.connection.H2Connection(_CONFIG)
        wanted = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=wanted)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.flush()

    def __enter__(self) -> "H2Caller":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def call(self, method: str, message: bytes | None = None, *, end: bool = True) -> int:
        """Open a stream, and send a message as far as the windows allow; the stream's id."""
        stream = int(self._h2.get_next_available_stream_id())
        self._h2.send_headers(stream, [(b":path", f"{SERVICE}{method}".encode()), *_HEAD])
        if message is not None:
            self.send(stream, message, end=end)
        return stream

    def send(self, stream: int, message: bytes, *, end: bool = False) -> None:
        """Send a message, reading meanwhile when the router gives no credit."""
        self.send_raw(stream, b"\0" + len(message).to_bytes(4, "big") + message, end=end)

    def send_raw(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send body bytes as they are."""
        view = memoryview(data)
        frame = int(self._h2.max_outbound_frame_size)
        while view:
            size = min(frame, self._h2.local_flow_control_window(stream), len(view))
            if not size:
                self.read()
                continue
            self._h2.send_data(stream, bytes(view[:size]), end_stream=end and size == len(view))
            view = view[size:]

    def reset(self, stream: int) -> None:
        """Cancel a stream."""
        self._h2.reset_stream(stream, error_code=8)
        self.flush()

    def set_window(self, size: int) -> None:
        """Change the window that every stream has."""
        self._h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: size})
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if outgoing := self._h2.data_to_send():
            self.socket.sendall(outgoing)

    def read_until(self, enough: Callable[[], bool]) -> None:
        """Read until something is true; each read waits for bytes."""
        self.flush()
        while not enough():
            self.read()

    def read_answers(self, count: int) -> None:
        """Read the router's settings, and until so many streams ended."""
        self.read_until(lambda: self.greeted and self.ended >= count)

    def read_body(self, size: int) -> None:
        """Read until so many body bytes came in all."""
        self.read_until(lambda: self.read_bytes >= size)

    def read(self) -> None:
        """Wait for bytes, and take them.

        Raises: Failed when a stream is reset or the connection ends.
        """
        self.flush()
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise Failed("the router closed the connection")
        for event in self._h2.receive_data(data):
            self._take(event)
        self.flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.DataReceived():
                self.read_bytes += len(event.data or b"")
                size, stream = event.flow_controlled_length or 0, event.stream_id or 0
                self._h2.acknowledge_received_data(size, stream)
            case h2.events.StreamEnded():
                self.ended += 1
            case h2.events.RemoteSettingsChanged():
                self.greeted = True
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise Failed(f"the router ended a stream: {event}")
