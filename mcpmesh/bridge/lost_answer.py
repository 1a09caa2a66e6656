"""What a client is told that comes back to a stream that is no more."""

import orjson

from mcpmesh.bridge.event_mark import EventMark
from mcpmesh.codec.jsonrpc import INTERNAL_ERROR, RpcError, error_bytes
from mcpmesh.codec.mcp_error import error_meta
from mcpmesh.codec.mcp_result import failure_json

_TEXT = (
    "the answer to this request was lost: the server that worked on it is gone, or the client came "
    "back too late. The call may or may not have taken effect; check before repeating it."
)


def lost_answer(mark: EventMark, version: str) -> bytes | None:
    """Write the response to the request that a lost stream answered; None when it is not known."""
    if mark.request_id is None:
        return None
    if mark.method != "tools/call":
        return error_bytes(RpcError(INTERNAL_ERROR, _TEXT, request_id=mark.request_id))
    result = failure_json(_TEXT.capitalize(), error_meta("UNAVAILABLE", False, 0), version, {})
    return orjson.dumps({"jsonrpc": "2.0", "id": mark.request_id, "result": result})
