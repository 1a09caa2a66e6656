"""The known names nearest to one that nobody knows, for "did you mean" in an error."""

from collections.abc import Iterable
from difflib import get_close_matches

_LIKENESS = 0.5


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return the known names most like the name, best first; case does not count.

    Shape: at most `limit` names, none when nothing is alike.
    """
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    matches = get_close_matches(name.casefold()[:128], by_folded, n=limit, cutoff=_LIKENESS)
    return [by_folded[match] for match in matches]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the nearest names, or nothing."""
    names = nearest(name, known)
    return f"; did you mean {' or '.join(names)}?" if names else ""
