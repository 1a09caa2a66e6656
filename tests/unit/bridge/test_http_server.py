"""The HTTP server over real sockets, with a handler that the tests steer."""

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from mcpmesh.bridge.http_head import answer_of
from mcpmesh.bridge.http_house import HttpTimes
from mcpmesh.bridge.http_message import HttpAnswer
from mcpmesh.bridge.http_reader import ReaderLimits
from mcpmesh.bridge.server import HttpServer

POST = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"


class Handler:
    """Says path and body again; /wait waits for `go`, /parts answers in parts."""

    def __init__(self, times=None):
        self.limits = ReaderLimits(body_bytes=100_000)
        self.max_requests_per_peer = 3
        self.readable = None
        self.refusal_answer = answer_of
        self.times = times or HttpTimes()
        self.go = asyncio.get_running_loop().create_future()
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.written = 0

    def drain(self):
        """Nothing here lasts as long as its client wants."""

    async def start(self):
        """Nobody else to know."""

    async def close(self):
        """Nothing here outlives its connection."""

    def late(self, request, stream):
        """Nothing here is kept alive."""

    async def __call__(self, request, stream):
        if request.head.path == b"/wait":
            self.started.set()
            try:
                await asyncio.shield(self.go)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        elif request.head.path == b"/bug":
            raise RuntimeError("a secret")
        elif request.head.path == b"/parts":
            stream.begin(())
            try:
                for _ in range(1000):
                    await stream.write(b"x" * 65536)
                    self.written += 65536
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return None
        return HttpAnswer(200, request.head.path + b" " + request.body)


def post(path, body=b""):
    return POST % (path, len(body), body)


@asynccontextmanager
async def serving(times=None, grace=5.0):
    handler = Handler(times)
    server = HttpServer(handler, "127.0.0.1:0", grace=grace)
    await server.start()
    host, port = server.endpoint.rsplit(":", 1)
    writers = []

    async def connect():
        reader, writer = await asyncio.open_connection(host, int(port))
        writers.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(20):
            yield SimpleNamespace(handler=handler, server=server, connect=connect)
    finally:
        for writer in writers:
            writer.close()
        await server.stop()


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in lines[1:-2])
    body = await reader.readexactly(int(fields[b"content-length"]))
    return int(lines[0].split()[1]), fields, body


