"""Search among many tools: how long it takes, and how long it holds the router's loop.

python -m benchmarks.search [TOOLS]
"""

import asyncio
import sys
from random import Random
from statistics import quantiles
from time import perf_counter, process_time

from mcpmesh.discovery.registration import Registration, RegistrationUpdated
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.router.searching import Searching

_SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi wo zu ka ne ri to mu".split()  # noqa: SIM905
_COMMON = "the a of for and to with find get list data search by from".split()  # noqa: SIM905
SEARCHES = 500
CHANGES = 50
#: Words of which some are in very many descriptions and most in few, as in any language.
VOCABULARY = 5000


def vocabulary(rng: Random) -> list[str]:
    """Make words up, the frequent ones first."""
    made = {"".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(VOCABULARY)}
    return [*_COMMON, *sorted(made, key=lambda _: rng.random())]


def words(rng: Random, known: list[str], count: int) -> str:
    """Draw words by Zipf's law."""
    return " ".join(known[int(len(known) ** rng.random()) - 1] for _ in range(count))


def tool(rng: Random, known: list[str], number: int) -> Tool:
    """Make a tool up."""
    name = words(rng, known[len(_COMMON) :], 2).replace(" ", "_")
    return Tool(f"{name}_{number}", words(rng, known, 30))


class Delays:
    """How much later than it should the loop comes to do something, asked every millisecond."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def watch(self) -> None:
        """Go on until cancelled."""
        while True:
            due = perf_counter() + 0.001
            await asyncio.sleep(0.001)
            self.seconds.append(max(0.0, perf_counter() - due))


def shown(seconds: list[float]) -> str:
    """Write quantiles in milliseconds."""
    cuts = quantiles(seconds, n=1000)
    p50, p99, p999 = (cuts[at] * 1e3 for at in (499, 989, 998))
    worst = max(seconds) * 1e3
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99.9 {p999:.2f} ms, most {worst:.1f} ms"


async def delays(of: "asyncio.Future[None] | asyncio.Task[None]") -> list[float]:
    """Return how late the loop was while something ran."""
    watched = Delays()
    watching = asyncio.create_task(watched.watch())
    await of
    watching.cancel()
    return watched.seconds


def replica_of(tools: list[Tool], number: int) -> RegistrationUpdated:
    """Register tools at a replica."""
    replica = Replica(f"replica-{number}", "127.0.0.1:1")
    return RegistrationUpdated(number + 2, Registration(replica, tuple(tools)))


async def main(count: int) -> None:
    """Measure, and print."""
    rng = Random(1)
    known = vocabulary(rng)
    feed = CatalogFeed("epoch", 1)
    tools = [tool(rng, known, number) for number in range(count)]
    for start in range(0, count, 1000):
        feed.apply([replica_of(tools[start : start + 1000], start)])
    searching = Searching(feed)
    idle = await delays(asyncio.ensure_future(asyncio.sleep(1.0)))  # type: ignore[arg-type]
    print(f"loop late, idle:       {shown(idle)}")

    started, used = perf_counter(), process_time()
    late = await delays(asyncio.ensure_future(_search(searching, [], words(rng, known, 4))))
    took = perf_counter() - started
    print(f"index of {count} tools: {took:.2f} s, {process_time() - used:.2f} s of CPU")
    print(f"loop late, indexing:   {shown(late)}")

    times: list[float] = []

    async def searches() -> None:
        for _ in range(SEARCHES):
            await _search(searching, times, words(rng, known, rng.randint(1, 12)))

    late = await delays(asyncio.ensure_future(searches()))
    print(f"search:                {shown(times)}")
    print(f"loop late, searching:  {shown(late)}")

    changed: list[float] = []

    async def changes() -> None:
        for number in range(CHANGES):
            feed.apply([replica_of([tool(rng, known, count + number)], count + number)])
            await _search(searching, changed, words(rng, known, 4))

    late = await delays(asyncio.ensure_future(changes()))
    print(f"search after a change: {shown(changed)}")
    print(f"loop late, changing:   {shown(late)}")
    searching.close()


async def _search(searching: Searching, times: list[float], query: str) -> None:
    started = perf_counter()
    await searching.search(query, 10, {})
    times.append(perf_counter() - started)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
