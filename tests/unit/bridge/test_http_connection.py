"""One connection, over a transport in memory."""

import asyncio

from fuzz.memory_transport import MemoryTransport
from mcpmesh.bridge.http_connection import HttpConnection
from mcpmesh.bridge.http_house import HttpHouse, HttpTimes
from mcpmesh.bridge.http_message import HttpAnswer
from mcpmesh.bridge.http_reader import ReaderLimits
from mcpmesh.transport.gate import Gate
from mcpmesh.transport.refusals import Refusals

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000


async def echo(request, _stream):
    return HttpAnswer(200, request.head.path)


def connected(**times):
    house = HttpHouse(echo, ReaderLimits(1_000_000), HttpTimes(**times), Gate(10, 10), Refusals())
    connection, transport = HttpConnection(house), MemoryTransport()
    connection.connection_made(transport)
    return connection, transport


async def test_requests_whose_answers_nobody_reads_are_not_taken_without_end():
    connection, transport = connected()
    connection.pause_writing()
    fed = 0
    while transport.reading:
        connection.data_received(GET * 100)
        fed += 100
        assert fed * len(GET) < 200_000
    assert not transport.written
    connection.resume_writing()
    assert transport.written.count(b"HTTP/1.1 200 OK") == fed
    assert transport.reading


async def test_the_rest_of_a_request_is_read_once_the_client_reads_again():
    connection, transport = connected()
    connection.pause_writing()
    connection.data_received(HALF)
    assert not transport.reading
    connection.resume_writing()
    assert transport.reading
    connection.data_received(b"x" * 100_000)
    assert transport.written.endswith(b"/b")


async def test_a_connection_grows_old_however_busy_it_is():
    connection, transport = connected(age=10.0)
    now = asyncio.get_running_loop().time()
    for tick in range(9):
        connection.data_received(GET)
        connection.tick(now + tick)
    assert transport.written.count(b"HTTP/1.1 200 OK") == 9
    assert not transport.closing
    connection.data_received(GET)
    connection.tick(now + 12)
    assert transport.written.count(b"HTTP/1.1 200 OK") == 10
    assert transport.closing


async def test_a_closed_connection_whose_last_answer_is_not_read_is_cut_off():
    connection, transport = connected(idle=1.0, unread=6.0)
    connection.tick(100.0)
    connection.tick(101.1)
    assert transport.closing
    assert not transport.aborted
    connection.tick(102.0)
    connection.tick(108.0)
    assert not transport.aborted
    connection.tick(108.1)
    assert transport.aborted
