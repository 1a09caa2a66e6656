"""What an MCP server asks and says of itself: to whom it goes."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import mcp_types as types
from pydantic import ValidationError

from mcpmesh.adopt.mcp_call import CURRENT, McpCall
from mcpmesh.adopt.mcp_links import DoneLinks
from mcpmesh.adopt.mcp_turns import NobodyAsked, Turns

_LOG = logging.getLogger("mcpmesh.upstream")
_LIST_CHANGES = (
    types.ToolListChangedNotification,
    types.PromptListChangedNotification,
    types.ResourceListChangedNotification,
)


class Callbacks:
    """Answers the requests of one server, and hears its notifications.

    `on_change` is called when one of its lists may have changed; `done` has the pages that its
    users are done with.
    """

    def __init__(
        self, name: str, turns: Turns, roots: Sequence[str], on_change: Callable[[], None]
    ) -> None:
        self._name = name
        self._turns = turns
        self._roots = roots
        self._on_change = on_change
        self.done = DoneLinks()

    async def elicit(self, context: Any, params: Any) -> Any:
        """Answer elicitation/create."""
        return await self._ask("elicitation/create", params, types.ElicitResult)

    async def sample(self, context: Any, params: Any) -> Any:
        """Answer sampling/createMessage."""
        return await self._ask("sampling/createMessage", params, types.CreateMessageResult)

    async def list_roots(self, context: Any) -> Any:
        """Answer roots/list."""
        # Not the caller's: what all callers share must not work where one of them wants it to.
        roots = [types.Root.model_validate({"uri": uri}) for uri in self._roots]
        return types.ListRootsResult(roots=roots)

    async def _ask(self, method: str, params: Any, result: Any) -> Any:
        """Have the caller of the call that asks asked."""
        try:
            call = CURRENT.get() or await self._turns.asker()
        except NobodyAsked as error:
            return types.ErrorData(code=types.INVALID_REQUEST, message=f"cannot ask: {error}")
        assert isinstance(call, McpCall)
        asked = params.model_dump(by_alias=True, mode="json", exclude_none=True)
        asked.pop("_meta", None)
        answer = await call.ask(method, asked)
        try:
            return result.model_validate(answer, by_name=False)
        except ValidationError:
            return types.ErrorData(
                code=types.INVALID_PARAMS, message=f"the answer is no result of {method}"
            )

    async def log(self, params: Any) -> None:
        """Keep a log line for the call that it belongs to."""
        call = CURRENT.get() or self._turns.only
        if isinstance(call, McpCall):
            call.note(params.level, params.data, params.logger or "")
        else:
            _LOG.debug("%s: %s: %.300s", self._name, params.level, params.data)

    async def notice(self, message: Any) -> None:
        """Take note of a notification."""
        if isinstance(message, _LIST_CHANGES):
            self._on_change()
        elif isinstance(message, types.ElicitCompleteNotification):
            self.done.add(message.params.elicitation_id)
