"""Splits text into the words that search compares."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_FILLERS = frozenset(
    "a an and are for from in is it of on or that the this to with".split()  # noqa: SIM905
)
#: Of a description only the beginning is read: it may have 16 KiB.
MAX_CHARACTERS = 4096


def words_of(text: str) -> list[str]:
    """Return the words in lower case and in the singular; snake_case and camelCase are split."""
    return [_singular(word.casefold()) for word in _WORD.findall(text[:MAX_CHARACTERS])]


def query_words(query: str) -> list[str]:
    """Return the different words of a query; fillers only when there is nothing else."""
    words = list(dict.fromkeys(words_of(query)))
    return [word for word in words if word not in _FILLERS] or words


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
