"""Conversations with python-hyper's h2 on the other side, in both roles."""

import h2.connection
import h2.events
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wire.talk import FIELDS, HEAD, TRAILERS, Sink, Talk

SIZES = st.sampled_from([0, 1, 5, 1_000, 16_384, 20_000, 70_000])


class Pair:
    """Our connection and h2's, with bytes carried between them when asked."""

    def __init__(self, *, client, window=65_535, streams=None):
        # h2 gives credit back byte by byte where windows are that small, which is a flood to us.
        self.talk = Talk(client=client, greet=False, eager=True, control_flood=1_000_000)
        config = H2Configuration(client_side=not client, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        changes = {SettingCodes.INITIAL_WINDOW_SIZE: window}
        if streams is not None:
            changes[SettingCodes.MAX_CONCURRENT_STREAMS] = streams
        self.h2.local_settings = Settings(client=not client, initial_values=changes)
        self.h2.initiate_connection()
        self.bodies = {}
        self.ends = {}
        self.resets = {}
        self.carry()

    def carry(self):
        """Carry bytes until both are silent; h2 takes all data at once."""
        talk = self.talk
        while True:
            ours = talk.connection.outbox.take()
            for event in self.h2.receive_data(ours):
                self.note(event)
            theirs = self.h2.data_to_send()
            talk.connection.receive(theirs)
            if not ours and not theirs:
                return

    def note(self, event):
        match event:
            case h2.events.DataReceived():
                body = self.bodies.setdefault(event.stream_id, bytearray())
                body += event.data
                if event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ends[event.stream_id] = True
            case h2.events.StreamReset():
                self.resets[event.stream_id] = event.error_code

    def send(self, stream_id, body):
        """Have h2 send a body at the pace of our window."""
        while body:
            room = min(
                self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size
            )
            assert room > 0, "we owe credit"
            self.h2.send_data(stream_id, body[:room])
            body = body[room:]
            self.carry()
        self.h2.end_stream(stream_id)


ACTS = st.lists(
    st.tuples(st.sampled_from(["request", "answer", "cancel", "window", "ping", "carry"]), SIZES),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(ACTS, st.sampled_from([0, 1_000, 65_535, 200_000]))
def test_any_conversation_with_an_h2_client_ends_with_every_byte_delivered(acts, window):
    pair = Pair(client=False, window=window)
    talk, peer = pair.talk, pair.h2
    sent, answered, open_ids, cancelled = {}, {}, [], set()
    for act, size in acts:
        if act == "request":
            stream_id = peer.get_next_available_stream_id()
            peer.send_headers(stream_id, FIELDS)
            sent[stream_id] = bytes(size)
            pair.send(stream_id, sent[stream_id])
            open_ids.append(stream_id)
            pair.carry()
        elif act == "answer" and open_ids:
            stream_id = open_ids.pop(0)
            stream = talk.owner.sinks[stream_id].stream
            answered[stream_id] = bytes(size)
            stream.send_headers(HEAD)
            stream.send_data(answered[stream_id])
            stream.send_headers(TRAILERS, (), True)
        elif act == "cancel" and open_ids:
            stream_id = open_ids.pop()
            cancelled.add(stream_id)
            peer.reset_stream(stream_id, 8)
        elif act == "window":
            peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})
        elif act == "ping":
            peer.ping(b"12345678")
        else:
            pair.carry()
    # Whatever the windows were, open ones let everything through.
    peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
    pair.carry()
    for stream_id, body in sent.items():
        assert talk.owner.sinks[stream_id].body == body
    for stream_id, body in answered.items():
        assert bytes(pair.bodies.get(stream_id, b"")) == body
        assert pair.ends[stream_id]
    assert set(talk.connection.streams) == set(open_ids)
    for stream_id in cancelled:
        assert talk.owner.sinks[stream_id].events[-1] == ("reset", "CANCEL")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(SIZES, SIZES, st.booleans()), min_size=1, max_size=8),
    st.sampled_from([0, 1_000, 65_535]),
    st.sampled_from([1, 3, 100]),
)
def test_any_conversation_with_an_h2_server_ends_with_every_byte_delivered(calls, window, streams):
    pair = Pair(client=True, window=window, streams=streams)
    talk, peer = pair.talk, pair.h2
    opened = []
    for size, _, _ in calls:
        sink = Sink(eager=True)
        stream = sink.stream = talk.connection.open(FIELDS, sink)
        stream.send_data(bytes(size), True)
        opened.append((stream, sink))
    pair.carry()
    peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
    pair.carry()
    for (size, answer, refuse), (stream, sink) in zip(calls, opened, strict=True):
        assert stream.id
        assert bytes(pair.bodies.get(stream.id, b"")) == bytes(size)
        assert pair.ends[stream.id]
        if refuse:
            peer.reset_stream(stream.id, 7)
        else:
            peer.send_headers(stream.id, HEAD)
            pair.send(stream.id, bytes(answer))
        pair.carry()
        if refuse:
            assert sink.events == [("reset", "REFUSED_STREAM")]
        else:
            assert sink.body == bytes(answer)
            assert sink.events[-1][2] is True
    assert not talk.connection.streams
    assert not talk.connection.waiting


def test_header_tables_follow_the_peers_settings_while_calls_go_on():
    pair = Pair(client=False)
    for number, size in enumerate([0, 100, 4_096, 65_536, 64, 0, 4_096]):
        pair.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: size})
        stream_id = pair.h2.get_next_available_stream_id()
        pair.h2.send_headers(stream_id, [*FIELDS, (b"n", b"%d" % number)], end_stream=True)
        pair.carry()
        sink = pair.talk.owner.sinks[stream_id]
        assert sink.events[0][1][-1] == (b"n", b"%d" % number)
        sink.stream.send_headers(HEAD, ((b"n", b"%d" % number),))
        sink.stream.send_headers(TRAILERS, ((b"n", b"%d" % number),), True)
        pair.carry()
        assert pair.ends[stream_id]


def test_a_goaway_of_ours_is_understood_by_h2():
    pair = Pair(client=False)
    pair.talk.connection.drain("bye")
    events = pair.h2.receive_data(pair.talk.connection.outbox.take())
    assert isinstance(events[0], h2.events.ConnectionTerminated)
    assert events[0].additional_data == b"bye"
