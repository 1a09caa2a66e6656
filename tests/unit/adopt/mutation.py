"""JSON that was sound and is not any more: a few of its values are others, or gone, or moved."""

import copy
from random import Random
from typing import Any

#: What stands for a value after a mutation.
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 7.5, 1e308, 2**53 + 1, 2**63, -(2**64), "", "x", "é\u2028\x00", "a" * 5000,
    "#/nowhere", "http://127.0.0.1:1/x", "(?<", "../..", "application/json", [], [[]], [None, {}],
    {}, {"": {}}, {"$ref": "#"}, {"$ref": "#/paths"}, {"type": ["object"]}, {"type": "text"},
)  # fmt: skip

#: Content of a result, a block of each kind.
CONTENT: Any = [
    {"type": "text", "text": "a", "annotations": {"audience": ["user"], "priority": 0.5}},
    {"type": "image", "data": "AAE=", "mimeType": "image/png"},
    {"type": "resource_link", "uri": "a://b", "name": "b", "size": 3},
    {"type": "resource", "resource": {"uri": "a://c", "text": "c"}},
]


def mutated(value: Any, rng: Random, most: int = 3) -> Any:
    """Return a copy of JSON with up to `most` places changed."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, most)):
        value = _once(value, rng)
    return value


def _once(value: Any, rng: Random) -> Any:
    holder, key = rng.choice(_places(value) or [(None, None)])
    if holder is None:
        return rng.choice(ODD)
    way = rng.random()
    if way < 0.6:
        holder[key] = copy.deepcopy(rng.choice(ODD))
    elif way < 0.75:
        del holder[key]
    elif way < 0.9:
        # What stands elsewhere.
        other, there = rng.choice(_places(value))
        holder[key] = copy.deepcopy(other[there])
    elif isinstance(holder, dict):
        holder[str(rng.choice(ODD))[:50]] = holder.pop(key)
    else:
        holder.append(copy.deepcopy(holder[key]))
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place below a value: what holds it, and the key or index."""
    found: list[tuple[Any, Any]] = []
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found
