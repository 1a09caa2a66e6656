import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpmesh.bridge.http_message import HttpRefusal
from mcpmesh.bridge.http_reader import KnownHeads, Phase, ReaderLimits, RequestReader, path_of

LIMITS = ReaderLimits(body_bytes=1000, head_bytes=2000, fields=20)
POST = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello"
CHUNKED = (
    b"POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;why=not\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n"
)
GET = b"GET /healthz?deep=1 HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = (
    b"GET /mcp HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
)


def reader(known=None):
    return RequestReader(LIMITS, known or KnownHeads())


def taken(*parts, known=None):
    """Return what a reader makes of these bytes: requests as tuples, a refusal as its status."""
    reading = reader(known)
    for part in parts:
        reading.feed(part)
    return [
        item.status if isinstance(item, HttpRefusal) else (*shown(item.head), item.body)
        for item in reading.ready
    ]


def shown(head):
    return head.method, head.path, dict(head.headers), head.twice, head.keep_alive


def test_a_request_has_its_fields_joined_and_its_path_without_the_query():
    fields = {b"host": b"a", b"content-length": b"5", b"x-a": b"1, 2"}
    assert taken(POST) == [(b"POST", b"/mcp", fields, frozenset({b"x-a"}), True, b"hello")]
    assert taken(GET) == [(b"GET", b"/healthz", {b"host": b"a"}, frozenset(), True, b"")]


def test_blanks_around_a_value_are_no_part_of_it():
    [(_, _, fields, *_)] = taken(b"GET / HTTP/1.1\r\nHost:  a \t\r\n\r\n")
    assert fields == {b"host": b"a"}


def test_chunks_are_joined_and_trailers_ignored():
    [(_, _, fields, _, _, body)] = taken(CHUNKED)
    assert body == b"abcde"
    assert b"x-trailer" not in fields


def test_an_offer_to_upgrade_is_not_taken():
    assert [item[1] for item in taken(UPGRADE + GET)] == [b"/mcp", b"/healthz"]


@given(st.lists(st.sampled_from([POST, CHUNKED, GET, UPGRADE]), max_size=4), st.data())
def test_any_split_gives_the_same_requests(messages, data):
    stream = b"".join(messages)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = [item for message in messages for item in taken(message)]
    assert taken(*parts) == whole


@given(st.lists(st.sampled_from([POST, GET, CHUNKED, UPGRADE, POST[:-1], POST + b"x"]), max_size=6))
@example([POST, POST, POST + b"x"])
def test_a_head_that_is_known_means_what_it_meant(messages):
    known = KnownHeads()
    for message in messages:
        assert taken(message, known=known) == taken(message)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"1f4\r\n%b\r\n" % (b"x" * 500) * 3,
            413,
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"x" * 2000), 431),
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 2000), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d:\r\n" % n for n in range(30)), 431),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_nothing_after_it_is_read(data, status):
    assert taken(data, GET) == [status]
    assert [item for item in taken(GET, data, GET) if item == status] == [status]


def test_parts_that_never_end_are_refused_before_they_fill_the_memory():
    for start in (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", CHUNKED.partition(b"X-Trailer")[0] + b"X: "):
        reading = reader()
        reading.feed(start)
        for _ in range(30):
            reading.feed(b"x" * 100)
        assert [item.status for item in reading.ready] == [431]


def test_a_client_that_asks_hears_that_it_may_send_its_body():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
    reading = reader()
    reading.feed(head % 5)
    assert reading.continue_owed
    reading.feed(b"hello")
    assert not reading.continue_owed
    assert len(reading.ready) == 1
    reading = reader()
    reading.feed(head % 5000)
    assert not reading.continue_owed
    assert [item.status for item in reading.ready] == [413]


def test_an_old_client_and_one_that_says_close_get_one_answer():
    old = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for message in (old, last):
        [(_, _, _, _, keep_alive, _)] = taken(message + GET)
        assert not keep_alive


def test_a_reader_says_what_it_waits_for():
    reading = reader()
    phases = []
    for part in (POST[:10], POST[10:-3], POST[-3:]):
        reading.feed(part)
        phases.append(reading.phase)
    assert phases == [Phase.HEAD, Phase.BODY, Phase.IDLE]


def test_paths_are_decoded_and_what_has_none_is_empty():
    assert path_of(b"/mcp") == b"/mcp"
    assert path_of(b"/%6dcp?x=/y#z") == b"/mcp"
    assert path_of(b"http://host/mcp") == b"/mcp"
    assert path_of(b"host:80") == b""
    assert path_of(b"*") == b"*"
