"""Which of what is offered becomes the mesh's: that which a pattern fits."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from mcpmesh.adopt.upstream import UpstreamFailed

T = TypeVar("T")
_MOST_NAMED = 20


def chosen(
    items: Iterable[T],
    patterns: Sequence[str],
    names_of: Callable[[T], Sequence[str]],
    what: str,
) -> list[T]:
    """Return the items one of whose names fits one of the patterns; all when there are none.

    Shape: patterns as of files, `*` for anything.
    Raises: UpstreamFailed for a pattern that fits nothing, with what there is.
    """
    every = list(items)
    if not patterns:
        return every
    for pattern in patterns:
        if not any(_fits(names_of(each), (pattern,)) for each in every):
            shown = ", ".join(names_of(each)[0] for each in every[:_MOST_NAMED]) or "nothing"
            more = len(every) - _MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            raise UpstreamFailed(
                f"{pattern!r} fits none of its {what}: it has {shown}{rest}", final=True
            )
    return [each for each in every if _fits(names_of(each), patterns)]


def offered_only(
    items: Iterable[T], patterns: Sequence[str], name_of: Callable[[T], str], unfit: set[str]
) -> list[T]:
    """Return the items whose name fits one of the patterns, of a list that may change.

    Patterns that fit one of them are taken out of `unfit`.
    """
    every = list(items)
    unfit -= {each for each in unfit if any(_fits((name_of(one),), (each,)) for one in every)}
    return [each for each in every if not patterns or _fits((name_of(each),), patterns)]


def _fits(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
