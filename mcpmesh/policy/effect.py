"""Whether what is said of a tool can have an effect on its calls, as far as the tool shows."""

import json
from collections.abc import Mapping
from typing import Any

from mcpmesh.model.nearest import did_you_mean
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import ToolPolicy

_ARGUMENT = "argument:"
#: A schema with one of these may have properties that it does not list itself.
_ELSEWHERE = ("$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas")


def without_effect(tool: Tool, said: ToolPolicy) -> list[str]:
    """Return which settings do nothing for this tool, and why.

    Only what is certain: an argument that the schema does not name may be sent all the same, when
    the schema leaves open what else there is.
    """
    hints, found = tool.annotations, []
    if said.hedge is not None and not (hints.idempotent or hints.read_only):
        found.append("hedge does nothing, as it is neither idempotent nor read-only")
    if said.cache is not None and not (hints.idempotent and hints.read_only):
        found.append("cache does nothing, as it is not both read-only and idempotent")
    keys = [("balance", said.balance.key if said.balance.policy == "hash" else "")]
    if said.split is not None:
        keys.append(("split", said.split.key))
    names = _arguments(tool.input_schema)
    for setting, key in keys:
        name = key.removeprefix(_ARGUMENT)
        if names is None or name == key or name in names or name.partition(".")[0] in names:
            continue
        found.append(f"{setting}.key {key!r} is no argument of it{did_you_mean(name, names)}")
    return found


def _arguments(schema: bytes) -> list[str] | None:
    """Return the arguments that a schema names; None when there may be others."""
    try:
        read: Any = json.loads(schema or b"null")
    except ValueError:
        return None
    if not isinstance(read, dict) or any(key in read for key in _ELSEWHERE):
        return None
    properties = read.get("properties")
    if not isinstance(properties, Mapping):
        return [] if read.get("additionalProperties") is False else None
    return list(properties)
