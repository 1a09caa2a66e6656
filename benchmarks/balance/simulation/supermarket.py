"""The supermarket model: many queues, each call joins the shortest of d drawn at random.

What theory says of it holds for infinitely many queues: the mean time in system is the sum over
k ≥ 1 of λ^((d^k − d)/(d − 1)), and a share λ^((d^k − 1)/(d − 1)) of the queues has k calls or more
(Mitzenmacher 2001; Vvedenskaya, Dobrushin, Karpelevich 1996). Only the product's picker decides
here; arrivals are a Poisson process, services exponential with mean 1.

With a choice, each run begins with empty queues, and is measured after they have filled. Without
one (d = 1), a queue at 99 % load forgets how it began only after 40,000 services; those runs begin
in the state that theory says lasts, which a wrong picker would leave.
"""

import heapq
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker
from mcpmesh.balance.pickers import picker_of
from mcpmesh.model.replica import Replica
from mcpmesh.policy.balancing import Balancing

LOADS = (0.9, 0.95, 0.99)
CHOICES = (1, 2, 3)
#: Queues of a run, and how many independent runs: enough queues that their number does not show,
#: and enough runs for a confidence interval inside 3 %.
QUEUES = 5_000
RUNS = 10
#: Mean times of a service: until queues have filled, and measured then.
FILLING = {0.9: 50.0, 0.95: 100.0, 0.99: 400.0}
MEASURED = {0.9: 60.0, 0.95: 60.0, 0.99: 150.0}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table.

    Units: mean times in system in services; `interval` half the width of the 95 % one.
    """

    load: float
    choices: int
    theory: float
    mean: float
    interval: float
    calls: int

    @property
    def error(self) -> float:
        """How far off the mean is, as a share."""
        return self.mean / self.theory - 1


def theory(load: float, choices: int) -> float:
    """Return the mean time in system for infinitely many queues."""
    if choices == 1:
        return 1 / (1 - load)
    total, k = 0.0, 1
    while (term := load ** ((choices**k - choices) / (choices - 1))) > 1e-12:
        total += term
        k += 1
    return total


def cell(
    load: float,
    choices: int,
    *,
    queues: int = QUEUES,
    seed: int = 1,
    make: Callable[[tuple[Candidate, ...], int], Picker] | None = None,
) -> Cell:
    """Simulate one cell; the confidence interval is over independent runs."""
    made = make or product_picker
    runs = [
        simulate(load, choices, queues, Random(seed * 1000 + number), made)
        for number in range(RUNS)
    ]
    mean = sum(runs) / RUNS
    spread = sqrt(sum((each - mean) ** 2 for each in runs) / (RUNS - 1) / RUNS)
    calls = round(RUNS * load * queues * MEASURED[load])
    # Student's t for 9 degrees of freedom.
    return Cell(load, choices, theory(load, choices), mean, 2.262 * spread, calls)


def simulate(
    load: float,
    choices: int,
    queues: int,
    rng: Random,
    make: Callable[[tuple[Candidate, ...], int], Picker],
) -> float:
    """Return the mean time in system of the calls that come while it is measured.

    By Little's law, from the calls in the system over time: that needs no waiting for the last.
    """
    candidates = tuple(
        Candidate(Replica(f"q{number}", f"10.0.0.0:{1 + number}")) for number in range(queues)
    )
    pick = make(candidates, choices).pick
    number_of = {each: number for number, each in enumerate(candidates)}
    departures: list[tuple[float, int]] = []
    draw = rng.expovariate
    filling = FILLING[load]
    if choices == 1:
        filling = 0.0
        for number, each in enumerate(candidates):
            each.in_flight = _lasting(load, rng)
            if each.in_flight:
                heapq.heappush(departures, (draw(1.0), number))
    rate = load * queues
    arrival = draw(rate)
    held = sum(each.in_flight for each in candidates)
    # Call-times in the system since `begun`.
    area, now, begun, end = 0.0, 0.0, filling, filling + MEASURED[load]
    push, replace, pop = heapq.heappush, heapq.heapreplace, heapq.heappop
    while True:
        arrives = not departures or arrival <= departures[0][0]
        at = arrival if arrives else departures[0][0]
        if at > begun:
            area += held * (min(at, end) - max(now, begun))
        now = at
        if now > end:
            # L = λW, by the rate that calls come at rather than this run's count: less noise.
            return area / (rate * MEASURED[load])
        if arrives:
            picked = pick(rng, now)
            assert picked is not None
            held += 1
            picked.in_flight += 1
            if picked.in_flight == 1:
                push(departures, (now + draw(1.0), number_of[picked]))
            arrival = now + draw(rate)
        else:
            number = departures[0][1]
            held -= 1
            each = candidates[number]
            each.in_flight -= 1
            if each.in_flight:
                replace(departures, (now + draw(1.0), number))
            else:
                pop(departures)


def _lasting(load: float, rng: Random) -> int:
    """Draw a queue's length from the distribution that lasts when nobody chooses."""
    length, drawn = 0, rng.random()
    while drawn < load ** (length + 1):
        length += 1
    return length


def product_picker(candidates: tuple[Candidate, ...], choices: int) -> Picker:
    """Return the product's picker."""
    return picker_of(Balancing(choices=choices), candidates)


def table() -> list[Cell]:
    """Simulate the whole table."""
    cells = []
    for load in LOADS:
        for choices in CHOICES:
            if sys.stderr.isatty():
                print(f"\rsupermarket: λ={load}, d={choices} ", end="", file=sys.stderr, flush=True)
            cells.append(cell(load, choices))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return cells
