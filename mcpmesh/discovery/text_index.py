"""The words of tools in an index, ranked by BM25: a thin layer over tantivy.

Each field is ranked by itself, with its own average length, and the fields' scores are added. A
word counts by its English stem; as the beginning of longer words it counts for less.

Why tantivy: it puts the right tool about as high as bm25s does (benchmarks/tokens.py: of 10,000
tools higher for the questions of Seal-Tools, lower for those of MetaTool), and takes single tools
in and out, which bm25s cannot; it finds the best of 10,000 without the interpreter's lock, where
SQLite's FTS5 takes tens of milliseconds.
Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import tantivy

from mcpmesh.discovery.watch import KIND, kind_of
from mcpmesh.discovery.words import words_of
from mcpmesh.model.tool import Tool

#: What is searched for words, and what a word counts there. A name is short, so that each word in
#: it counts much by BM25 itself.
FIELDS = {"name": 0.8, "title": 0.8, "capability": 0.8, "description": 1.0}
_BEGINNING = 0.3
#: Letters from which on a word is looked for as the beginning of others, and at most.
MIN_BEGINNING, _MAX_BEGINNING = 3, 12
_KEY, _STARTS, _LABEL = "key", "starts", "label"
#: The least that an index writer can do with; it is not used up.
_WRITER_BYTES = 15_000_000


class TextIndex:
    """Tools by name; what is put or dropped shows after `commit`."""

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field(_KEY, stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(_LABEL, tokenizer_name="raw", index_option="basic")
        for field in (*FIELDS, _STARTS):
            builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._writer = self._index.writer(_WRITER_BYTES, 1)
        self._stems = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )

    def put(self, tool: Tool) -> None:
        """Take in a tool, in place of one of the same name."""
        self.drop(tool.name)
        document = tantivy.Document()
        document.add_text(_KEY, tool.name)
        for key, value in {**tool.labels, KIND: kind_of(tool)}.items():
            document.add_text(_LABEL, _label(key, value))
        begun: dict[str, None] = {}
        for field in FIELDS:
            words = words_of(getattr(tool, field))
            if words:
                document.add_text(field, " ".join(self.stems(words)))
                begun.update(dict.fromkeys(_beginnings(words)))
        document.add_text(_STARTS, " ".join(begun))
        self._writer.add_document(document)

    def drop(self, name: str) -> None:
        """Take out a tool; one that is not there is not an error."""
        self._writer.delete_documents_by_term(_KEY, name)

    def commit(self) -> None:
        """Let searches see what changed."""
        self._writer.commit()
        self._index.reload()

    def search(
        self, words: list[str], labels: Mapping[str, str], limit: int
    ) -> list[tuple[str, float]]:
        """Return the names of the tools with all the labels and any of the words, best first.

        Shape: labels as `watch.wanted` gives them, the kind among them.
        """
        needed = {KIND: "tool", **labels}
        if needed[KIND] == "*":
            del needed[KIND]
        query = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, tantivy.Query.boolean_query(list(self._any(words)))),
                *(
                    (tantivy.Occur.Must, self._labelled(key, value))
                    for key, value in needed.items()
                ),
            ]
        )
        searcher = self._index.searcher()
        found = searcher.search(query, limit, count=False).hits
        return [(searcher.doc(address)[_KEY][0], score) for score, address in found]

    def stems(self, words: list[str]) -> list[str]:
        """Return the words' stems, in their order."""
        stems: list[str] = self._stems.analyze(" ".join(words))
        return stems

    def _any(self, words: list[str]) -> Iterable[tuple[Any, Any]]:
        for word, stem in zip(words, self.stems(words), strict=True):
            for field, weight in FIELDS.items():
                yield tantivy.Occur.Should, self._weighed(field, stem, weight)
            if len(word) >= MIN_BEGINNING:
                beginning = word[:_MAX_BEGINNING]
                yield tantivy.Occur.Should, self._weighed(_STARTS, beginning, _BEGINNING)

    def _weighed(self, field: str, term: str, weight: float) -> Any:
        found = tantivy.Query.term_query(self._schema, field, term, "freq")
        return tantivy.Query.boost_query(found, weight)

    def _labelled(self, key: str, value: str) -> Any:
        found = tantivy.Query.term_query(self._schema, _LABEL, _label(key, value), "basic")
        return tantivy.Query.const_score_query(found, 0.0)


def _label(key: str, value: str) -> str:
    return f"{len(key)}:{key}={value}"


def _beginnings(words: list[str]) -> Iterable[str]:
    for word in words:
        for size in range(MIN_BEGINNING, min(len(word), _MAX_BEGINNING + 1)):
            yield word[:size]
