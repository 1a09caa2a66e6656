"""When a peer was waited for long enough."""

from random import Random

from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.transport.lookout import Lookout, Overdue
from tests.unit.wire.talk import HEAD, REQUEST, TRAILERS, Talk

TIMES = LinkTimes(handshake=5, header=3, request=10, idle=60, age=0)


def looking(times: LinkTimes = TIMES, **options: object) -> tuple[Lookout, Talk]:
    return Lookout(times, 100.0, Random(1)), Talk(**options)


def test_a_peer_has_its_time_for_the_handshake() -> None:
    lookout, talk = looking(greet=False)
    assert lookout.look(105.0, talk.connection) is None
    assert lookout.look(105.1, talk.connection) is Overdue.HANDSHAKE


def test_a_header_block_has_to_be_complete_in_time() -> None:
    lookout, talk = looking()
    talk.hear(f"HEADERS 1 MORE {REQUEST}")
    assert lookout.look(101.0, talk.connection) is None
    talk.hear("CONTINUATION 1 MORE a=b")
    assert lookout.look(104.0, talk.connection) is None
    assert lookout.look(104.1, talk.connection) is Overdue.HEADERS


def test_a_headers_frame_that_comes_byte_by_byte_counts_from_its_head() -> None:
    lookout, talk = looking()
    whole = talk.writer.frame(f"HEADERS 1 {REQUEST}")
    talk.connection.receive(whole[:9])
    assert lookout.look(101.0, talk.connection) is None
    talk.connection.receive(whole[9:-1])
    assert lookout.look(104.1, talk.connection) is Overdue.HEADERS


def test_header_blocks_one_after_the_other_are_no_late_one() -> None:
    lookout, talk = looking()
    for turn in range(10):
        talk.hear(f"HEADERS {2 * turn + 1} MORE {REQUEST}")
        assert lookout.look(100.0 + turn, talk.connection) is None
        talk.hear(f"CONTINUATION {2 * turn + 1} a=b")


def test_a_server_may_not_begin_a_head_for_ever_either() -> None:
    lookout, talk = looking(client=True)
    talk.open(end=True)
    talk.hear("HEADERS 1 MORE :status=200")
    assert lookout.look(101.0, talk.connection) is None
    assert lookout.look(104.1, talk.connection) is Overdue.HEADERS


def test_a_connection_without_calls_is_idle_whatever_else_it_sends() -> None:
    lookout, talk = looking()
    for second in range(101, 161):
        talk.hear("PING 0000000000000000")
        assert lookout.look(float(second), talk.connection) is None
    assert lookout.look(160.1, talk.connection) is Overdue.IDLE


def test_calls_between_two_looks_count() -> None:
    lookout, talk = looking()
    stream = talk.request(1, "END_STREAM").stream
    stream.send_headers(HEAD + TRAILERS, (), True)
    assert lookout.look(150.0, talk.connection) is None
    assert lookout.look(210.0, talk.connection) is None
    assert lookout.look(210.1, talk.connection) is Overdue.IDLE


def test_an_open_call_keeps_a_connection() -> None:
    lookout, talk = looking()
    talk.request(1, "END_STREAM")
    for second in range(100, 1000, 10):
        assert lookout.look(float(second), talk.connection) is None


def test_age_drains_with_jitter_and_ends_after_its_grace() -> None:
    times = LinkTimes(idle=0, age=100, age_grace=20)
    ages = set()
    for seed in range(20):
        lookout, talk = Lookout(times, 0.0, Random(seed)), Talk()
        now = 80.0
        while lookout.look(now, talk.connection) is None:
            now += 1
        assert 90 <= now <= 111
        ages.add(now)
        talk.connection.drain("too old")
        assert lookout.look(now + 15, talk.connection) is None
        assert lookout.look(now + 21, talk.connection) is Overdue.GRACE
    assert len(ages) > 5


def test_requests_that_are_not_complete_are_late_once_they_are_old() -> None:
    lookout, talk = looking()
    talk.request(1)
    talk.request(3, "END_STREAM")
    lookout.look(101.0, talk.connection)
    talk.request(5)
    lookout.look(105.0, talk.connection)
    assert lookout.late_requests(talk.connection) == []
    lookout.look(111.0, talk.connection)
    assert [stream.id for stream in lookout.late_requests(talk.connection)] == [1]
    lookout.look(115.0, talk.connection)
    assert [stream.id for stream in lookout.late_requests(talk.connection)] == [1, 5]
