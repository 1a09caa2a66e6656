"""Splits text into the words that search compares."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_FILLERS = frozenset(
    "a an and are for from in is it of on or that the this to with".split()  # noqa: SIM905
)
#: Of a description only the beginning is read: it may have 16 KiB.
MAX_CHARACTERS = 4096
MAX_QUERY_WORDS = 32


def words_of(text: str) -> list[str]:
    """Return the words in lower case; snake_case and camelCase are split."""
    return [word.casefold() for word in _WORD.findall(text[:MAX_CHARACTERS])]


def query_words(query: str) -> list[str]:
    """Return the different words of a query, the first so many; fillers only if that is all."""
    words = list(dict.fromkeys(words_of(query)))
    return ([word for word in words if word not in _FILLERS] or words)[:MAX_QUERY_WORDS]
