"""What calls have in common that should meet at one replica: read from a call's head or message."""

from collections.abc import Callable

import orjson
from google.protobuf.message import DecodeError

from mcpmesh.stack.call import Call
from mcpmesh.v1.invoke_pb2 import InvokeRequest
from mcpmesh.wire.message import PREFIX_BYTES

#: Of MCP over HTTP; the bridge passes it on.
SESSION = "mcp-session-id"
_MAX_CHARACTERS = 1024


class AffinityKeys:
    """Reads keys; remembers how each setting is read."""

    def __init__(self) -> None:
        self._readers: dict[str, Callable[[Call], str]] = {}

    def of(self, call: Call, setting: str) -> str:
        """Return the key of a call; empty for one that has none."""
        if not setting:
            return ""
        read = self._readers.get(setting)
        if read is None:
            read = self._readers[setting] = _reader(setting)
        return read(call)[:_MAX_CHARACTERS]


def _reader(setting: str) -> Callable[[Call], str]:
    source, _, name = setting.partition(":")
    if source == "argument":
        return lambda call: _argument(call, name)
    field = (name or SESSION).lower().encode()
    return lambda call: _metadata(call, field)


def _metadata(call: Call, name: bytes) -> str:
    # Few fields, and the same tuple for all calls with this head.
    for field in call.head.forward:
        if field[0] == name:
            return field[1].decode("latin-1")
    return ""


def _argument(call: Call, name: str) -> str:
    """Return an argument as JSON; dots lead into objects. A compressed message is not opened."""
    body = call.body
    if not body or body[0]:
        return ""
    try:
        end = PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES], "big")
        value = orjson.loads(InvokeRequest.FromString(body[PREFIX_BYTES:end]).arguments)
    except (DecodeError, orjson.JSONDecodeError):
        return ""
    for step in (name,) if isinstance(value, dict) and name in value else name.split("."):
        if not isinstance(value, dict) or step not in value:
            return ""
        value = value[step]
    return value if isinstance(value, str) else orjson.dumps(value).decode()
