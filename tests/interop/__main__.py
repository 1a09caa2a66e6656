"""`make interop`: runs every case in every pairing, Go and Node included, and prints a table.

Exits with 1 when a case failed.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.interop.cases import CASES, Peer
from tests.interop.foreign import NOT_IN_GO, Go, Missing, Node, find_go, find_node
from tests.interop.pairings import GRPCIO, OURS, PAIRINGS, peer_of, reaching, routing, serving
from tests.interop.table import show
from tests.interop.tap import Tap

CASE_SECONDS = 30
#: Servers of other languages don't check whether a request came compressed, or don't compress.
NOT_BY_OTHERS = "the server of that language has no such feature"
COMPRESSED = frozenset(case for case in CASES if "_compressed_" in case)


@dataclass
class Column:
    """One pairing and how its cases went: "" is well, text in `wrong` or `skipped` says why not."""

    name: str
    wrong: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


async def main() -> int:
    columns = [await _of_python(str(pairing), peer_of(pairing)) for pairing in PAIRINGS]
    for language, find, of in (("Go", find_go, _of_go), ("Node", find_node, _of_node)):
        print(f"{language}: installing what is not there", file=sys.stderr)
        try:
            columns += await of(find())
        except Missing as missing:
            columns.append(Column(language, skipped=dict.fromkeys(CASES, str(missing))))
    show(list(CASES), columns)
    return int(any(any(column.wrong.values()) for column in columns))


async def _of_python(name: str, opened: Any, skipped: dict[str, str] | None = None) -> Column:
    column = Column(name, skipped=skipped or {})
    async with opened as peer:
        for case, run in CASES.items():
            if case not in column.skipped:
                column.wrong[case] = await _outcome(run, peer)
    return column


async def _outcome(run: Callable[[Peer], Awaitable[None]], peer: Peer) -> str:
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await run(peer)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def _of_go(go: Go) -> list[Column]:
    columns = []
    for server, routed in ((OURS, False), (OURS, True), (GRPCIO, True)):
        name = f"Go → {'router → ' if routed else ''}{_shown(server)}"
        async with _port_of(server, routed) as (port, _):
            wrong = await go.run(port, [case for case in CASES if case not in NOT_IN_GO])
        columns.append(Column(name, wrong, NOT_IN_GO))
    skipped = dict.fromkeys(COMPRESSED, NOT_BY_OTHERS)
    columns += await _to(go, "Go", skipped)
    return columns


async def _of_node(node: Node) -> list[Column]:
    columns = []
    for server, routed in ((OURS, False), (OURS, True), (GRPCIO, True)):
        name = f"Node → {'router → ' if routed else ''}{_shown(server)}"
        async with _port_of(server, routed) as (port, tap):
            await tap.start(port)
            try:
                columns.append(Column(name, await node.run(tap.port, CASES)))
            finally:
                await tap.stop()
    columns += await _to(node, "Node", dict.fromkeys(COMPRESSED, NOT_BY_OTHERS))
    return columns


async def _to(other: Go | Node, language: str, skipped: dict[str, str]) -> list[Column]:
    """Call another language's server from our channel, and through the router."""
    columns = []
    for client, routed in ((OURS, False), (GRPCIO, True)):
        name = f"{_shown(client, 'rpc.Channel')} → {'router → ' if routed else ''}{language}"
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(other.serving())
            if routed:
                port = await stack.enter_async_context(routing([port]))
            columns.append(await _of_python(name, reaching(client, port, Tap()), dict(skipped)))
    return columns


@asynccontextmanager
async def _port_of(server: str, routed: bool) -> AsyncIterator[tuple[int, Tap]]:
    tap = Tap()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(server, tap))
        if routed:
            port = await stack.enter_async_context(routing([port]))
        yield port, tap


def _shown(kind: str, ours: str = "rpc.Server") -> str:
    return ours if kind == OURS else kind


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
