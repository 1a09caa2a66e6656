"""One request and who sent it: what every method's handler gets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpmesh.bridge.kept_stream import KeptStream
from mcpmesh.bridge.observer import CallObservation
from mcpmesh.bridge.view import View
from mcpmesh.codec.jsonrpc import Request
from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.model.trace import TraceContext

#: Sends one JSON-RPC notification that belongs to the request, ahead of its answer.
Notify = Callable[[bytes], Awaitable[None]]

#: How the scope of a client begins that has one connection, and no session beyond it.
OF_A_CONNECTION = "sse:"
_NOTHING: Mapping[str, Any] = {}
MAX_CLIENT_CHARACTERS = 128


@dataclass(slots=True)
class Peer:
    """A client as one request shows it.

    `client` is its name and version, fit for a header, or empty. `scope` is where its request
    ids are unique and can be cancelled by name; empty means: nowhere. `principal` is whom the
    client proved to be, whatever it says.
    """

    version: str
    modern: bool
    client: str = ""
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    scope: str = ""
    transport: str = "http"
    principal: Principal = ANONYMOUS


@dataclass(slots=True)
class Links:
    """Where a request comes from, in the words of tracing."""

    parent: TraceContext | None = None
    baggage: str = ""
    correlation_id: str = ""


@dataclass(slots=True)
class Exchange:
    """A request being answered.

    `cancel` raises CancelledError where the answering waits.
    `open` opens a stream to a client that can be asked on it; it gives None when the client takes
    none. `kept` is the answer's stream, if it has become one. `observation` is set before a
    handler runs; a handler sets `error_type` when it answers with a failure that is not an error,
    and `session` when the client got a new session id. `view` is what lists show; None shows all.
    """

    peer: Peer
    links: Links
    cancel: Callable[[], object]
    notify: Notify | None = None
    open: Callable[["Exchange"], Awaitable[Notify | None]] | None = None
    kept: KeptStream | None = None
    observation: CallObservation | None = None
    error_type: str | None = None
    session: str = ""
    view: View | None = None

    def interrupt(self) -> None:
        """Cancel the answering, wherever it is done by now."""
        self.cancel()


#: Answers a request with the bytes of a response. Raises: RpcError, MeshError.
Handler = Callable[[Request, Exchange], Awaitable[bytes]]


@dataclass(slots=True)
class Answer:
    """What goes back. `status` is what HTTP says of it."""

    body: bytes
    status: int = 200
    correlation_id: str = ""
    session: str = ""


def client_name(info: Any) -> str:
    """Return a client's name and version as a header can carry them; empty when unusable."""
    if not isinstance(info, dict):
        return ""
    name, version = info.get("name"), info.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return ""
    text = f"{name}/{version}"[:MAX_CLIENT_CHARACTERS]
    return text if text.isascii() and text.isprintable() else ""


def meta_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request's `_meta`, an empty one when there is none or it is malformed."""
    meta = params.get("_meta")
    return meta if type(meta) is dict else _NOTHING
