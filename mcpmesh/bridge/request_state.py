"""The state of a tool that asks back, on its way through the client.

Signed, because a client must be taken for an attacker: bound to the caller, as far as that
one proved who it is, and to the call, that is the tool and its arguments, and good for a while.
"""

from hashlib import sha256

import orjson

from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, RpcError
from mcpmesh.model.principal import ANONYMOUS, Principal

PURPOSE = b"request-state"
_TIME_BYTES = 8
_CALL_BYTES = 16


def sealed_state(
    signer: Signer,
    tool: str,
    arguments: bytes,
    state: bytes,
    expires: float,
    principal: Principal = ANONYMOUS,
) -> str:
    """Write a tool's state for the client to keep. `expires` in seconds since the epoch."""
    call = _mark(tool, arguments)
    payload = int(expires).to_bytes(_TIME_BYTES, "big") + call + state
    return signer.sign(PURPOSE, payload, principal)


def opened_state(
    signer: Signer,
    tool: str,
    arguments: bytes,
    text: str,
    now: float,
    principal: Principal = ANONYMOUS,
) -> bytes:
    """Read what the client kept; `arguments` are the JSON bytes of those that it calls with now.

    Raises: RpcError -32602 for what was changed, is another's, is for another call, or came too
    late.
    """
    payload = signer.open(PURPOSE, text, principal)
    if payload is None:
        raise RpcError(
            INVALID_PARAMS, "requestState was not written by this server for this caller; call anew"
        )
    expires = int.from_bytes(payload[:_TIME_BYTES], "big")
    if payload[_TIME_BYTES : _TIME_BYTES + _CALL_BYTES] != _mark(tool, arguments):
        raise RpcError(
            INVALID_PARAMS,
            f"requestState belongs to another call than this one of {tool}; repeat its arguments",
        )
    if expires < now:
        raise RpcError(INVALID_PARAMS, "requestState has expired; call the tool anew")
    return payload[_TIME_BYTES + _CALL_BYTES :]


def _mark(tool: str, arguments: bytes) -> bytes:
    """Return what stands for a call, however its arguments are written."""
    value = orjson.loads(arguments or b"{}")
    text = orjson.dumps([tool, value], option=orjson.OPT_SORT_KEYS)
    return sha256(text).digest()[:_CALL_BYTES]
