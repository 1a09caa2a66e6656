"""Finds tools by words and, with a model, by meaning."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mcpmesh.discovery.meaning import Meaning
from mcpmesh.discovery.text_index import FIELDS, MIN_BEGINNING, TextIndex
from mcpmesh.discovery.watch import matches
from mcpmesh.discovery.words import query_words, words_of
from mcpmesh.errors import InvalidCall
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
#: Tools that are looked at for each that is wanted, so that what was measured can move them up.
_SPARE = 3
#: Meanings further apart than that have nothing to do with each other.
_LEAST_LIKENESS = 0.3


@dataclass(frozen=True, slots=True)
class Found:
    """A tool that fits.

    Units: `words` 0 to 1, of the best by words; `meaning` 0 to 1, None when nobody looked.
    """

    cluster: Cluster
    words: float
    #: The words that were found, by the fields that they were found in.
    where: Mapping[str, tuple[str, ...]]
    meaning: float | None = None


class SearchIndex:
    """The newest version of each tool; reads only tools that changed.

    Not for two threads at a time.
    """

    def __init__(self, meaning: Meaning | None = None) -> None:
        self._text = TextIndex()
        self._meaning = meaning
        #: Tools that are in the index; what is equal to them need not be read again.
        self._known: dict[str, Tool] = {}
        self._committed = True

    def __repr__(self) -> str:
        return f"SearchIndex({len(self._known)} tools)"

    def update(self, catalog: Catalog, names: Collection[str]) -> None:
        """Take in how these tools are now."""
        fresh = []
        for name in names:
            clusters = catalog.clusters.get(name)
            tool = clusters[0].tool if clusters else None
            if tool == self._known.get(name):
                continue
            self._committed = False
            if tool is None:
                del self._known[name]
                self._text.drop(name)
                if self._meaning is not None:
                    self._meaning.drop(name)
            else:
                self._known[name] = tool
                self._text.put(tool)
                fresh.append((name, _text(tool)))
        if self._meaning is not None and fresh:
            self._meaning.put(fresh)

    def search(
        self, catalog: Catalog, query: str, limit: int = 0, labels: Mapping[str, str] | None = None
    ) -> list[Found]:
        """Return the tools that fit, the best and some more.

        Shape: `limit` as SearchToolsRequest.limit.
        Raises: InvalidCall for a query without words, or a negative limit.
        """
        words = query_words(query)
        if not words or limit < 0:
            raise InvalidCall("search needs a query with at least one word and no negative limit")
        if not self._committed:
            self._text.commit()
            self._committed = True
        wanted = _SPARE * wanted_hits(limit)
        by_words = dict(self._text.search(words, labels or {}, wanted))
        most = max(by_words.values(), default=1.0)
        by_meaning = self._likeness(query, wanted, labels or {})
        return [
            Found(
                catalog.clusters[name][0],
                by_words.get(name, 0.0) / most,
                self._where(self._known[name], words),
                None if by_meaning is None else max(0.0, by_meaning.get(name, 0.0)),
            )
            for name in {**by_words, **(by_meaning or {})}
            if name in catalog.clusters
        ]

    def _likeness(
        self, query: str, limit: int, labels: Mapping[str, str]
    ) -> dict[str, float] | None:
        if self._meaning is None:
            return None
        # Labels are looked at afterwards, so a narrow choice of them needs more to choose from.
        near = self._meaning.nearest(query, len(self._known) if labels else limit)
        return {
            name: likeness
            for name, likeness in near
            if likeness >= _LEAST_LIKENESS and matches(self._known[name], labels)
        }

    def _where(self, tool: Tool, words: list[str]) -> dict[str, tuple[str, ...]]:
        """Tell in which field each word is found first, by its stem or as a beginning."""
        stems = dict(zip(words, self._text.stems(words), strict=True))
        where: dict[str, tuple[str, ...]] = {}
        for field in FIELDS:
            there = words_of(getattr(tool, field))
            known = {*self._text.stems(there)} if there else set()
            found = [
                word
                for word, stem in stems.items()
                if stem in known
                or (len(word) >= MIN_BEGINNING and any(each.startswith(word) for each in there))
            ]
            if found:
                where[field] = tuple(found)
                for word in found:
                    del stems[word]
        return where


def wanted_hits(limit: int) -> int:
    """Return how many hits a request wants; see SearchToolsRequest.limit."""
    return min(limit or DEFAULT_LIMIT, MAX_LIMIT)


def _text(tool: Tool) -> str:
    return " ".join(
        (*words_of(tool.name), *words_of(tool.capability), tool.title, tool.description)
    ).strip()
