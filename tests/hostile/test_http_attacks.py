"""Hostile HTTP clients of a bridge: each is ended as it should, in bounded time and memory.

An honest client calls a tool beside them, over a connection that it keeps.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest

from tests.e2e.commands import TOOLS, Command, command

ANY = "127.0.0.1:0"
#: Seconds; generous, so that a busy machine changes nothing.
PATIENCE = 60.0
MAX_GROWTH_KIB = 100 * 1024
PER_PEER = 60
LIMITS = (
    "--header-timeout=1.5", "--request-timeout=1.5", "--max-body-bytes=1048576",
    f"--max-connections-per-peer={PER_PEER}", "--max-requests-per-peer=8", "--max-depth=32",
    "--max-batch=10",
)  # fmt: skip
HEAD = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_METRIC = "mcpmesh_peer_refusals_total{"


class Attacker:
    """One hostile connection."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        # Whose address is another one's is another peer.
        own = (host, 0)
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=own)

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes, every: float = 0.0, more: bytes = b"") -> None:
        """Send parts, then more and more until the peer takes no more, or said why."""
        end = time.monotonic() + PATIENCE
        with suppress(OSError):
            for part in parts:
                self.socket.sendall(part)
            while more:
                assert time.monotonic() < end, "the peer bears everything"
                self.socket.sendall(more)
                if self.told(every):
                    return

    def told(self, wait: float) -> bool:
        """Tell whether there is something to read, within so many seconds."""
        self.socket.settimeout(wait or 1e-6)
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK)) or True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def status(self) -> int:
        """Read to the end; return the status that was told, 0 for none."""
        said = b""
        with suppress(ConnectionError):
            while data := self.socket.recv(65536):
                said += data
        return int(said.split(b" ", 2)[1]) if said else 0


def slow_bodies(port: int) -> set[int]:
    """Requests whose bodies come a byte at a time."""
    with ExitStack() as stack:
        attackers = [stack.enter_context(Attacker(port)) for _ in range(20)]
        for each in attackers[1:]:
            each.send(HEAD + b"Content-Length: 100000\r\n\r\n{")
        attackers[0].send(HEAD + b"Content-Length: 100000\r\n\r\n", every=0.05, more=b" ")
        return {each.status() for each in attackers}


def slow_heads(port: int) -> set[int]:
    """Requests whose heads come a field at a time."""
    with Attacker(port) as attacker, Attacker(port) as silent:
        silent.send(b"P")
        attacker.send(HEAD, every=0.1, more=b"x: y\r\n")
        return {attacker.status(), silent.status()}


def huge_heads(port: int) -> set[int]:
    """Heads without end: one long line, and many short ones."""
    with Attacker(port) as long, Attacker(port) as many, Attacker(port) as path:
        long.send(HEAD + b"x: ", more=b"y" * 65536)
        many.send(HEAD, more=b"x: y\r\n" * 1000)
        path.send(b"POST /", more=b"y" * 65536)
        return {long.status(), many.status(), path.status()}


def endless_chunks(port: int) -> set[int]:
    """Bodies without end: large chunks, and as many small ones as a limit takes."""
    with Attacker(port) as large, Attacker(port) as small:
        large.send(CHUNKED, more=b"10000\r\n%b\r\n" % (b" " * 65536))
        small.send(CHUNKED, more=b"1\r\n \r\n" * 10_000)
        return {large.status(), small.status()}


def slow_chunks(port: int) -> set[int]:
    """A body without end, a small chunk at a time."""
    with Attacker(port) as attacker:
        attacker.send(CHUNKED, every=0.05, more=b"1\r\n \r\n")
        return {attacker.status()}


def odd_chunks(port: int) -> set[int]:
    """Chunks of absurd sizes, with extensions and trailers without end."""
    with Attacker(port) as size, Attacker(port) as words, Attacker(port) as trailers:
        size.send(CHUNKED + b"f" * 40 + b"\r\n")
        words.send(CHUNKED + b"1;", more=b"x" * 65536)
        trailers.send(CHUNKED + b"0\r\n", more=b"x: y\r\n" * 1000)
        return {size.status(), words.status(), trailers.status()}


def many_connections(port: int) -> set[int]:
    """More connections than one peer may have; those within the limit stay."""
    with ExitStack() as stack:
        attackers = [stack.enter_context(Attacker(port)) for _ in range(2 * PER_PEER)]
        assert sum(not each.told(0.01) for each in attackers) < PER_PEER
        return {attackers[-1].status()}


def unread_answers(port: int) -> set[int]:
    """Requests one after the other, whose answers nobody reads, until no more are taken."""
    with Attacker(port) as attacker:
        attacker.socket.settimeout(0.5)
        with suppress(TimeoutError):
            for _ in range(400):
                attacker.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
            raise AssertionError("the peer takes requests without end")
        return set()


