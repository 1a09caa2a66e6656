"""Whether and when a failed attempt is tried again.

Source: gRFC A6 (retry, pushback, transparent retries); balancing.md for the numbers.
"""

from dataclasses import dataclass
from enum import Enum
from math import isfinite
from random import Random
from typing import ClassVar

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.backoff import full_jitter

_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Retry:
    """Settings of a tool's retries.

    Raises: InvalidCall naming the setting.
    """

    #: `retry = 5` stands for `retry = { attempts = 5 }`.
    SHORT: ClassVar[str] = "attempts"

    attempts: int = 3
    """Most attempts per call, the first one included; 1 for no retries."""
    first_wait: float = 0.025
    """Longest wait before the second attempt, in seconds; it doubles with each one after, and \
chance takes any part of it."""
    longest_wait: float = 1.0
    """Seconds that the wait grows to at most."""
    budget_share: float = 0.2
    """Retries and hedges that calls of the tool may cause, as a share of these calls."""
    budget_per_second: float = 10.0
    """Retries and hedges per second that are allowed besides."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= _MOST_ATTEMPTS:
            raise InvalidCall(f"attempts {self.attempts} is not 1 to {_MOST_ATTEMPTS}")
        for name in ("first_wait", "longest_wait", "budget_share", "budget_per_second"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise InvalidCall(f"{name} {value} is not a number from 0 up")
        if self.longest_wait < self.first_wait:
            raise InvalidCall(
                f"longest_wait {self.longest_wait} is below first_wait {self.first_wait}"
            )


class Failure(Enum):
    """What is known of an attempt that failed."""

    UNSENT = "the replica certainly did not see it"
    REFUSED = "the replica refused it for load, and said when to come again"
    LOST = "the replica may have acted on it"
    UNAVAILABLE = "the replica answered UNAVAILABLE, and may have acted on it"
    FINAL = "what it failed with would fail it again"


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again after `wait` seconds; `free`: at no cost to attempts and budget."""

    wait: float
    free: bool = False


class GiveUp(Enum):
    """Let the call fail, and why; the values are for people, the names for metrics."""

    FINAL = ""
    MAY_HAVE_ACTED = "it may have taken effect, and the tool is not idempotent"
    ATTEMPTS = "no further attempt is allowed"
    PUSHBACK = "the replica asks for no other attempt"
    DEADLINE = "the deadline leaves no time for another attempt"
    BUDGET = "too many calls of the tool are being tried again already"
    REQUEST = "its request is sent in part, and not kept"


_AT_ONCE = RetryAfter(0.0, free=True)
_HARMLESS = frozenset((Failure.UNSENT, Failure.REFUSED))


def next_step(
    retry: Retry,
    failure: Failure,
    *,
    attempts: int,
    free: int,
    repeatable: bool,
    pushback_ms: int | None,
    left: float,
    rng: Random,
) -> RetryAfter | GiveUp:
    """Decide what follows a failed attempt; the budget is for whoever carries it out to ask.

    The first attempt that no replica saw is made anew at once: it put no load on anybody. Every
    other waits, as long as the replica asked for, else with exponential backoff.
    Units: `attempts` made, `free` of them at no cost; `left` in seconds until the deadline;
    `pushback_ms` as the replica said, None when it did not, negative for "never".
    """
    if failure is Failure.FINAL:
        return GiveUp.FINAL
    if pushback_ms is not None and pushback_ms < 0:
        return GiveUp.PUSHBACK
    if not repeatable and failure not in _HARMLESS:
        return GiveUp.MAY_HAVE_ACTED
    if failure is Failure.UNSENT and not free:
        return _AT_ONCE
    counted = attempts - free
    if counted >= retry.attempts:
        return GiveUp.ATTEMPTS
    if pushback_ms is None:
        wait = full_jitter(retry.first_wait, retry.longest_wait, counted, rng)
    else:
        wait = pushback_ms / 1000
    if wait >= left:
        return GiveUp.DEADLINE
    return RetryAfter(wait)
