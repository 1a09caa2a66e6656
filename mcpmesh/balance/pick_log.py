"""A sample of the last picks of one tool, for people who ask why a call went where it went."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mcpmesh.balance.candidate import Candidate

_KEPT = 16
#: Seconds between picks that are noted: of a busy tool every so many, of a quiet one all.
_OFTEN, _SELDOM = 0.05, 2.0
_MOST = 0xFF


@dataclass(frozen=True, slots=True)
class Pick:
    """One pick, and how it was around it.

    Units: `at` in seconds of the picks' clock; `in_flight` before this attempt.
    """

    at: float
    replica_id: str
    attempt: int
    in_flight: int
    least: int
    most: int
    reason: str


class PickLog:
    """The last picks; `mask` tells which calls are noted: those whose number has none of its bits.

    So a call that is not noted costs the comparison.
    """

    __slots__ = ("mask", "picks")

    def __init__(self) -> None:
        self.mask = 0
        self.picks: deque[Pick] = deque(maxlen=_KEPT)

    def note(
        self,
        now: float,
        picked: Candidate,
        among: Sequence[Candidate],
        attempt: int,
        failure: str,
    ) -> None:
        """Keep a pick; `failure` says what befell the attempt before."""
        loads = [each.in_flight for each in among]
        pick = Pick(
            now, picked.replica.id, attempt, picked.in_flight, min(loads), max(loads),
            _reason(picked, attempt, failure),
        )  # fmt: skip
        gap = now - self.picks[-1].at if self.picks else _SELDOM
        if gap < _OFTEN and len(self.picks) == _KEPT:
            self.mask = min(_MOST, self.mask * 2 + 1)
        elif gap > _SELDOM:
            self.mask = 0
        self.picks.append(pick)


def _reason(picked: Candidate, attempt: int, failure: str) -> str:
    said = []
    if failure:
        said.append(f"the attempt before failed ({failure})")
    elif attempt > 1:
        said.append("a hedge: the attempt before takes long")
    if picked.health.on_trial:
        said.append("its turn to prove itself")
    elif picked.health.share < 1.0:
        said.append(f"starts slowly, at {picked.health.share:.0%} of its share")
    if picked.pace.slower > 1.0:
        said.append(picked.pace.told)
    return "; ".join(said)
