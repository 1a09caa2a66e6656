"""A call that takes arguments more than once, while its events come back."""

import asyncio
from typing import TypeVar

import grpc

from mcpmesh.errors import LocalProtocolError
from mcpmesh.sdk.call_stream import CallStream, Start
from mcpmesh.sdk.outgoing import Arguments, Outgoing, encoded, unanswered
from mcpmesh.sdk.rpc_error import mesh_error
from mcpmesh.v1 import invoke_pb2, tool_pb2

T = TypeVar("T")


class Conversation(CallStream[T]):
    """A call that goes both ways: `send` arguments, iterate over the events.

    One task may send while another iterates; two must not send at the same time.
    """

    def __init__(self, start: Start, call: Outgoing, result_type: type[T] | None = None) -> None:
        super().__init__(start, call, result_type)
        self._named = False

    async def send(self, arguments: Arguments | None = None, /) -> None:
        """Send arguments; waits while the peer is slow.

        Raises: InvalidCall for what is not JSON, LocalProtocolError after the end, MeshError for
        the reason when the call was lost.
        """
        message = self._message(encoded(self._call.tool, arguments or {}))
        self._open()
        try:
            await self._rpc.write(message)
        except grpc.RpcError as exc:
            raise mesh_error(exc) from exc
        except asyncio.InvalidStateError as exc:
            raise LocalProtocolError(f"{self._call.tool}: the conversation has ended") from exc

    async def done_writing(self) -> None:
        """Tell the tool that nothing more will be sent."""
        self._open()
        await self._rpc.done_writing()

    async def _answer(self, asked: tool_pb2.InputRequired) -> None:
        # A conversation cannot be made again with the answers: what it was told is gone.
        raise unanswered(self._call.tool, asked)

    def _message(self, arguments: bytes) -> invoke_pb2.InvokeRequest:
        """Write a message; the first names the tool, the rest follow it."""
        if self._named:
            return invoke_pb2.InvokeRequest(arguments=arguments)
        self._named = True
        message = invoke_pb2.InvokeRequest()
        message.CopyFrom(self._call.request)
        message.arguments = arguments
        return message
