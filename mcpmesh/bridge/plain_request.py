"""What a program asks for over plain HTTP: a tool, its arguments, and how it wants the answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from mcpmesh.bridge.asking import Asking
from mcpmesh.bridge.depth import check_depth
from mcpmesh.bridge.http_message import Headers, HttpRefusal, HttpRequest
from mcpmesh.bridge.kept_answers import MAX_KEY_CHARACTERS
from mcpmesh.codec.jsonrpc import RpcError, decode
from mcpmesh.codec.metadata import parse_timeout
from mcpmesh.errors import InvalidCall, ToolNotFound
from mcpmesh.model.principal import Principal
from mcpmesh.model.tool import check_name
from mcpmesh.v1 import invoke_pb2

#: A body that says more than the arguments: answers to what a tool asked back, `_meta`.
ENVELOPE = b"application/vnd.mcpmesh.invoke+json"
KEY_HEADER = b"idempotency-key"
_KEY = re.compile(rb"[\x20-\x7e]{1,%d}" % MAX_KEY_CHARACTERS)


@dataclass(slots=True)
class PlainRequest:
    """A call as a program asks for it, and who asks.

    Units: `timeout` in seconds, None for any time. `key` is for sending the same again.
    """

    invoke: invoke_pb2.InvokeRequest
    headers: Headers
    principal: Principal
    timeout: float | None
    key: str | None

    def digest(self) -> bytes:
        """Return what is equal when the same is asked for."""
        return sha256(self.invoke.SerializeToString(deterministic=True)).digest()

    def owned_key(self) -> str:
        """Return the key as one of this caller: another one who hits upon it means another."""
        shown = self.headers.get(b"authorization", b"")
        whose = sha256(b"%b\0%b" % (self.principal.name.encode(), shown)).hexdigest()
        return f"{whose} {self.key}"


class PlainReader:
    """Reads requests. Units: `max_depth` in levels of JSON."""

    def __init__(self, asking: Asking, max_depth: int) -> None:
        self._asking = asking
        self._max_depth = max_depth

    def read(
        self, request: HttpRequest, principal: Principal, tool: str, version: str
    ) -> PlainRequest:
        """Read what is asked of a tool.

        Raises: ToolNotFound, InvalidCall, HttpRefusal 400.
        """
        headers = request.head.headers
        invoke = self._invoke(request, principal, tool, version)
        return PlainRequest(invoke, headers, principal, _timeout(headers), _key(headers))

    def _invoke(
        self, request: HttpRequest, principal: Principal, tool: str, version: str
    ) -> invoke_pb2.InvokeRequest:
        try:
            check_name("tool name", tool)
        except InvalidCall as exc:
            raise ToolNotFound(f"no tool has such a name: {exc.message}") from exc
        if version:
            check_name("tool version", version)
        said = _body(request, self._max_depth)
        enveloped = _is_envelope(request.head.headers)
        arguments = (said.get("arguments") or {}) if enveloped else said
        if type(arguments) is not dict:
            raise InvalidCall(f'{tool}: "arguments" is not an object')
        try:
            invoke = invoke_pb2.InvokeRequest(
                tool=tool,
                version=version,
                arguments=orjson.dumps(arguments) if arguments else b"",
            )
            if enveloped:
                self._add_rest(invoke, said, principal)
        except TypeError as exc:  # orjson reads 1,024 levels and writes 254
            raise InvalidCall(f"{tool}: the arguments nest too deep") from exc
        except RpcError as exc:
            raise InvalidCall(exc.message) from exc
        return invoke

    def _add_rest(
        self, invoke: invoke_pb2.InvokeRequest, said: Mapping[str, Any], principal: Principal
    ) -> None:
        """Add what an envelope has beside the arguments, which a state is bound to.

        Raises: InvalidCall, RpcError.
        """
        meta = said.get("_meta")
        if meta is not None and type(meta) is not dict:
            raise InvalidCall(f'{invoke.tool}: "_meta" is not an object')
        if meta:
            invoke.meta = orjson.dumps(meta)
        self._asking.add_answers(invoke, said, principal)


def _body(request: HttpRequest, max_depth: int) -> dict[str, Any]:
    """Read the body; an empty one says nothing.

    Raises: InvalidCall, HttpRefusal 400 for one that nests too deep.
    """
    if not request.body:
        return {}
    try:
        said = decode(request.body)
    except RpcError as exc:
        raise InvalidCall(exc.message) from exc
    check_depth(request.body, said, max_depth)
    if type(said) is not dict:
        raise InvalidCall("the body is not a JSON object of arguments")
    return said


def _is_envelope(headers: Headers) -> bool:
    kind, _, _ = headers.get(b"content-type", b"").partition(b";")
    return kind.strip().lower() == ENVELOPE


def _timeout(headers: Headers) -> float | None:
    """Read the longest the call may take.

    Raises: InvalidCall.
    """
    value = headers.get(b"grpc-timeout")
    return None if value is None else parse_timeout(value)


def _key(headers: Headers) -> str | None:
    """Read the idempotency key.

    Raises: HttpRefusal 400.
    """
    value = headers.get(KEY_HEADER)
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise HttpRefusal(400, f"{KEY_HEADER.decode()} is not 1 to {MAX_KEY_CHARACTERS} ASCII")
    return value.decode()
