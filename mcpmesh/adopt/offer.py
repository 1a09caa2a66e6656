"""What an upstream says it offers → what a replica can register."""

import logging
from collections.abc import Iterable

from mcpmesh.discovery.registry import MAX_TOOLS
from mcpmesh.sdk.tool import ToolFunction

_LOG = logging.getLogger("mcpmesh.adopt")
#: Names that one warning holds.
_MOST_NAMED = 5


def sound_offer(upstream: str, entries: Iterable[ToolFunction]) -> list[ToolFunction]:
    """Return the entries that can be served together, each name once; a warning names the rest."""
    kept: dict[str, ToolFunction] = {}
    twice: list[str] = []
    beyond: list[str] = []
    for entry in entries:
        name = entry.tool.name
        if name in kept:
            twice.append(name)
        elif len(kept) == MAX_TOOLS:
            beyond.append(name)
        else:
            kept[name] = entry
    if twice:
        _LOG.warning("%s: offers %s more than once; the first counts", upstream, named(twice))
    if beyond:
        _LOG.warning(
            "%s: offers %d tools, prompts and resources, more than the %d that a replica may have; "
            "left out: %s. Choose those you want with the patterns of only; a second table of "
            "[adopt] can have others",
            upstream,
            len(kept) + len(beyond),
            MAX_TOOLS,
            named(beyond),
        )
    return list(kept.values())


def named(names: list[str]) -> str:
    """Write the first few names, and how many more there are."""
    shown = ", ".join(name[:100] for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
