"""Plain HTTP for programs: the tools as documents, and calls of them, without JSON-RPC."""

import re
import time
from urllib.parse import parse_qsl

from mcpmesh.bridge.http_gate import accepts
from mcpmesh.bridge.http_house import Stream
from mcpmesh.bridge.http_message import JSON, Header, HttpAnswer, HttpRefusal, HttpRequest
from mcpmesh.bridge.kept_answers import KeptAnswers
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.plain_answer import failed, refused
from mcpmesh.bridge.plain_call import PlainCalls
from mcpmesh.bridge.plain_request import ENVELOPE
from mcpmesh.bridge.tool_documents import Document, Kind, ToolDocuments
from mcpmesh.bridge.view import View, labels_of
from mcpmesh.codec.jsonrpc import SHOWN
from mcpmesh.codec.manifest import TOOL_PATH
from mcpmesh.errors import MeshError, NoReplica, NotReady
from mcpmesh.policy.access import Scope

_TOOLS = TOOL_PATH.encode()
_INVOKE = b"/invoke"
_MANIFEST = b"/manifest"
#: Documents of all tools, and what may stand in their queries.
_DOCUMENTS: dict[bytes, tuple[Kind, frozenset[str]]] = {
    b"/manifest": ("manifest", frozenset({"label"})),
    b"/openai/tools": ("chat", frozenset({"label", "style"})),
    b"/openapi.json": ("openapi", frozenset({"label"})),
}
_MAX_FIELDS = 16
_GET = b"GET, HEAD, OPTIONS"
_POST = b"POST, OPTIONS"
_EVENTS = b"text/event-stream"
#: A tool's name as OpenAI's API has it, where its own will not do.
_STAND_IN = re.compile(r"-[0-9a-f]{8}$", re.ASCII)
#: Kept by whoever asks, and asked for again with the ETag each time.
_CACHE: Header = (b"cache-control", b"no-cache")


def is_plain(path: bytes) -> bool:
    """Tell whether a path is one of plain HTTP."""
    return path.startswith(_TOOLS) or path in _DOCUMENTS


class PlainHttp:
    """Answers programs that speak plain HTTP."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        tuning = bridge.tuning
        self._documents = ToolDocuments(bridge.mesh, bridge.info, tuning.first_list_timeout)
        self._labels = bridge.settings.list_labels
        kept = KeptAnswers(tuning.kept_answer_ttl, tuning.max_kept_answer_bytes, time.monotonic)
        self._calls = PlainCalls(bridge, kept)

    async def __call__(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer one request to a path of plain HTTP."""
        try:
            return await self._answer(request, stream)
        except HttpRefusal as refusal:
            return refused(refusal)
        except MeshError as error:
            return failed(error)

    async def _answer(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer by path and method.

        Raises: HttpRefusal, MeshError.
        """
        head = request.head
        path, method = head.path, head.method
        if path.startswith(_TOOLS) and path.endswith(_INVOKE):
            if method != b"POST":
                return _not_allowed(method, _POST)
            name = path[len(_TOOLS) : -len(_INVOKE)]
            return await self._call(request, stream, name.decode("utf-8", "replace"))
        if method not in (b"GET", b"HEAD"):
            return _not_allowed(method, _GET)
        if not accepts(head.headers.get(b"accept", b"*/*"), JSON[1]):
            raise HttpRefusal(406, "accept names neither application/json nor a wildcard")
        try:
            scope = self._bridge.views.scope(stream.principal)
            return _given(await self._document(path, head.query, scope), request)
        except NotReady as error:  # the mesh's tools are not known yet: that passes
            raise NoReplica(error.message, retry_after_ms=1000) from error

    async def _document(self, path: bytes, query: bytes, scope: Scope | None) -> Document:
        """Return what is at a path for who may call what `scope` has.

        Raises: HttpRefusal 400, MeshError.
        """
        if path in _DOCUMENTS:
            kind, known = _DOCUMENTS[path]
            fields = _fields(query, known)
            for name, value in fields:
                if name == "style":
                    kind = _style(value)
            given = (value for name, value in fields if name == "label")
            labels = labels_of((*self._labels, *given))
            return await self._documents.document(kind, View(labels=labels, scope=scope))
        name = path[len(_TOOLS) :].removesuffix(_MANIFEST).decode("utf-8", "replace")
        versions = [value for _, value in _fields(query, frozenset({"version"}))]
        version = versions[-1] if versions else ""
        return await self._documents.manifest(name, version, View(scope=scope))

    async def _call(self, request: HttpRequest, stream: Stream, name: str) -> HttpAnswer | None:
        """Call a tool.

        Raises: HttpRefusal 400, 406, 415; MeshError.
        """
        head = request.head
        headers = head.headers
        if b"content-encoding" in headers:
            raise HttpRefusal(415, "content-encoding is not taken; send the JSON as it is")
        kind, _, _ = headers.get(b"content-type", b"").partition(b";")
        if request.body and kind.strip().lower() not in (JSON[1], ENVELOPE):
            raise HttpRefusal(415, f"content-type is not application/json or {ENVELOPE.decode()}")
        accept = headers.get(b"accept", b"*/*")
        events = _EVENTS in accept.lower()
        if not events and not accepts(accept, JSON[1]):
            raise HttpRefusal(406, "accept names neither application/json nor text/event-stream")
        version = headers.get(b"mcpmesh-tool-version", b"").decode("latin-1")
        for _, value in _fields(head.query, frozenset({"version"})):
            version = value
        if _STAND_IN.search(name):
            name = self._documents.tool_name(name)
        return await self._calls(request, stream, name, version, events=events)


def _given(document: Document, request: HttpRequest) -> HttpAnswer:
    """Give a document, or word that the program has it."""
    fields: tuple[Header, ...] = ((b"etag", document.etag), _CACHE)
    known = request.head.headers.get(b"if-none-match")
    if known is not None and _names(known, document.etag):
        return HttpAnswer(304, b"", fields)
    return HttpAnswer(200, document.body, (JSON, *fields))


def _names(known: bytes, etag: bytes) -> bool:
    """Tell whether If-None-Match names an ETag. Source: RFC 9110, section 13.1.2."""
    return known.strip() == b"*" or any(
        each.strip().removeprefix(b"W/") == etag for each in known.split(b",")
    )


def _not_allowed(method: bytes, allowed: bytes) -> HttpAnswer:
    """Tell which methods a path has: to who asks, and to who took another."""
    field: Header = (b"allow", allowed)
    if method == b"OPTIONS":
        return HttpAnswer(204, headers=(field,))
    return refused(HttpRefusal(405, f"the methods here are {allowed.decode()}", (field,)))


def _fields(query: bytes, known: frozenset[str]) -> list[tuple[str, str]]:
    """Read a query; a filter that is ignored would give too much.

    Raises: HttpRefusal 400.
    """
    if not query:
        return []
    try:
        fields = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as exc:
        raise HttpRefusal(400, f"the query has over {_MAX_FIELDS} fields, or is no UTF-8") from exc
    for name, _ in fields:
        if name not in known:
            words = ", ".join(sorted(known))
            raise HttpRefusal(400, f"unknown field {name[:SHOWN]!r} in the query; known: {words}")
    return fields


def _style(value: str) -> Kind:
    """Read how functions are to be written.

    Raises: HttpRefusal 400.
    """
    match value:
        case "chat" | "responses":
            return value
    raise HttpRefusal(400, f"style {value[:SHOWN]!r} is neither chat nor responses")
