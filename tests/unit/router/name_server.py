"""A little DNS server on loopback, UDP and TCP, whose records a test sets."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

#: What a UDP answer has room for without EDNS.
_UDP_BYTES = 512


class Zone(asyncio.DatagramProtocol):
    """Answers questions from its records: (name, type) → TTL and texts of records."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], tuple[int, list[str]]] = {}
        #: Names and types whose records stand in the additional section of every answer.
        self.added: list[tuple[str, str]] = []
        self.rcode = dns.rcode.NOERROR
        self.silent = False
        self.asked: Counter[str] = Counter()
        self.over_tcp = 0
        self.port = 0

    def put(self, name: str, kind: str, *texts: str, ttl: int = 60) -> None:
        """Set the records of a name."""
        self.records[name, kind] = (ttl, list(texts))

    def answer(self, wire: bytes) -> bytes:
        question = dns.message.from_wire(wire)
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.AA | dns.flags.RA
        asked = question.question[0]
        name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
        self.asked[kind] += 1
        reply.set_rcode(self.rcode)
        if self.rcode == dns.rcode.NOERROR:
            if (name, kind) in self.records:
                reply.answer.append(self._rrset(name, kind))
            elif not any(known == name for known, _ in self.records):
                reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.additional += [self._rrset(*each) for each in self.added]
        return reply.to_wire()

    def _rrset(self, name: str, kind: str) -> dns.rrset.RRset:
        ttl, texts = self.records[name, kind]
        return dns.rrset.from_text_list(name, ttl, "IN", kind, texts)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if self.silent:
            return
        reply = self.answer(data)
        if len(reply) > _UDP_BYTES:
            short = dns.message.make_response(dns.message.from_wire(data))
            short.flags |= dns.flags.TC
            reply = short.to_wire()
        self._transport.sendto(reply, address)

    async def over_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = self.answer(await reader.readexactly(length))
            self.over_tcp += 1
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def name_server() -> AsyncIterator[Zone]:
    """Serve a zone on one port of UDP and TCP."""
    zone = Zone()
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(zone.over_stream, "127.0.0.1", 0)
    zone.port = server.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(lambda: zone, ("127.0.0.1", zone.port))
    try:
        yield zone
    finally:
        udp.close()
        server.close()
        await server.wait_closed()
