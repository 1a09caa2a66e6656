"""The official client's dispatcher, with three differences.

It says when it is closed, one wrong entry of a list does not take the others with it, and the
answer to a call that a server runs as a task is the task's result.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.shared.dispatcher import CallOptions
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from pydantic import BaseModel, ValidationError

_LOG = logging.getLogger("mcpmesh.adopt")
#: Lists by method: the member that holds the entries, what one is, and what it is called.
_LISTS: Mapping[str, tuple[str, type[BaseModel], str]] = {
    "tools/list": ("tools", types.Tool, "name"),
    "prompts/list": ("prompts", types.Prompt, "name"),
    "resources/list": ("resources", types.Resource, "uri"),
    "resources/templates/list": ("resourceTemplates", types.ResourceTemplate, "uriTemplate"),
}
_SHOWN = 100
#: Seconds that a server gets to take note that a task is cancelled.
_CANCEL_WITHIN = 1.0


class SoundDispatcher(JSONRPCDispatcher[TransportContext]):
    """A dispatcher whose `closed` is set once nothing can be asked any more."""

    def __init__(self, reading: Any, writing: Any, name: str) -> None:
        super().__init__(reading, writing)
        self.closed = asyncio.Event()
        self._name = name

    async def run(self, *args: Any, **options: Any) -> None:
        """Read until the other side ends."""
        try:
            await super().run(*args, **options)
        finally:
            self.closed.set()

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Make a request; of lists, return what is sound."""
        raw = await super().send_raw_request(method, params, opts, **options)
        if method in _LISTS:
            _drop_unsound(raw, *_LISTS[method], warn=self._warn)
        task = raw.get("task")
        if method == "tools/call" and isinstance(task, dict) and "taskId" in task:
            return await self._result_of(task["taskId"], opts)
        return raw

    async def _result_of(self, task: object, opts: CallOptions | None) -> dict[str, Any]:
        """Wait for the result of a task (2025-11-25), which the server holds back until then."""
        about = {"taskId": task}
        try:
            return await super().send_raw_request("tasks/result", about, opts)
        except asyncio.CancelledError:
            # Giving up the wait is not giving up the task.
            cancelling = super().send_raw_request(
                "tasks/cancel", about, {"timeout": _CANCEL_WITHIN}
            )
            with anyio.CancelScope(shield=True), contextlib.suppress(MCPError):
                await cancelling
            raise

    def _warn(self, what: str, why: str) -> None:
        _LOG.warning("%s: leaves out %s: %s", self._name, what, why)


def _drop_unsound(
    raw: dict[str, Any],
    member: str,
    kind: type[BaseModel],
    key: str,
    *,
    warn: Callable[[str, str], None],
) -> None:
    """Take the entries out of a list that are none; tell of each."""
    entries = raw.get(member)
    if not isinstance(entries, list):
        return
    kept = []
    for entry in entries:
        try:
            kind.model_validate(entry, by_name=False)
        except ValidationError as error:
            name = entry.get(key) if isinstance(entry, dict) else None
            detail = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, detail["loc"]))
            warn(f"an entry of {member}, {str(name)[:_SHOWN]!r}", f"{where}: {detail['msg']}")
        else:
            kept.append(entry)
    raw[member] = kept
