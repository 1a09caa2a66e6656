"""Writes definitions of a JSON Schema where they are used, if that is in one place."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_PREFIX = "#/$defs/"
#: What may stand beside a $ref and be laid over what it refers to.
_NOTES = frozenset(("title", "description", "default", "deprecated"))


def inlined(schema: Schema, definitions: dict[str, Any]) -> Schema:
    """Return a schema with its definitions; one that is used once stands where it is used.

    Those of a circle are all used from within it, and one of them from without: it keeps its name,
    so that writing out always ends.
    """
    uses = Counter(_references(schema))
    for each in definitions.values():
        uses.update(_references(each))
    once = {name for name, count in uses.items() if count == 1}

    def written(part: Any) -> Any:
        if isinstance(part, list):
            return [written(each) for each in part]
        if not isinstance(part, dict):
            return part
        name = _name(part)
        if name in once and name in definitions:
            found = definitions[name]
            beside = {key: each for key, each in part.items() if key != "$ref"}
            if isinstance(found, dict) and beside.keys() <= _NOTES:
                return {**written(found), **beside}
            if not beside:
                return found
        return {key: written(each) for key, each in part.items()}

    whole = written(schema)
    kept = {name: written(each) for name, each in definitions.items() if name not in once}
    # One that has more beside it than notes is still referred to.
    for name in sorted(once):
        if name in definitions and name in set(_references([whole, kept])):
            kept[name] = written(definitions[name])
    return {**whole, "$defs": kept} if kept else whole


def _name(part: Schema) -> str:
    reference = part.get("$ref")
    return reference.removeprefix(_PREFIX) if isinstance(reference, str) else ""


def _references(part: Any) -> Iterator[str]:
    waiting = [part]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if name := _name(found):
                yield name
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
