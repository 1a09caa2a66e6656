"""Which part of the mesh a client sees: what it may, of that what its URL or the settings say.

What the client may not call is not there for it. The rest of a view is no permission: what its
labels leave out can be called all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from mcpmesh.bridge.http_message import HttpRefusal
from mcpmesh.codec.mcp_entry import listed_in
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.policy.access import Access, Scope
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
    """What is listed: what has the labels; if `compact`, of tools only those that are pinned.

    `scope` is what may be called at all; None is everything.
    """

    compact: bool = False
    pinned: frozenset[str] = frozenset()
    labels: Labels = ()
    scope: Scope | None = None

    def shows(self, entry: tool_pb2.Tool) -> bool:
        """Tell whether an entry of the catalog may be called, and has the labels."""
        return self.knows(entry.name) and all(
            entry.labels.get(name) == value if value is not None else name in entry.labels
            for name, value in self.labels
        )

    def lists(self, entry: tool_pb2.Tool) -> bool:
        """Tell whether an entry stands in the client's list of its kind."""
        left_out = self.compact and entry.name not in self.pinned and listed_in(entry) == "tools"
        return not left_out and self.shows(entry)

    def knows(self, name: str) -> bool:
        """Tell whether the client may call what has this name, if there is such a thing."""
        return self.scope is None or self.scope.allows(name)


class Views:
    """Reads views.

    `default` is that of the settings, None for one that shows everything; `guarded` says that
    there are rules, by which clients see different things.
    """

    def __init__(self, settings: BridgeSettings, access: Access) -> None:
        self._access = access
        self.guarded = not access.is_open
        view = View(
            settings.compact_list,
            frozenset(settings.pinned_tools),
            labels_of(settings.list_labels),
        )
        self.default = view if view != View() else None
        self._known: dict[tuple[bytes, Scope | None], View | None] = {}

    def of(self, query: bytes, principal: Principal = ANONYMOUS) -> View | None:
        """Return a client's view: `compact`, `pin=NAME`, `label=NAME=VALUE` or `label=NAME`.

        Other fields are not ours. Labels and pins add to those of the settings.
        Raises: HttpRefusal 400.
        """
        key = query, self.scope(principal)
        if key not in self._known:
            view = self._read(*key)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = view
        return self._known[key]

    def scope(self, principal: Principal) -> Scope | None:
        """Return what a client may call; None is everything."""
        if not self.guarded:
            return None
        scope = self._access.scope(principal)
        return None if scope.is_all else scope

    def _read(self, query: bytes, scope: Scope | None) -> View | None:
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
            scope,
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
