"""Batches of JSON-RPC messages, which one old revision has; some of a batch run side by side."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from mcpmesh.bridge.exchange import Exchange, Peer
from mcpmesh.bridge.methods import Bridge
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INVALID_REQUEST,
    Notification,
    Request,
    RpcError,
    error_bytes,
    message_of,
)
from mcpmesh.errors import MeshError

#: Makes the exchange of a request, from it and how to cancel its answering.
Begin = Callable[[Request, Callable[[], object]], Exchange]


def check_batch(values: Sequence[Any], peer: Peer, limit: int) -> None:
    """Refuse a batch of a revision that has none, an empty one, and one too long.

    Raises: RpcError -32600.
    """
    if peer.version != mcp.WITH_BATCHES:
        raise RpcError(INVALID_REQUEST, f"protocol version {peer.version} has no batches")
    if not 0 < len(values) <= limit:
        raise RpcError(INVALID_REQUEST, f"a batch has 1 to {limit} messages, not {len(values)}")


async def batch_answers(
    bridge: Bridge, values: Sequence[Any], peer: Peer, begin: Begin
) -> list[bytes]:
    """Answer each message that wants an answer, in their order.

    Raises: MeshError when there is none, and a message is for another bridge that is away.
    """
    places = asyncio.Semaphore(bridge.tuning.batch_width)
    lost: list[MeshError] = []

    async def answer(value: Any) -> bytes | None:
        async with places:
            try:
                return await _answer(bridge, value, peer, begin)
            except MeshError as error:
                lost.append(error)
                return None

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(answer(value)) for value in values]
    bodies = [body for task in started if (body := task.result()) is not None]
    if lost and not bodies:
        raise lost[0]
    return bodies


async def _answer(bridge: Bridge, value: Any, peer: Peer, begin: Begin) -> bytes | None:
    """Answer one message; None for one that wants no answer.

    Raises: MeshError for one that is for another bridge.
    """
    try:
        message = message_of(value)
    except RpcError as error:
        return error_bytes(error)
    if isinstance(message, Request):
        if message.method == "initialize":
            refusal = RpcError(INVALID_REQUEST, "initialize cannot be part of a batch")
            return error_bytes(refusal, message.id)
        task = asyncio.current_task()
        assert task is not None
        answer = await bridge.answer(message, begin(message, task.cancel))
        return answer.body if answer else None
    if isinstance(message, Notification):
        await bridge.notified(message, peer)
    else:
        await bridge.responded(message, peer)
    return None
