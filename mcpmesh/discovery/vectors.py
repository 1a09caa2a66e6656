"""Meanings as vectors in a matrix. Needs numpy; loaded only where embeddings are asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
_FIRST_ROWS = 64


class Vectors:
    """A `Meaning`: a row for each tool, all of length 1, so that a product is a cosine.

    `encode` makes one vector of each text. A search is one product of the matrix with a vector:
    10,000 tools of 256 numbers take less than a millisecond, so an index of neighbours would not
    pay.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Any]) -> None:
        self._encode = encode
        self._rows: dict[str, int] = {}
        self._names: list[str] = []
        self._free: list[int] = []
        self._matrix: Matrix | None = None

    def __repr__(self) -> str:
        return f"Vectors({len(self._rows)} tools)"

    def put(self, texts: Sequence[tuple[str, str]]) -> None:
        """Take in tools as (name, text), in place of those of the same names."""
        vectors = self._unit([text for _, text in texts])
        for (name, _), vector in zip(texts, vectors, strict=True):
            row = self._rows.get(name)
            if row is None:
                row = self._rows[name] = self._new_row(name, vector.shape[0])
            assert self._matrix is not None
            self._matrix[row] = vector

    def drop(self, name: str) -> None:
        """Take out a tool; one that is not there is not an error."""
        row = self._rows.pop(name, None)
        if row is not None:
            assert self._matrix is not None
            self._matrix[row] = 0.0
            self._names[row] = ""
            self._free.append(row)

    def nearest(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return the names of the tools that mean most nearly the same, best first."""
        if self._matrix is None:
            return []
        likeness = self._matrix[: len(self._names)] @ self._unit([query])[0]
        best = np.argsort(-likeness)[: limit + len(self._free)]
        found = [(self._names[row], float(likeness[row])) for row in best]
        return [(name, like) for name, like in found if name][:limit]

    def _unit(self, texts: Sequence[str]) -> Matrix:
        vectors: Matrix = np.asarray(self._encode(texts), dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)

    def _new_row(self, name: str, width: int) -> int:
        if self._free:
            row = self._free.pop()
            self._names[row] = name
            return row
        row = len(self._names)
        self._names.append(name)
        if self._matrix is None:
            self._matrix = np.zeros((_FIRST_ROWS, width), dtype=np.float32)
        elif row == self._matrix.shape[0]:
            self._matrix = np.concatenate((self._matrix, np.zeros_like(self._matrix)))
        return row
