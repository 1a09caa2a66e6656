"""Which client sends a request, and in which era: read from headers, `_meta` and session id."""

from collections.abc import Set

from mcpmesh.bridge.exchange import Peer, client_name, meta_of
from mcpmesh.bridge.handshake import negotiated
from mcpmesh.bridge.header_value import decoded_header
from mcpmesh.bridge.http_message import Headers
from mcpmesh.bridge.session import Session, Sessions
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, SHOWN, Params, Request, RpcError
from mcpmesh.model.principal import ANONYMOUS, Principal

VERSION_HEADER = b"mcp-protocol-version"
SESSION_HEADER = b"mcp-session-id"
_MODERN_HEADERS = frozenset(version.encode() for version in mcp.MODERN)


class SessionGone(Exception):
    """The session id is forged, another's, expired or ended; over HTTP that is a 404."""


def is_modern(method: str, params: Params, headers: Headers) -> bool:
    """Tell the era of a message: modern ones say so, in `_meta` or in a header."""
    return (
        mcp.PROTOCOL_VERSION in meta_of(params)
        or headers.get(VERSION_HEADER) in _MODERN_HEADERS
        or method == "server/discover"
    )


def modern_peer(params: Params, principal: Principal = ANONYMOUS) -> Peer:
    """Read who sends a modern request.

    Raises: RpcError -32602 for `_meta` that lacks what is required, -32022 for the version.
    """
    meta = params.get("_meta")
    if type(meta) is not dict:
        raise RpcError(INVALID_PARAMS, '"_meta" is missing, or is not an object')
    for key in (mcp.PROTOCOL_VERSION, mcp.CLIENT_CAPABILITIES):
        if key not in meta:
            raise RpcError(INVALID_PARAMS, f'"_meta" lacks {key}')
    version, capabilities = meta[mcp.PROTOCOL_VERSION], meta[mcp.CLIENT_CAPABILITIES]
    if type(version) is not str:
        raise RpcError(INVALID_PARAMS, f"{mcp.PROTOCOL_VERSION} is not a string")
    if type(capabilities) is not dict:
        raise RpcError(INVALID_PARAMS, f"{mcp.CLIENT_CAPABILITIES} is not an object")
    client = client_name(meta.get(mcp.CLIENT_INFO))
    return Peer(version, True, client, capabilities, principal=principal)


def check_version(version: str) -> None:
    """Refuse a revision that is not of the modern era.

    Raises: RpcError -32022.
    """
    if version not in mcp.MODERN:
        raise mcp.unsupported_version(version, modern=True)


def check_headers(request: Request, peer: Peer, headers: Headers, twice: Set[bytes]) -> None:
    """Compare a modern request's headers with its body; `twice` has those given more than once.

    Raises: RpcError -32020.
    """
    _match(headers, twice, VERSION_HEADER, peer.version)
    _match(headers, twice, b"mcp-method", request.method)
    key = mcp.NAMED.get(request.method)
    if key is not None and type(named := request.params.get(key)) is str:
        _match(headers, twice, b"mcp-name", named)


def _match(headers: Headers, twice: Set[bytes], name: bytes, expected: str) -> None:
    value = headers.get(name)
    if value is not None and value == expected.encode() and name not in twice:
        return
    shown = name.decode().title()
    if value is None:
        raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} is missing")
    if name in twice:
        raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} is given more than once")
    text = decoded_header(value)
    if text != expected:
        said = "is malformed" if text is None else f"says {text[:SHOWN]!r}"
        raise RpcError(
            mcp.HEADER_MISMATCH, f"header {shown} {said}, the body says {expected[:SHOWN]!r}"
        )


def legacy_peer(
    method: str, params: Params, headers: Headers, sessions: Sessions, principal: Principal
) -> Peer:
    """Read who sends a legacy message over HTTP; without a session id it stands alone.

    Raises: RpcError -32022 for a version header that names none of ours, SessionGone.
    """
    if method == "initialize":
        asked = params.get("protocolVersion")
        version = negotiated(asked if type(asked) is str else "")
        return Peer(version, False, principal=principal)
    version = headers.get(VERSION_HEADER, b"").decode("latin-1")
    if version and version not in mcp.LEGACY:
        raise mcp.unsupported_version(version, modern=False)
    token = headers.get(SESSION_HEADER)
    if token is None:
        return Peer(version or mcp.WITHOUT_HEADER, False, principal=principal)
    session = known_session(token, sessions, principal)
    return Peer(
        session.version,
        False,
        session.client,
        session.capabilities,
        session.id,
        principal=principal,
    )


def known_session(token: bytes, sessions: Sessions, principal: Principal) -> Session:
    """Read a session id that this principal was given.

    Raises: SessionGone.
    """
    session = sessions.read(token.decode("latin-1"), principal)
    if session is None:
        raise SessionGone
    return session


def session_gone() -> RpcError:
    """Return what a client with a lost session is told."""
    return RpcError(INVALID_REQUEST, "the session is unknown or over; send initialize again")
