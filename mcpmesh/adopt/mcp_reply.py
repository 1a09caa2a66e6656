"""A JSON answer that an MCP server gives over HTTP: whether it answers what was asked.

The official client passes over what answers nothing that it asked, and would wait for the rest of
the call's time; but on HTTP nothing comes after a JSON answer.
"""

from typing import Any

import orjson
from mcp_types import INTERNAL_ERROR

_SHOWN = 80


def in_its_place(request: bytes, answer: bytes, server: str) -> bytes | None:
    """Return what is to be taken for an answer that answers something else; None: it is good.

    An error without an id is taken for the request's: the server could not read the id. What is
    no JSON object is the client's to refuse, and what asked for no answer cannot have a wrong one.
    Source: JSON-RPC 2.0, section 5; MCP 2025-11-25, "Sending Messages to the Server".
    """
    asked, said = _object(request), _object(answer)
    id_ = asked.get("id")
    if not said or id_ is None or "method" not in asked:
        return None
    if "method" in said:
        return _refusal(
            id_, f"{server} answered with a message of its own, {_shown(said['method'])}"
        )
    theirs = said.get("id")
    if theirs is None and isinstance(said.get("error"), dict):
        return orjson.dumps({**said, "id": id_})
    # As text too: the client takes "7" for 7.
    if type(theirs) in (int, str) and str(theirs) == str(id_):
        return None
    told = f"answered with the id {_shown(theirs)}" if theirs is not None else "answered without id"
    return _refusal(id_, f"{server} {told}, and was asked with {_shown(id_)}")


def _refusal(id_: Any, what: str) -> bytes:
    error = {"code": INTERNAL_ERROR, "message": f"{what}: its answer cannot be taken"}
    return orjson.dumps({"jsonrpc": "2.0", "id": id_, "error": error})


def _object(text: bytes) -> dict[str, Any]:
    """Read a JSON object; empty for all else."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()[:_SHOWN]
