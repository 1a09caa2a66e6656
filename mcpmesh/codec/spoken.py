"""Which tool an answer is of, told in the answer itself to those who see no metadata."""

import orjson

from mcpmesh.codec.mcp import OUR_TOOL
from mcpmesh.v1 import tool_pb2


def tell_tool(result: tool_pb2.ToolResult, tool: str) -> None:
    """Put the tool's name into a result's `_meta`; one that is not a JSON object stays as it is."""
    try:
        meta = orjson.loads(result.meta or b"{}")
    except orjson.JSONDecodeError:
        return
    if isinstance(meta, dict):
        result.meta = orjson.dumps({**meta, OUR_TOOL: tool})
