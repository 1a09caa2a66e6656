"""Ranks what a search found, and says why each tool is where it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nsmallest

from mcpmesh.discovery.search import Found
from mcpmesh.model.catalog import Cluster
from mcpmesh.model.estimate import Estimate

#: What the meaning is of the whole, where it is known.
_MEANING_RATIO = 0.5
#: What was measured moves a tool up or down by at most a quarter. One that was not measured is
#: taken to be worth a half.
_WORTH_RATIO = 0.5
_UNKNOWN_WORTH = 0.5
_WHOLE_NAME = 2.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A tool that fits; `score` is above 0 and comparable within one answer only.

    Units: `words`, `meaning` and `worth` 0 to 1; None for what is not known.
    """

    cluster: Cluster
    score: float
    reason: str
    words: float
    meaning: float | None = None
    worth: Estimate | None = None


def ranked(
    found: Iterable[Found], query: str, worth: Callable[[str], Estimate | None], limit: int
) -> list[Hit]:
    """Return the best, the best first; `worth` tells what was measured of a tool."""
    hits = (_hit(each, query, worth(each.cluster.tool.name)) for each in found)
    return nsmallest(limit, hits, key=lambda hit: (-hit.score, hit.cluster.tool.name))


def _hit(found: Found, query: str, worth: Estimate | None) -> Hit:
    score = found.words
    if found.meaning is not None:
        score += _MEANING_RATIO * (found.meaning - found.words)
    mean = _UNKNOWN_WORTH if worth is None else worth.mean
    score *= 1.0 + _WORTH_RATIO * (mean - _UNKNOWN_WORTH)
    whole = query.strip().casefold() == found.cluster.tool.name.casefold()
    if whole:
        score *= _WHOLE_NAME
    reason = "; ".join(_reasons(found, whole, worth))
    return Hit(found.cluster, score, reason, found.words, found.meaning, worth)


def _reasons(found: Found, whole: bool, worth: Estimate | None) -> Iterable[str]:
    if whole:
        yield "it is called so"
    for field, words in found.where.items():
        yield f"{field}: {', '.join(words)}"
    if found.meaning:
        yield f"meaning {found.meaning:.2f}"
    if worth is not None:
        yield f"worth {worth.mean:.2f} ({worth.low:.2f} to {worth.high:.2f})"