def posted(body: bytes, *fields: bytes, path: bytes = b"/mcp", host: bytes = b"localhost") -> bytes:
    """Write a request that is the last on its connection."""
    lines = (
        b"POST %b HTTP/1.1" % path, b"Host: %b" % host, b"Content-Type: application/json",
        b"Accept: application/json, text/event-stream", b"Connection: close",
        b"Content-Length: %d" % len(body), *fields,
    )  # fmt: skip
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def told(port: int, *requests: bytes) -> set[int]:
    """Send each request on a connection of its own; return the statuses."""
    statuses = set()
    for request in requests:
        with Attacker(port) as attacker:
            attacker.send(request)
            statuses.add(attacker.status())
    return statuses


def rebound_names(port: int) -> set[int]:
    """A page that gave its own name this machine's address, at every door."""
    paths = (b"/mcp", b"/manifest", b"/mcp/tool/who/invoke", b"/metrics", b"/readyz")
    return told(port, *(posted(b"{}", path=path, host=b"evil.example") for path in paths))


def foreign_pages(port: int) -> set[int]:
    """Pages of other sites, and of none."""
    origins = (b"https://evil.example", b"null", b"http://localhost.evil.example", b"\xff")
    return told(port, *(posted(b"{}", b"Origin: " + origin) for origin in origins))


def deep_bodies(port: int) -> set[int]:
    """JSON that nests as deep as a body is long, in lists and in objects."""
    lists = b"[" * 900 + b"]" * 900
    objects = b'{"a":' * 900 + b"1" + b"}" * 900
    deepest = b"[" * 500_000
    invoke = b"/mcp/tool/echo/invoke"
    return told(
        port, *(posted(body) for body in (lists, objects, deepest)), posted(objects, path=invoke)
    )


def long_batches(port: int) -> set[int]:
    """Batches of very many calls."""
    one = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"who"}}'
    batch = b"[" + b",".join(one % number for number in range(5000)) + b"]"
    return told(port, *[posted(batch, b"MCP-Protocol-Version: 2025-03-26")] * 5)


def crowds(port: int) -> set[int]:
    """More calls at once than one address may have; those within the limit stay."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
        asked = json.dumps({"folder": folder, "seconds": 60}).encode()
        sleeping = posted(asked, path=b"/mcp/tool/hold/invoke")
        attackers = [stack.enter_context(Attacker(port, "127.0.0.2")) for _ in range(40)]
        for each in attackers:
            each.send(sleeping)
        end = time.monotonic() + PATIENCE
        while sum(answered := [each.told(0.01) for each in attackers]) < len(attackers) - 8:
            assert time.monotonic() < end, "one address has all that it asks for"
        return {each.status() for each, done in zip(attackers, answered, strict=True) if done}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("http")
    with command(folder, "up", TOOLS, "--grpc", ANY, "--http", ANY, *LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def honest(bridge: Command) -> Iterator[HTTPConnection]:
    host, _, port = bridge.ready["http"].rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=PATIENCE)
    yield connection
    connection.close()


def call(honest: HTTPConnection) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    fields = {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }  # fmt: skip
    honest.request("POST", "/mcp", json.dumps(asked), fields)
    answer = honest.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    assert json.loads(body)["result"] == {}


def counted(bridge: Command) -> int:
    with urlopen(f"{bridge.url}/metrics", timeout=PATIENCE) as page:
        lines = page.read().decode().splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(_METRIC))


@pytest.mark.parametrize(
    ("attack", "statuses", "is_counted"),
    [
        (slow_bodies, {408}, True),
        (slow_heads, {408}, True),
        (huge_heads, {431}, True),
        (endless_chunks, {413, 408}, True),
        (slow_chunks, {408}, True),
        (odd_chunks, {400, 413, 431}, True),
        (many_connections, {0}, True),
        (unread_answers, set(), False),
        (rebound_names, {421}, True),
        (foreign_pages, {403}, True),
        (deep_bodies, {400}, True),
        (long_batches, {400}, True),
        (crowds, {429}, True),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_attack(
    attack: Callable[[int], set[int]],
    statuses: set[int],
    is_counted: bool,
    bridge: Command,
    honest: HTTPConnection,
) -> None:
    call(honest)
    before, idle, peak = counted(bridge), bridge.rss_kib(), 0
    with ThreadPoolExecutor(1) as pool:
        attacking = pool.submit(attack, int(bridge.ready["http"].rpartition(":")[2]))
        while not attacking.done():
            call(honest)
            peak = max(peak, bridge.rss_kib())
            time.sleep(0.005)
        ended = attacking.result()
    assert ended <= statuses
    assert bool(ended) is bool(statuses)
    assert peak - idle < MAX_GROWTH_KIB
    assert not is_counted or counted(bridge) > before
    call(honest)
