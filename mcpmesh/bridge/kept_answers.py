"""Answers to calls that were sent with an idempotency key, for who sends the same call again.

They are kept by the process that took the call. So is the promise: who has several bridges sends
the calls of one key to one of them, or lets the tool keep it, which gets the key too.

Source: the IETF's draft-ietf-httpapi-idempotency-key-header.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcpmesh.bridge.http_message import HttpAnswer, HttpRefusal

MAX_KEY_CHARACTERS = 255
#: Failures after which the same call is worth another try.
_NOT_KEPT = frozenset({429, 503, 504})
_OTHER_CALL = 422


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, what it answered, and when it is forgotten."""

    fingerprint: bytes
    answer: HttpAnswer
    expires: float


class KeptAnswers:
    """Answers by their keys, the oldest forgotten first.

    Units: `ttl` in seconds of `clock`; `max_bytes` of bodies.
    """

    def __init__(self, ttl: float, max_bytes: int, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, tuple[bytes, asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def once(
        self, key: str, fingerprint: bytes, answer: Callable[[], Awaitable[HttpAnswer]]
    ) -> tuple[HttpAnswer, bool]:
        """Return the answer to a call, and whether it was given before.

        Raises: HttpRefusal 422 when the key came with another call before.
        """
        while True:
            self._forget_old()
            known = self._kept.get(key)
            if known is not None:
                _check(known.fingerprint, fingerprint)
                return known.answer, True
            running = self._under_way.get(key)
            if running is None:
                return await self._first(key, fingerprint, answer), False
            _check(running[0], fingerprint)
            await asyncio.wait((running[1],))

    async def _first(
        self, key: str, fingerprint: bytes, answer: Callable[[], Awaitable[HttpAnswer]]
    ) -> HttpAnswer:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = fingerprint, ended
        try:
            given = await answer()
            if given.status not in _NOT_KEPT:
                self._keep(key, KeptAnswer(fingerprint, given, self._clock() + self._ttl))
            return given
        finally:
            del self._under_way[key]
            ended.set_result(None)

    def _keep(self, key: str, kept: KeptAnswer) -> None:
        if len(kept.answer.body) > self._max_bytes:
            return
        self._kept[key] = kept
        self._bytes += _size(key, kept)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._forget_oldest()

    def _forget_old(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values())).expires <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._bytes -= _size(*self._kept.popitem(last=False))


def _size(key: str, kept: KeptAnswer) -> int:
    return len(key) + len(kept.answer.body) + 512


def _check(before: bytes, now: bytes) -> None:
    if before != now:
        raise HttpRefusal(
            _OTHER_CALL, "the idempotency key came with another call before; take a new key"
        )
