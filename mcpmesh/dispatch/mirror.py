"""Copies of calls for a version that is tried out: sent beside the call, their answers dropped.

A copy goes through a stack of its own: no admission, no retries, no hedges, no metrics of calls, so
that it takes nothing from those that somebody waits for. Its attempt is measured and traced like
any other, under the call's trace; metadata `mcpmesh-shadow: true` lets the tool know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from mcpmesh.balance.balancer import Route
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.layer import Top
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers

SHADOW = (b"mcpmesh-shadow", b"true")


class Mirrors:
    """Sends copies, so many at once and no more."""

    def __init__(self, stack: Top[Call], rng: Random) -> None:
        self._start = stack.start
        self._rng = rng
        # Copies under way, by tool.
        self._under_way: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Mirrors, {sum(self._under_way.values())} copies under way>"

    def copy(self, call: Call, route: Route) -> None:
        """Send a copy of a call that has begun, if its tool is mirrored.

        A call that names a version is not copied: its message says so too, and another version
        would refuse it. Nor is a streamed request, which is not kept.
        """
        mirror = route.policy.mirror
        if mirror is None or call.version or call.requests is not None:
            return
        tool = route.cluster.tool
        under_way = self._under_way.get(tool.name, 0)
        if (
            tool.version == mirror.version
            or under_way >= mirror.most
            or self._rng.random() >= mirror.share
        ):
            return
        self._under_way[tool.name] = under_way + 1
        head = replace(call.head, forward=(*call.head.forward, SHADOW), wait_for_ready=False)
        shadow = ShadowCall(head, self._ended)
        shadow.tool, shadow.version = tool.name, mirror.version
        shadow.body = call.body
        shadow.timeout = call.timeout
        shadow.trace = call.trace
        shadow.correlation_id = call.correlation_id
        self._start(shadow)

    def _ended(self, tool: str) -> None:
        left = self._under_way[tool] - 1
        if left:
            self._under_way[tool] = left
        else:
            del self._under_way[tool]


class ShadowCall(Call):
    """A copy of a call; takes the answer, and drops it."""

    __slots__ = ("_ended", "taken")

    def __init__(self, head: CallHead, ended: Callable[[str], None]) -> None:
        super().__init__(head)
        self._ended = ended
        #: Set by the answer: gives credit to the replica.
        self.taken: Callable[[int], None] | None = None

    @property
    def caller(self) -> ShadowCall:
        return self

    def broken(self, error: BaseException) -> None:
        """Nobody waits for the rest."""

    def failed(self, error: BaseException) -> None:
        """Nobody waits for an answer."""

    def ended(self) -> None:
        self.taken = None
        self._ended(self.tool)

    # What an answer is sent to

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Drop the head or the trailers."""

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Drop the head and the first body bytes."""
        self.send_data(data)

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Drop a whole answer."""
        self.send_data(data)

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Drop body bytes; the replica may send more."""
        if self.taken is not None:
            self.taken(len(data))

    def stop(self) -> None:
        """There is no more of the request."""
