"""How the tools about tools are listed."""

from collections.abc import Mapping, Set

import orjson

SEARCH, DESCRIBE, CALL = "search_tools", "describe_tool", "call_tool"
#: Told to models beside a compact list.
INSTRUCTIONS = (
    f"Most tools are not listed. Find them with {SEARCH}, read a tool's arguments with {DESCRIBE}, "
    "then call it by its name."
)
_READS = {"readOnlyHint": True}
_NAME = {"type": "string", "description": "The tool's name."}
#: In the order of names; the last one is listed when it is pinned.
ENTRIES: Mapping[str, bytes] = {
    CALL: orjson.dumps(
        {
            "name": CALL,
            "description": f"Calls a tool that is not listed. {DESCRIBE} tells its arguments.",
            "inputSchema": {
                "type": "object",
                "properties": {"name": _NAME, "arguments": {"type": "object"}},
                "required": ["name"],
            },
        }
    ),
    DESCRIBE: orjson.dumps(
        {
            "name": DESCRIBE,
            "description": "Tells all about a tool, with the JSON Schema of its arguments.",
            "inputSchema": {
                "type": "object",
                "properties": {"name": _NAME},
                "required": ["name"],
            },
            "annotations": _READS,
        }
    ),
    SEARCH: orjson.dumps(
        {
            "name": SEARCH,
            "description": "Finds tools by what they do, best first.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "query": {
                        "type": "string",
                        "description": "What the tool should do, in a few words.",
                    },
                    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
                },
                "required": ["query"],
            },
            "annotations": _READS,
        }
    ),
}


def listed(pinned: Set[str]) -> Mapping[str, bytes]:
    """Return the meta-tools that a compact list has: calling is listed only when it is pinned."""
    return {name: entry for name, entry in ENTRIES.items() if name != CALL or name in pinned}
