"""Writes a call anew for another tool."""

from dataclasses import replace

from mcpmesh.codec.renamed import renamed_head, renamed_message
from mcpmesh.errors import MeshError
from mcpmesh.rpc.compression import decompress
from mcpmesh.stack.call import Call
from mcpmesh.wire.message import PREFIX_BYTES, frame_message


class Renaming:
    """Puts another tool's name and version, empty for any, into a call's head and message.

    Units: `max_message_bytes` of the message, inflated.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes

    def __call__(self, call: Call, tool: str, version: str) -> bool:
        """Write the call; False for a message that cannot be opened, which stays as it is."""
        message = call.body[PREFIX_BYTES:]
        if call.body[0]:
            try:
                message = decompress(call.head.encoding, message, self._max_message_bytes)
            except MeshError:
                return False
        call.body = frame_message(renamed_message(message, tool, version))
        head = call.head
        forward = renamed_head(head.forward, tool, version)
        call.head = replace(head, forward=forward, tool=tool, version=version)
        return True
