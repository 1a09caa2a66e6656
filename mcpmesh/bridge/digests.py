"""How the lists of each view are, as a short text that is another when the list is.

A list's digest is the sum of its entries' hashes, so that a change costs what changed and not what
there is: with 10,000 entries and 60 views, to hash them all anew would take a second.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from mcpmesh.bridge.view import View
from mcpmesh.codec.mcp_entry import LISTED, Listed, listed_in
from mcpmesh.v1 import tool_pb2

#: An entry as it was and as it is; None for not at all.
Change = tuple[tool_pb2.Tool | None, tool_pb2.Tool | None]
#: Views whose digests are kept.
_MAX_VIEWS = 1024
_BYTES = 16
_MODULUS = 1 << (8 * _BYTES)


class Digests:
    """The digests of the views that were asked for, kept up to date by changes."""

    def __init__(self) -> None:
        self._sums: dict[View | None, dict[Listed, int]] = {}
        # The entries' hashes, by their names.
        self._hashes: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Digests of {len(self._sums)} views>"

    def of(self, entries: Iterable[tool_pb2.Tool], view: View | None) -> Mapping[str, str]:
        """Return the digest of each list of a view; `entries` are all that there are now."""
        sums = self._sums.get(view)
        if sums is None:
            sums = dict.fromkeys(LISTED, 0)
            for entry in entries:
                if view is None or view.lists(entry):
                    sums[listed_in(entry)] += self._hash(entry)
            if len(self._sums) >= _MAX_VIEWS:
                self._sums.clear()
            self._sums[view] = sums
        return {listed: f"{total % _MODULUS:0{2 * _BYTES}x}" for listed, total in sums.items()}

    def take(self, changes: Iterable[Change]) -> None:
        """Apply changes of the entries."""
        for old, new in changes:
            if old is not None:
                self._add(old, -self._hash(old))
                self._hashes.pop(old.name, None)
            if new is not None:
                self._add(new, self._hash(new))

    def clear(self) -> None:
        """Forget everything: nobody says any more what changes."""
        self._sums.clear()
        self._hashes.clear()

    def _add(self, entry: tool_pb2.Tool, part: int) -> None:
        listed = listed_in(entry)
        for view, sums in self._sums.items():
            if view is None or view.lists(entry):
                sums[listed] += part

    def _hash(self, entry: tool_pb2.Tool) -> int:
        found = self._hashes.get(entry.name)
        if found is None:
            written = entry.SerializeToString(deterministic=True)
            found = int.from_bytes(sha256(written).digest()[:_BYTES])
            self._hashes[entry.name] = found
        return found
