"""The official client's dispatcher, with two differences.

It says when it is closed, and one wrong entry of a list does not take the others with it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import mcp_types as types
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
        return raw

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
