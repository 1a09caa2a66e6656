"""The tools of the mesh as they change, through lost connections and restarts of the router."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import grpc

from mcpmesh import errors
from mcpmesh.policy.backoff import Backoff
from mcpmesh.sdk.rpc_error import mesh_error
from mcpmesh.sdk.tool_info import ToolInfo, tool_info
from mcpmesh.v1 import discovery_pb2

#: Between two tries to watch.
BACKOFF = Backoff()

#: Watching again cannot help against these.
FINAL = (
    errors.InvalidCall,
    errors.MethodNotFound,
    errors.PermissionDenied,
    errors.Unauthenticated,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tools as they are now; replaces what the watcher knew."""

    tools: tuple[ToolInfo, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Updated:
    """A tool that came or changed: its schema, or its number of replicas."""

    info: ToolInfo
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A tool, or a version of one, that is gone."""

    name: str
    version: str
    cursor: str = ""


CatalogEvent = Snapshot | Updated | Removed
#: Starts the RPC that watches.
Start = Callable[[discovery_pb2.WatchToolsRequest], Any]


async def watch_catalog(
    start: Start, labels: Mapping[str, str], rng: Random, backoff: Backoff = BACKOFF
) -> AsyncGenerator[CatalogEvent]:
    """Yield a snapshot and every change, for ever; after a loss it goes on where it was.

    Raises: MeshError when the first try fails, later only for what trying again cannot mend.
    """
    cursor, seen, failures = "", False, 0
    while True:
        rpc = start(discovery_pb2.WatchToolsRequest(cursor=cursor, labels=labels))
        try:
            async for message in rpc:
                cursor, seen, failures = message.cursor or cursor, True, 0
                event = _event(message)
                if event is None:
                    break
                yield event
        except grpc.RpcError as exc:
            error = mesh_error(exc)
            if not seen or isinstance(error, FINAL):
                raise error from exc
        finally:
            rpc.cancel()
        failures += 1
        await asyncio.sleep(backoff.wait(failures, rng))


def _event(message: discovery_pb2.CatalogEvent) -> CatalogEvent | None:
    """Read a change; None means: watch again."""
    kind = message.WhichOneof("change")
    if kind == "snapshot":
        tools = tuple(tool_info(status) for status in message.snapshot.tools)
        return Snapshot(tools, message.cursor)
    if kind == "updated":
        return Updated(tool_info(message.updated), message.cursor)
    if kind == "removed":
        return Removed(message.removed.name, message.removed.version, message.cursor)
    return None
