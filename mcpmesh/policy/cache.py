"""Whether answers of a tool are used for more than one call."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from mcpmesh.errors import InvalidCall

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cache:
    """Settings of a tool's answers that are used again; only for read-only, idempotent tools.

    Raises: InvalidCall naming the setting.
    """

    #: `cache = 5` stands for `cache = { ttl = 5 }`.
    SHORT: ClassVar[str] = "ttl"

    ttl: float = 0.0
    """Seconds that an answer is given again; 0: only calls at the same time share one."""
    shared: bool = False
    """Different callers may have the same answer; else each caller has its own."""
    max_bytes: int = 16 * _MIB
    """Most bytes of answers that are kept, with the calls they belong to."""

    def __post_init__(self) -> None:
        if not (isfinite(self.ttl) and self.ttl >= 0):
            raise InvalidCall(f"ttl {self.ttl} is not a number of seconds from 0 up")
        if not 0 <= self.max_bytes <= 1024 * _MIB:
            raise InvalidCall(f"max_bytes {self.max_bytes} is not 0 to {1024 * _MIB}")
