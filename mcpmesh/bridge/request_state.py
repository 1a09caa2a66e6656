"""The state of a tool that asks back, on its way through the client.

Signed, because a client must be taken for an attacker: bound to the tool, and good for a while.
"""

from hashlib import sha256

from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, RpcError

PURPOSE = b"request-state"
_TIME_BYTES = 8
_TOOL_BYTES = 8


def sealed_state(signer: Signer, tool: str, state: bytes, expires: float) -> str:
    """Write a tool's state for the client to keep. `expires` in seconds since the epoch."""
    return signer.sign(PURPOSE, int(expires).to_bytes(_TIME_BYTES, "big") + _mark(tool) + state)


def opened_state(signer: Signer, tool: str, text: str, now: float) -> bytes:
    """Read what the client kept.

    Raises: RpcError -32602 for what was changed, is for another tool, or came too late.
    """
    payload = signer.open(PURPOSE, text)
    if payload is None:
        raise RpcError(INVALID_PARAMS, "requestState was not written by this server; call anew")
    expires = int.from_bytes(payload[:_TIME_BYTES], "big")
    if payload[_TIME_BYTES : _TIME_BYTES + _TOOL_BYTES] != _mark(tool):
        raise RpcError(INVALID_PARAMS, f"requestState belongs to another tool than {tool}")
    if expires < now:
        raise RpcError(INVALID_PARAMS, "requestState has expired; call the tool anew")
    return payload[_TIME_BYTES + _TOOL_BYTES :]


def _mark(tool: str) -> bytes:
    return sha256(tool.encode()).digest()[:_TOOL_BYTES]
