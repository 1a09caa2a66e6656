"""The known names nearest to one that nobody knows, for "did you mean" in an error.

A mesh may know 10,000 tools, and the answer is made in the router's loop. Comparing two names
well is slow, so only the dozens that share most triples of letters are compared; those are found
by string searches.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import accumulate

_LIKENESS = 0.5
_MAX_CHARACTERS = 128
#: Names that are compared; fewer long ones, which cost the square of their length.
_COMPARED = 24
_COMPARED_CHARACTERS = 800
#: Parts of the name that are searched for, and names looked at for each.
_PARTS = 10
_FOUND_BY_PART = 96
_RARE = _PARTS + 1
#: A name of so many letters, line breaks included, may share no triple with its neighbour.
_SHORT = 8


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return the known names most like the name, best first; case does not count.

    Shape: at most `limit` names, none when nothing is alike; known names have no line breaks.
    """
    names = list(known)
    name = name[:_MAX_CHARACTERS]
    if len(names) > _COMPARED:
        names = likely(name, names)
    by_folded = {candidate.casefold(): candidate for candidate in sorted(names)}
    matches = get_close_matches(name.casefold(), by_folded, n=limit, cutoff=_LIKENESS)
    return [by_folded[match] for match in matches]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the nearest names, or nothing."""
    names = nearest(name, known)
    return f"; did you mean {' or '.join(names)}?" if names else ""


def likely(name: str, names: list[str]) -> list[str]:
    """Return the names that share most triples of letters with the name, dozens at most.

    Case and what separates words do not count; how a name begins and ends does, because a line
    break is a letter too.
    """
    page = f"\n{_plain(chr(10).join(names))}\n"
    starts = list(accumulate(map(len, page.splitlines(keepends=True))))
    shared: Counter[int] = Counter()
    wanted = f"\n{_plain(name.replace(chr(10), ''))}\n"
    for letters in _parts(wanted):
        found = _having(letters, page, starts)
        # What very many names have says little of each.
        weight = _RARE if len(found) < _FOUND_BY_PART else 1
        for index in found:
            shared[index] += weight
    most = min(_COMPARED, _COMPARED_CHARACTERS // len(wanted))
    return [names[index] for index, _ in shared.most_common(most)]


def _having(letters: str, page: str, starts: list[int]) -> list[int]:
    """Return which lines of the page have the letters, the first so many."""
    found: list[int] = []
    position = page.find(letters)
    while position >= 0 and len(found) < _FOUND_BY_PART:
        # They may begin with the line break before their name.
        index = bisect(starts, position + (letters[0] == "\n")) - 1
        found.append(index)
        position = page.find(letters, starts[index + 1] - 1)
    return found


def _plain(text: str) -> str:
    return text.casefold().replace("_", "").replace("-", "")


def _parts(text: str) -> list[str]:
    """Return the text's triples of letters, its pairs if it is short; of a long one, some."""
    size = 3 if len(text) > _SHORT else 2
    parts = [text[at : at + size] for at in range(len(text) - size + 1)]
    step = max(1, -(-len(parts) // _PARTS))
    return list(dict.fromkeys(parts[::step]))
