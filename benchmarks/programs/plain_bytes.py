"""Answers every HTTP request with the same bytes: PORT FILE; what bytes cost by themselves."""

import asyncio
import sys
from pathlib import Path

import uvloop

_END = b"\r\n\r\n"


class Bytes(asyncio.Protocol):
    """One connection; a request is what arrives at once."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if _END in data:
            self.transport.write(self.answer)  # type: ignore[attr-defined]


async def main(port: int, body: bytes) -> None:
    Bytes.answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    server = await asyncio.get_running_loop().create_server(Bytes, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