async def rest(reader):
    """Return what is left, of a connection that is closed or reset."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(1 << 20):
            parts.append(part)
    return b"".join(parts)


async def test_pipelined_requests_are_answered_in_their_order():
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(post(b"/wait", b"1") + post(b"/b", b"2") + post(b"/c", b"3")[:-1])
        await it.handler.started.wait()
        it.handler.go.set_result(None)
        writer.write(b"3")
        assert [(await answer(reader))[2] for _ in range(3)] == [b"/wait 1", b"/b 2", b"/c 3"]


async def test_a_client_far_ahead_of_its_answers_is_held_back():
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(post(b"/wait"))
        await it.handler.started.wait()
        count = 400
        for _ in range(count):
            writer.write(post(b"/a", b"x" * 50_000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.3)
        it.handler.go.set_result(None)
        assert (await answer(reader))[2] == b"/wait "
        for _ in range(count):
            assert (await answer(reader))[0] == 200


async def test_answers_have_a_date_and_head_has_no_body():
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + post(b"/b"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 3\r\n" in head
        assert b"\r\ndate: " in head
        assert (await answer(reader))[2] == b"/b "


async def test_a_client_that_expects_continue_is_told_and_refused_in_time():
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(post(b"/wait") + head % 2)
        await it.handler.started.wait()
        it.handler.go.set_result(None)
        assert (await answer(reader))[2] == b"/wait "
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi" + head % 1_000_000)
        assert (await answer(reader))[2] == b"/a hi"
        status, fields, _ = await answer(reader)
        assert (status, fields[b"connection"]) == (413, b"close")


async def test_a_refusal_can_be_read_by_a_client_that_goes_on_sending():
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(post(b"/a", b"x" * 5_000_000))
        assert (await answer(reader))[0] == 413
        assert await reader.read() == b""


async def test_malformed_input_is_refused_without_a_traceback(caplog):
    async with serving() as it:
        for data, said in (
            (b"\x16\x03\x01\x00\x00", 400),
            (b"GET /a HTTP/1.1\r\n\r\n", 400),
            (b"GET /a HTTP/2.0\r\n\r\n", 505),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ):
            reader, writer = await it.connect()
            writer.write(data)
            status, fields, body = await answer(reader)
            assert (status, fields[b"connection"]) == (said, b"close")
            assert b"Traceback" not in body
            assert await reader.read() == b""
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_bug_is_500_for_the_client_and_a_traceback_for_the_log(caplog):
    async with serving() as it:
        reader, writer = await it.connect()
        with caplog.at_level(logging.ERROR):
            writer.write(post(b"/bug") + post(b"/a"))
            status, _, body = await answer(reader)
        assert status == 500
        assert b"secret" not in body
        assert [record for record in caplog.records if record.exc_info]
        assert (await answer(reader))[2] == b"/a "


@pytest.mark.parametrize(
    "sent", [b"P", b"POST /a HTTP/1.1\r\nHost: a\r\n", post(b"/a", b"hello")[:-1]]
)
async def test_a_request_that_does_not_come_whole_is_408(sent):
    async with serving(HttpTimes(head=0.1, body=0.1)) as it:
        reader, writer = await it.connect()
        writer.write(sent)
        status, fields, _ = await answer(reader)
        assert (status, fields[b"connection"]) == (408, b"close")
        assert await reader.read() == b""


async def test_an_idle_connection_is_closed_and_one_that_waits_for_us_is_not():
    async with serving(HttpTimes(idle=0.1, head=0.1, body=0.1)) as it:
        reader, writer = await it.connect()
        idle, _ = await it.connect()
        writer.write(post(b"/wait"))
        assert await idle.read() == b""
        assert not it.handler.cancelled.is_set()
        it.handler.go.set_result(None)
        assert (await answer(reader))[0] == 200


async def test_a_client_that_hangs_up_cancels_its_request():
    async with serving() as it:
        _, writer = await it.connect()
        writer.write(post(b"/wait"))
        await it.handler.started.wait()
        writer.close()
        await it.handler.cancelled.wait()


async def test_a_client_that_does_not_read_slows_the_writer_and_is_cut_off():
    async with serving(HttpTimes(body=0.1, unread=0.1)) as it:
        reader, writer = await it.connect()
        writer.transport.pause_reading()
        writer.write(post(b"/parts"))
        await it.handler.cancelled.wait()
        assert it.handler.written < 30_000_000
        writer.transport.resume_reading()
        assert len(await rest(reader)) < 30_000_000


async def test_parts_are_chunks_and_for_an_old_client_the_rest_of_the_connection():
    async with serving() as it:
        reader, writer = await it.connect()
        writer.write(b"GET /parts HTTP/1.1\r\nHost: a\r\n\r\n" + post(b"/a"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        for _ in range(1000):
            assert await reader.readexactly(65536 + 9) == b"10000\r\n%b\r\n" % (b"x" * 65536)
        assert await reader.readexactly(5) == b"0\r\n\r\n"
        assert (await answer(reader))[2] == b"/a "
        reader, writer = await it.connect()
        writer.write(b"GET /parts HTTP/1.0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert await reader.read() == b"x" * 65_536_000


async def test_a_server_that_stops_answers_what_it_took_and_closes():
    async with serving() as it:
        reader, writer = await it.connect()
        idle, _ = await it.connect()
        half, half_writer = await it.connect()
        half_writer.write(post(b"/a", b"hello")[:-1])
        writer.write(post(b"/wait"))
        await it.handler.started.wait()
        stopping = asyncio.create_task(it.server.stop())
        assert await idle.read() == b""
        half_writer.write(b"o")
        assert (await answer(half))[1][b"connection"] == b"close"
        it.handler.go.set_result(None)
        status, fields, _ = await answer(reader)
        assert (status, fields[b"connection"]) == (200, b"close")
        assert await reader.read() == b""
        await stopping
        with pytest.raises(OSError, match=r".*"):
            await it.connect()


async def test_a_server_that_stops_cuts_off_what_outlasts_its_grace():
    async with serving(grace=0.1) as it:
        reader, writer = await it.connect()
        writer.write(post(b"/wait"))
        await it.handler.started.wait()
        await it.server.stop()
        assert it.handler.cancelled.is_set()
        assert await rest(reader) == b""
