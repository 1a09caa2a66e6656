"""How a call's time is passed on, and when it is not enough to begin with."""

from dataclasses import dataclass
from typing import ClassVar

#: Of what is left, the share that is kept back, and the most seconds of it.
MARGIN_SHARE = 0.01
MARGIN_MOST = 0.01


@dataclass(frozen=True, slots=True)
class DeadlinePolicy:
    """Settings of how a tool's deadlines are kept."""

    #: `deadline = false` stands for `deadline = { refuse = false }`.
    SHORT: ClassVar[str] = "refuse"

    refuse: bool = True
    """Refuse a call at once when not one of the tool's last 128 calls was answered as fast as \
what is left of its time; calls of InvokeStream and Converse are taken all the same."""


def forwarded(left: float) -> float:
    """Return the timeout that a replica is given: what is left, less a margin.

    So that a replica that watches its deadline answers before we stop waiting.
    Units: seconds.
    """
    return left - min(left * MARGIN_SHARE, MARGIN_MOST)
