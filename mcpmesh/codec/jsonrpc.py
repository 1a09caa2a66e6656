"""JSON-RPC 2.0 envelopes: bytes to messages, answers to bytes.

What arrives is untrusted: whatever is wrong with it becomes an `RpcError`, which carries the
number and the id that the answer needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

Id = str | int
Params = Mapping[str, Any]
_NO_PARAMS: Params = {}
#: How long a foreign word may be that an error message repeats.
SHOWN = 80


class RpcError(Exception):
    """A refusal: a JSON-RPC error object, and the id of the request if it could be read.

    `data` is any JSON value; None leaves it out.
    """

    def __init__(
        self, code: int, message: str, data: Any = None, *, request_id: Id | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data
        self.request_id = request_id


@dataclass(slots=True)
class Request:
    """A message that wants an answer."""

    id: Id
    method: str
    params: Params


@dataclass(slots=True)
class Notification:
    """A message that gets no answer."""

    method: str
    params: Params


@dataclass(slots=True)
class Response:
    """A peer's answer to a request of ours."""

    id: Id
    result: Any = None
    error: Any = None


Message = Request | Notification | Response


def decode(body: bytes | bytearray | memoryview) -> Any:
    """Read JSON.

    Raises: RpcError -32700 for what is not JSON, or nests too deep.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise RpcError(PARSE_ERROR, f"the body is not JSON: {exc}") from exc


def message_of(value: Any) -> Message:
    """Read one envelope.

    Raises: RpcError -32600 saying what is wrong with it.
    """
    if type(value) is not dict:
        raise RpcError(INVALID_REQUEST, "the message is not one JSON object")
    request_id = value.get("id")
    if value.get("jsonrpc") != "2.0":
        raise _invalid('"jsonrpc" is not "2.0"', request_id)
    method = value.get("method")
    if type(method) is not str:
        return _response(value, request_id)
    params = value.get("params", _NO_PARAMS)
    if type(params) is not dict and params is not _NO_PARAMS:
        raise _invalid('"params" is not an object', request_id)
    if type(request_id) is str or type(request_id) is int:
        return Request(request_id, method, params)
    if "id" in value:
        raise _invalid('"id" is neither a string nor an integer', None)
    return Notification(method, params)


def _response(value: Mapping[str, Any], request_id: Any) -> Response:
    answered = ("result" in value) != ("error" in value)
    if "method" in value or not answered or readable_id(request_id) is None:
        raise _invalid('"method" is missing, or is not a string', request_id)
    return Response(request_id, value.get("result"), value.get("error"))


def _invalid(reason: str, request_id: Any) -> RpcError:
    message = f"not a JSON-RPC message: {reason}"
    return RpcError(INVALID_REQUEST, message, request_id=readable_id(request_id))


def readable_id(value: Any) -> Id | None:
    """Return an id that an answer can repeat."""
    return value if type(value) is str or type(value) is int else None


def result_bytes(request_id: Id, result: Any) -> bytes:
    """Write an answer."""
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": result})


def encoded_result_bytes(request_id: Id, result: bytes) -> bytes:
    """Write an answer whose result is JSON bytes already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(request_id), result)


def error_bytes(error: RpcError, request_id: Id | None = None) -> bytes:
    """Write a refusal; the id is null when nobody could read it."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    known = error.request_id if request_id is None else request_id
    return orjson.dumps({"jsonrpc": "2.0", "id": known, "error": body})


def notification_bytes(method: str, params: Params) -> bytes:
    """Write a notification."""
    return orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params})


def embedded(raw: bytes) -> Any:
    """Return JSON bytes of a peer as something that can stand inside an answer, byte for byte.

    Bytes that contain line ends are read and written anew, because server-sent events and
    stdio end a message there.
    Raises: ValueError for what is not JSON.
    """
    value = orjson.loads(raw)
    if b"\n" in raw or b"\r" in raw:
        return value
    return orjson.Fragment(raw)
