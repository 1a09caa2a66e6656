"""Answers of replicas that were asked how loaded they are; what Prequal picks from.

Source: Wydrowski, Kleinberg, Rumble, Archer, "Load is not what you should balance" (NSDI 2024).
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcpmesh.balance.candidate import Candidate
from mcpmesh.policy.balancing import Balancing

#: Loads that tell hot from cold: the last ones that were answered, of any replica.
_REMEMBERED = 128


@dataclass(slots=True, eq=False)
class Probe:
    """What a replica answered, and how often it may still be relied on.

    Units: `in_flight` in calls of all its callers, `latency` in seconds at that load, `at` in
    seconds of the clock of picks.
    """

    candidate: Candidate
    in_flight: float
    latency: float
    at: float
    uses: float


class ProbePool:
    """The last answer of each replica that has one, oldest first; bounded in number and age."""

    __slots__ = (
        "_hot", "_latest", "_probes", "_settings", "_sorted", "_turn", "_uses", "questions",
    )  # fmt: skip

    def __init__(self, settings: Balancing) -> None:
        self._settings = settings
        self._probes: dict[Candidate, Probe] = {}
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._hot = float("inf")
        self._turn = 0
        #: Whom an answer is awaited of; for whoever asks.
        self.questions: dict[Candidate, object] = {}
        # A replica has one answer here, the last. With p probes per call, and answers used u times,
        # 1 - 1/pu of the replicas have one: half of them, or more.
        self._uses = max(1.0, 2.0 / settings.probes)

    def __repr__(self) -> str:
        return f"<ProbePool of {len(self._probes)}, hot above {self._hot:g}>"

    def __len__(self) -> int:
        return len(self._probes)

    def keep(self, candidates: Iterable[Candidate]) -> None:
        """Forget all but these."""
        kept = set(candidates)
        self._probes = {each: probe for each, probe in self._probes.items() if each in kept}

    def add(self, candidate: Candidate, in_flight: float, latency: float, now: float) -> None:
        """Take an answer."""
        probes = self._probes
        probes.pop(candidate, None)
        if len(probes) >= self._settings.pool_size:
            del probes[next(iter(probes))]
        load = in_flight / candidate.weight if candidate.weight > 0 else float("inf")
        probes[candidate] = Probe(candidate, load, latency, now, self._uses)
        self._note(load)

    def take(self, now: float, avoid: Sequence[str] = ()) -> Candidate | None:
        """Return the best replica of those that answered; None when fewer than two did.

        Of those that are not hot the one with the lowest latency; else the one with the least load.
        """
        self._drop_old(now)
        probes = self._probes
        if len(probes) < 2:
            return None
        hot = self._hot
        best: Probe | None = None
        cold = False
        for probe in probes.values():
            if avoid and probe.candidate.replica.id in avoid:
                continue
            load = probe.in_flight
            if load <= hot:
                if not cold or best is None or probe.latency < best.latency:
                    best, cold = probe, True
            elif not cold and (best is None or load < best.in_flight):
                best = probe
        if best is None:
            return None
        self._use(best)
        return best.candidate

    def _use(self, best: Probe) -> None:
        # The call is on its way there: until the next answer, count it.
        best.in_flight += 1.0
        best.uses -= 1.0
        if best.uses <= 0.0:
            self._probes.pop(best.candidate)
        self._turn ^= 1
        # One more goes with each call, or the pool keeps whom nobody picks.
        if len(self._probes) >= self._settings.pool_size:
            self._drop_one()

    def _drop_one(self) -> None:
        """Drop the oldest and the worst answer in turns."""
        probes = self._probes
        if self._turn:
            del probes[next(iter(probes))]
            return
        hot = self._hot
        worst = max(probes.values(), key=lambda each: (each.in_flight > hot, each.latency))
        del probes[worst.candidate]

    def _drop_old(self, now: float) -> None:
        probes = self._probes
        oldest = now - self._settings.probe_age
        while probes:
            first = next(iter(probes.values()))
            if first.at >= oldest:
                return
            del probes[first.candidate]

    def _note(self, load: float) -> None:
        """Count a load in what is hot."""
        latest, ordered = self._latest, self._sorted
        latest.append(load)
        insort(ordered, load)
        if len(latest) > _REMEMBERED:
            del ordered[bisect_left(ordered, latest.popleft())]
        place = int(self._settings.hot_quantile * len(ordered))
        self._hot = ordered[min(place, len(ordered) - 1)]
