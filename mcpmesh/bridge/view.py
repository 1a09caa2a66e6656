"""Which part of the lists a client sees: as the query of its URL says, or the bridge's settings.

A view is no permission: what it does not list can be called all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from mcpmesh.bridge.http_message import HttpRefusal
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.v1 import tool_pb2

#: Names of labels that entries must have, each with its value; None stands for any value.
Labels = tuple[tuple[str, str | None], ...]
MAX_FIELDS = 128
#: Queries whose views are remembered.
_MAX_KNOWN = 256
_YES = frozenset(("", "1", "true", "yes"))
_NO = frozenset(("0", "false", "no"))


@dataclass(frozen=True, slots=True)
class View:
    """What is listed: what has the labels; if `compact`, of tools only those that are pinned."""

    compact: bool = False
    pinned: frozenset[str] = frozenset()
    labels: Labels = ()

    def shows(self, entry: tool_pb2.Tool) -> bool:
        """Tell whether an entry of the catalog has the labels."""
        return all(
            entry.labels.get(name) == value if value is not None else name in entry.labels
            for name, value in self.labels
        )


class Views:
    """Reads views; `default` is that of the settings, None for one that shows everything."""

    def __init__(self, settings: BridgeSettings) -> None:
        view = View(
            settings.compact_list,
            frozenset(settings.pinned_tools),
            labels_of(settings.list_labels),
        )
        self.default = view if view != View() else None
        self._known: dict[bytes, View | None] = {}

    def of(self, query: bytes) -> View | None:
        """Return the view of a query: `compact`, `pin=NAME`, `label=NAME=VALUE` or `label=NAME`.

        Other fields are not ours. Labels and pins add to those of the settings.
        Raises: HttpRefusal 400.
        """
        if query not in self._known:
            view = self._read(query)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[query] = view
        return self._known[query]

    def _read(self, query: bytes) -> View | None:
        try:
            fields = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as exc:
            raise HttpRefusal(
                400, f"the query has over {MAX_FIELDS} fields, or is no UTF-8"
            ) from exc
        base = self.default or View()
        compact = base.compact
        for name, value in fields:
            if name == "compact":
                compact = _is(value)
        view = View(
            compact,
            base.pinned.union(value for name, value in fields if name == "pin"),
            tuple(
                dict.fromkeys(
                    (*base.labels, *labels_of(value for name, value in fields if name == "label"))
                )
            ),
        )
        return view if view != View() else None


def labels_of(texts: Iterable[str]) -> Labels:
    """Read labels: NAME=VALUE, or NAME for any value."""
    labels: dict[tuple[str, str | None], None] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        labels[name, value if equals else None] = None
    return tuple(sorted(labels, key=str))


def _is(value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise HttpRefusal(400, 'the query\'s "compact" is neither 1 nor 0')
