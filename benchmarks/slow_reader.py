"""A caller that reads a fast stream slowly, on python-hyper's h2."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import h2.connection
import h2.events
import h2.settings

from benchmarks.harness.process import Failed
from benchmarks.hops import INVOKE_STREAM

_TICK = 0.05
_LARGEST_WINDOW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SlowReader:
    """Reads one stream at `bytes_per_second`, then cancels it.

    With `wide_windows` it grants all the credit that HTTP/2 has and is slow to read its socket, so
    that only TCP holds the stream back; without, it reads what comes and is slow to give credit.
    """

    port: int
    message: bytes
    bytes_per_second: int
    wide_windows: bool

    def read(self, seconds: float, each_tick: Callable[[], None]) -> int:
        """Read for a while, calling `each_tick` in between; the bytes read.

        Raises: Failed when the stream ends before.
        """
        connection = h2.connection.H2Connection()
        if self.wide_windows:
            wide = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _LARGEST_WINDOW}
            connection.local_settings = h2.settings.Settings(client=True, initial_values=wide)
        connection.initiate_connection()
        if self.wide_windows:
            connection.increment_flow_control_window(_LARGEST_WINDOW - 65_535)
        self._call(connection)
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            sock.sendall(connection.data_to_send())
            sock.setblocking(False)
            read = self._read(connection, sock, seconds, each_tick)
            connection.reset_stream(1, error_code=8)
            connection.close_connection()
            sock.setblocking(True)
            sock.sendall(connection.data_to_send())
        return read

    def _call(self, connection: h2.connection.H2Connection) -> None:
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", INVOKE_STREAM),
            (":authority", "router"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", "1H"),
        ]
        connection.send_headers(1, fields)
        prefix = b"\0" + len(self.message).to_bytes(4, "big")
        connection.send_data(1, prefix + self.message, end_stream=True)

    def _read(
        self,
        connection: h2.connection.H2Connection,
        sock: socket.socket,
        seconds: float,
        each_tick: Callable[[], None],
    ) -> int:
        start = time.monotonic()
        read = owed = 0
        while (now := time.monotonic() - start) < seconds:
            # What the rate allows by now, at most one tick's worth at once.
            room = min(
                int(now * self.bytes_per_second) - read, int(2 * _TICK * self.bytes_per_second)
            )
            while room > 0:
                try:
                    arrived = sock.recv(room)
                except BlockingIOError:
                    break
                if not arrived:
                    raise Failed("the router closed the connection")
                room -= len(arrived)
                read += len(arrived)
                owed += self._credit(connection.receive_data(arrived))
            if owed and not self.wide_windows:
                connection.acknowledge_received_data(owed, 1)
                owed = 0
            if outgoing := connection.data_to_send():
                sock.sendall(outgoing)
            each_tick()
            time.sleep(_TICK)
        return read

    @staticmethod
    def _credit(events: list[h2.events.Event]) -> int:
        credit = 0
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                credit += event.flow_controlled_length or 0
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                raise Failed(f"the stream ended early: {event}")
        return credit
