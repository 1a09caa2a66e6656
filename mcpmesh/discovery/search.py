"""Finds tools by words: rare words count more, and the name more than the description."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nsmallest
from math import log

from mcpmesh.discovery.watch import matches
from mcpmesh.discovery.words import query_words, words_of
from mcpmesh.errors import InvalidCall
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_QUERY_WORDS = 32
_WEIGHTS = {"name": 4.0, "title": 2.0, "description": 1.0}
_WHOLE_NAME = 2.0
#: A word that only begins like the one asked for counts for less.
_PREFIX_RATIO = 0.5
_MIN_PREFIX = 3
_MAX_EXPANSIONS = 16


@dataclass(frozen=True, slots=True)
class Hit:
    """A tool that fits; `score` is above 0 and comparable within one answer only."""

    cluster: Cluster
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Entry:
    tool: Tool
    fields: Mapping[str, frozenset[str]]


class SearchIndex:
    """The words of the newest version of each tool; reads again only the tools that changed."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._names_with: dict[str, set[str]] = {}
        self._vocabulary: list[str] = []
        self._catalog: Catalog | None = None

    def __repr__(self) -> str:
        return f"SearchIndex({len(self._entries)} tools, {len(self._vocabulary)} words)"

    def search(
        self, catalog: Catalog, query: str, limit: int = 0, labels: Mapping[str, str] | None = None
    ) -> list[Hit]:
        """Return the tools that fit any of the words, best first.

        Shape: `limit` as SearchToolsRequest.limit.
        Raises: InvalidCall for a query without words, or a negative limit.
        """
        words = query_words(query)[:MAX_QUERY_WORDS]
        if not words or limit < 0:
            raise InvalidCall("search needs a query with at least one word and no negative limit")
        self._refresh(catalog)
        meant = {word: self._expansions(word) for word in words}
        candidates = {
            name for known in meant.values() for word in known for name in self._names_with[word]
        }
        hits = (
            self._hit(catalog.clusters[name][0], meant, query)
            for name in candidates
            if matches(self._entries[name].tool, labels or {})
        )
        return nsmallest(
            min(limit or DEFAULT_LIMIT, MAX_LIMIT),
            hits,
            key=lambda hit: (-hit.score, hit.cluster.tool.name),
        )

    def _refresh(self, catalog: Catalog) -> None:
        if catalog is self._catalog:
            return
        self._catalog = catalog
        stale = [
            name
            for name, entry in self._entries.items()
            if name not in catalog.clusters or catalog.clusters[name][0].tool != entry.tool
        ]
        for name in stale:
            self._remove(name)
        fresh = [name for name in catalog.clusters if name not in self._entries]
        for name in fresh:
            self._add(name, catalog.clusters[name][0].tool)
        if stale or fresh:
            self._vocabulary = sorted(self._names_with)

    def _add(self, name: str, tool: Tool) -> None:
        entry = _Entry(tool, {each: frozenset(words_of(getattr(tool, each))) for each in _WEIGHTS})
        self._entries[name] = entry
        for word in frozenset().union(*entry.fields.values()):
            self._names_with.setdefault(word, set()).add(name)

    def _remove(self, name: str) -> None:
        entry = self._entries.pop(name)
        for word in frozenset().union(*entry.fields.values()):
            names = self._names_with[word]
            names.remove(name)
            if not names:
                del self._names_with[word]

    def _expansions(self, word: str) -> dict[str, float]:
        """Return the known words that a word of the query may mean, and how much each counts."""
        meant = {word: self._rarity(word)} if word in self._names_with else {}
        if len(word) >= _MIN_PREFIX:
            start = bisect_left(self._vocabulary, word)
            for known in self._vocabulary[start : start + _MAX_EXPANSIONS]:
                if known.startswith(word) and known != word:
                    meant[known] = self._rarity(known) * _PREFIX_RATIO
        return meant

    def _rarity(self, word: str) -> float:
        return log((len(self._entries) + 1) / (len(self._names_with[word]) + 0.5))

    def _hit(self, cluster: Cluster, meant: Mapping[str, Mapping[str, float]], query: str) -> Hit:
        entry = self._entries[cluster.tool.name]
        score = 0.0
        where: dict[str, list[str]] = {}
        for expansions in meant.values():
            best = _best_field(entry, expansions)
            if best is not None:
                gained, field, word = best
                score += gained
                where.setdefault(field, []).append(word)
        if query.strip().casefold() == entry.tool.name.casefold():
            score *= _WHOLE_NAME
        reason = "; ".join(
            f"{field}: {', '.join(where[field])}" for field in _WEIGHTS if field in where
        )
        return Hit(cluster, score, reason)


def _best_field(entry: _Entry, expansions: Mapping[str, float]) -> tuple[float, str, str] | None:
    return max(
        (
            (rarity * weight, field, word)
            for field, weight in _WEIGHTS.items()
            for word, rarity in expansions.items()
            if word in entry.fields[field]
        ),
        default=None,
    )
