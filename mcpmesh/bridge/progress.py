"""How far a call is, as its client is told: growing, and not more often than anybody can look."""

import asyncio
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from mcpmesh.bridge.exchange import Notify
from mcpmesh.codec.jsonrpc import notification_bytes
from mcpmesh.policy.token_bucket import TokenBucket
from mcpmesh.v1 import invoke_pb2


@dataclass(slots=True)
class ProgressNotes:
    """Tells of a call's progress; what comes too soon after the last is held, and the last counts.

    `token` is the client's, None when it did not ask. Units: `rate` per second; `burst` at once.
    Source: MCP 2025-03-26, "Progress": the value must increase, and senders should limit the rate.
    """

    token: str | int | None
    notify: Notify
    rate: float
    burst: int
    _told: float = -inf
    _held: dict[str, Any] | None = None
    _bucket: TokenBucket = field(default_factory=TokenBucket)

    @property
    def is_holding(self) -> bool:
        """Whether something is yet to be told."""
        return self._held is not None

    async def take(self, progress: invoke_pb2.Progress) -> None:
        """Tell the client, now or soon, unless it asked for none or nothing grew."""
        if self.token is None or not self._told < progress.progress < inf:
            return
        self._told = progress.progress
        params: dict[str, Any] = {"progressToken": self.token, "progress": progress.progress}
        if progress.HasField("total") and isfinite(progress.total):
            params["total"] = progress.total
        if progress.message:
            params["message"] = progress.message
        self._held = params
        await self.tell_due()

    async def tell_due(self) -> float:
        """Tell what is held if its time has come; return the seconds until it will, 0 for never."""
        if self._held is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        wait = self._bucket.take(now, self.rate, self.burst)
        if not wait:
            await self.tell()
        return wait

    async def tell(self) -> None:
        """Tell what is held: the call is over."""
        held, self._held = self._held, None
        if held is not None:
            await self.notify(notification_bytes("notifications/progress", held))
