"""What a server says last reaches a client that is still sending."""

import asyncio
import socket

from mcpmesh.rpc.server import Server
from tests.unit.wire.talk import Reader, Writer

HELLO = ("PREFACE", "SETTINGS")
PING = "PING 0011223344556677"


async def until_the_end(reader):
    async with asyncio.timeout(5):
        return Reader().lines(await reader.read())


async def connected(server):
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return await asyncio.open_connection("127.0.0.1", port)


async def test_a_client_that_said_goodbye_may_go_on_sending_without_a_reset():
    server = Server()
    reader, writer = await connected(server)
    try:
        writer.write(Writer().frames(*HELLO, "GOAWAY 0 NO_ERROR"))
        assert (await until_the_end(reader))[-1] == "GOAWAY 0 NO_ERROR"
        sock = socket.socket(fileno=writer.get_extra_info("socket").fileno())
        try:
            # On a closed socket the first of these would bring the reset that the next one meets.
            for _ in range(3):
                assert sock.send(Writer().frames(PING)) == 17
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        finally:
            sock.detach()
        (link,) = server.links
        writer.close()
        await asyncio.wait_for(link.closed.wait(), 5)
        assert not server.links
    finally:
        await server.stop(None)


async def test_why_a_connection_failed_reaches_a_client_in_the_middle_of_sending():
    server = Server()
    reader, writer = await connected(server)
    try:
        # The fault stands at the head of far more than is read in one go.
        writer.write(Writer().frames(*HELLO, "DATA 1 x", *[PING] * 200_000))
        assert (await until_the_end(reader))[-1] == "GOAWAY 0 PROTOCOL_ERROR"
        writer.close()
    finally:
        await server.stop(None)


async def test_a_client_that_never_ends_its_half_is_cut_off():
    server = Server()
    reader, writer = await connected(server)
    try:
        writer.write(Writer().frames(*HELLO, "GOAWAY 0 NO_ERROR"))
        await until_the_end(reader)
        (link,) = server.links
        await asyncio.wait_for(link.closed.wait(), 5)
    finally:
        writer.close()
        await server.stop(None)
