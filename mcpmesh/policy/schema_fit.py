"""Whether what one JSON Schema describes is what another one asks for, as far as can be seen.

Only what certainly does not fit is told: schemas can say more than can be compared, and what is
not understood passes. It looks at objects' properties, one level deep: which there must be, which
there may be, and of what types they are.
"""

import json
from collections.abc import Mapping
from typing import Any

_MOST_TOLD = 3


def misfits(given: bytes, wanted: bytes) -> list[str]:
    """Return why values of one schema may not be values of the other; at most three reasons.

    Shape: schemas as UTF-8 JSON, empty for any value.
    """
    one, other = _read(given), _read(wanted)
    if one is None or other is None:
        return []
    known, asked = _properties(one), _properties(other)
    found = []
    for name in _names(other.get("required")):
        if name not in known:
            found.append(f"{name!r} is required, and unknown before")
        elif name not in _names(one.get("required")):
            found.append(f"{name!r} is required, and optional before")
    if other.get("additionalProperties") is False:
        found += [f"{name!r} is not allowed" for name in known if name not in asked]
    for name in known:
        if name in asked:
            before, after = _types(known[name]), _types(asked[name])
            if before and after and not before <= after:
                found.append(f"{name!r} is {_said(after)}, and {_said(before)} before")
    return found[:_MOST_TOLD]


def _read(schema: bytes) -> Mapping[str, Any] | None:
    """Return a schema of objects; None for what tells nothing."""
    if not schema:
        return None
    try:
        read = json.loads(schema)
    except ValueError:
        return None
    return read if isinstance(read, dict) and read.get("type") == "object" else None


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _names(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _types(schema: Any) -> frozenset[str]:
    """Return the types that a property may have; none when the schema says it in another way."""
    said = schema.get("type") if isinstance(schema, dict) else None
    types = [said] if isinstance(said, str) else _names(said)
    # Every integer is a number.
    return frozenset((*types, "integer") if "number" in types else types)


def _said(types: frozenset[str]) -> str:
    shown = types - {"integer"} if "number" in types else types
    return " or ".join(sorted(shown))
