"""Full-text search over Python's own language reference, which every Python ships."""

import re
import sqlite3
from pydoc_data.topics import topics

from pydantic import BaseModel, Field

from mcpmesh import ToolFailure, ToolServer

app = ToolServer("search")

HITS = """
    SELECT topic, -bm25(docs), snippet(docs, 1, '**', '**', ' … ', 24)
    FROM docs WHERE docs MATCH ? ORDER BY bm25(docs) LIMIT ?
"""


class Hit(BaseModel):
    """A passage that fits."""

    topic: str = Field(description="give it to docs_read for the whole text")
    score: float
    passage: str


def _index() -> sqlite3.Connection:
    """Index the reference by paragraph, so that a hit is something a model can read."""
    # Calls come from many threads; SQLite takes one at a time.
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.execute("CREATE VIRTUAL TABLE docs USING fts5(topic UNINDEXED, passage, tokenize=porter)")
    index.executemany(
        "INSERT INTO docs VALUES (?, ?)",
        (
            (topic, " ".join(passage.split()))
            for topic, text in topics.items()
            for passage in text.split("\n\n")
        ),
    )
    return index


INDEX = _index()


@app.tool(read_only=True, idempotent=True, timeout=2.0)
def docs_search(query: str, limit: int = 5) -> list[Hit]:
    """Search the Python language reference; the best passages come first."""
    words = re.findall(r"\w+", query)
    if not words:
        raise ToolFailure("the query has no words; ask for some, such as: decorator expression")
    # Quoted, so that a word such as NOT is a word; joined by OR, because bm25 ranks anyway.
    match = " OR ".join(f'"{word}"' for word in words)
    found = INDEX.execute(HITS, (match, max(1, min(limit, 50)))).fetchall()
    return [Hit(topic=topic, score=round(score, 2), passage=text) for topic, score, text in found]


@app.tool(read_only=True, idempotent=True, timeout=2.0)
def docs_read(topic: str) -> str:
    """A whole topic of the Python language reference, by the name that docs_search gives."""
    if topic not in topics:
        raise ToolFailure(f"there is no topic {topic!r}; topics: {', '.join(sorted(topics))}")
    return topics[topic]
