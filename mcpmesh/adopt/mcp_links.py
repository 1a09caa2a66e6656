"""Pages that a server wants its user to open before it does a call (2025-11-25, error -32042).

The caller is asked to have them opened. A page is not done with when its user agreed to open it:
the call is made again when the server says that it is, and now and then besides, for servers need
not say so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

import mcp_types as types
import orjson
from mcp import MCPError
from pydantic import ValidationError

from mcpmesh.policy.backoff import Backoff
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.elicitation import accepted_content
from mcpmesh.sdk.failure import InputNeeded, ToolFailure

_CARRIED = "links"
_MOST_LINKS, _LONGEST_URL = 20, 4000
#: Ids of pages that are done with, which are kept.
_MOST_KEPT = 1000
#: When to try again, how long in all, and how long before the call's end to say why it fails.
_TRIES = Backoff(first=1.0, factor=2.0, longest=15.0, jitter=0.0)
PATIENCE = 300.0
_SPARE = 1.0


@dataclass(frozen=True, slots=True)
class Link:
    """A page: why it is to be opened, and by what the server knows that."""

    url: str
    message: str
    id: str

    @property
    def question(self) -> dict[str, Any]:
        """Write it as the params of elicitation/create."""
        asked = {"mode": "url", "url": self.url, "message": self.message}
        return {**asked, "elicitationId": self.id} if self.id else asked


def links_in(error: Exception) -> tuple[Link, ...]:
    """Return the pages that an error wants opened; none for all other errors."""
    if not isinstance(error, MCPError) or error.code != types.URL_ELICITATION_REQUIRED:
        return ()
    try:
        said = types.ElicitationRequiredErrorData.model_validate(error.error.data, by_name=False)
    except ValidationError:
        return ()
    links = (Link(each.url, each.message, each.elicitation_id or "") for each in said.elicitations)
    return tuple(each for each in links if _is_page(each.url))[:_MOST_LINKS]


def _is_page(url: str) -> bool:
    return url.lower().startswith(("https://", "http://")) and len(url) <= _LONGEST_URL


class DoneLinks:
    """The pages that a server said are done with."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._news = asyncio.Event()

    def add(self, link: str) -> None:
        """Take note of one, by its id."""
        self._ids[link] = None
        if len(self._ids) > _MOST_KEPT:
            del self._ids[next(iter(self._ids))]
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, links: Collection[str], within: float) -> None:
        """Wait until one of these pages is done with, or so many seconds have passed."""
        try:
            async with asyncio.timeout(within):
                while self._ids.keys().isdisjoint(links):
                    await self._news.wait()
        except TimeoutError:
            return
        for each in links:
            self._ids.pop(each, None)


class OpenedLinks:
    """The pages that the caller of one call was asked to have opened."""

    def __init__(
        self,
        tool: str,
        context: ToolContext,
        wait: Callable[[Collection[str], float], Awaitable[None]],
        patience: float = PATIENCE,
    ) -> None:
        self._tool = tool
        self._context = context
        self._wait = wait
        self._left = patience
        self._tries = 0
        self._links: dict[str, Link] = {}

    async def resume(self, carried: Mapping[str, Any]) -> None:
        """Read what the caller was asked in the rounds before; its answers came along.

        Raises: Declined; InputNeeded for those that are missing.
        """
        if _CARRIED in carried:
            self._links = {each[0]: Link(*each) for each in carried[_CARRIED]}
            await self._ask()

    async def open(self, links: Sequence[Link]) -> None:
        """Have the caller asked, or wait until what it agreed to has been done.

        Raises: InputNeeded; Declined; ToolFailure when it takes too long.
        """
        fresh = {each.url: each for each in links if each.url not in self._links}
        if fresh:
            self._links |= fresh
            await self._ask()
            return
        self._tries += 1
        wait = _TRIES.wait(self._tries, _NO_CHANCE)
        if min(self._left, self._context.time_remaining() - _SPARE) < wait:
            pages = ", ".join(each.url for each in links)
            raise ToolFailure(
                f"{self._tool}: the server waits until somebody is done at {pages}; finish there, "
                "then call again",
                code="FAILED_PRECONDITION",
            )
        self._left -= wait
        await self._wait([each.id for each in links if each.id], wait)

    async def _ask(self) -> None:
        kept = [(each.url, each.message, each.id) for each in self._links.values()]
        self._context.carry(orjson.dumps({_CARRIED: kept}).decode())
        missing: InputNeeded | None = None
        for each in self._links.values():
            key = f"open-{sha256(each.url.encode()).hexdigest()[:16]}"
            try:
                answer = await self._context.request_input(
                    "elicitation/create", each.question, key=key
                )
            except InputNeeded as needed:
                missing = needed
            else:
                accepted_content(each.message, answer)
        if missing is not None:
            raise missing


#: Of one call there is no herd that jitter would spread.
_NO_CHANCE = Random(0)
