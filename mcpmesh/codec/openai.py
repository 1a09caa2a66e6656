"""Tools as function definitions of OpenAI's API.

Source: OpenAI's API reference, function calling: a name has 1 to 64 of A-Z a-z 0-9 _ and -.
"""

import re
from hashlib import sha256
from typing import Any, Literal

from mcpmesh.codec.mcp_tool import input_schema_of
from mcpmesh.v1 import tool_pb2

#: How a definition is written: for Chat Completions, or for the Responses API.
Style = Literal["chat", "responses"]
MAX_NAME = 64
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_DIGEST = 8


def function_json(tool: tool_pb2.Tool, name: str, style: Style) -> dict[str, Any]:
    """Write a tool's definition under a name that the API takes."""
    function: dict[str, Any] = {"name": name}
    if description := tool.description or tool.title:
        function["description"] = description
    function["parameters"] = input_schema_of(tool.input_schema)
    if style == "responses":
        # There functions are strict unless they say no, which few schemas are made for.
        return {"type": "function", **function, "strict": False}
    return {"type": "function", "function": function}


def function_name(name: str) -> str:
    """Return a tool's name for the API: its own if that will do, else one like it.

    It depends on the tool's name alone, so it stays when other tools come and go.
    """
    if len(name) <= MAX_NAME and not _FOREIGN.search(name):
        return name
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{_FOREIGN.sub('_', name)[: MAX_NAME - _DIGEST - 1]}-{digest}"
