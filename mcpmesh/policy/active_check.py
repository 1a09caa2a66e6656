"""When a replica is asked for its health, and what is made of the answers."""

from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import ClassVar

from mcpmesh.errors import InvalidCall


class Answer(Enum):
    """What became of one question to grpc.health.v1."""

    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    #: The replica has no such service: it says nothing about its health, so nothing against it.
    UNKNOWN = "UNKNOWN"
    #: No answer in time, or none that can be read.
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ActiveCheck:
    """Settings of active health checks, by grpc.health.v1's Check.

    `check = 5` stands for `check = { interval = 5 }`.
    Raises: InvalidCall.
    """

    SHORT: ClassVar[str] = "interval"

    interval: float = 0.0
    """Seconds between two checks of a replica, give or take a tenth; 0 for none."""
    timeout: float = 1.0
    """Seconds that a replica has to answer."""
    failures: int = 2
    """Checks in a row without an answer that take a replica out; NOT_SERVING does at once."""
    service: str = ""
    """The service to ask for, as the health service knows it; empty asks for the whole server."""

    def __post_init__(self) -> None:
        if not (isfinite(self.interval) and self.interval >= 0):
            raise InvalidCall(f"interval {self.interval} is not a number of seconds from 0 up")
        if not (isfinite(self.timeout) and self.timeout > 0) or self.failures < 1:
            raise InvalidCall(f"{self}: a timeout is above 0, failures are 1 or more")

    def against(self, answer: Answer, failures: int) -> str | None:
        """Return what a replica has against it now; empty for nothing, None for no change.

        `failures` are those in a row, this one included.
        """
        if answer is Answer.NOT_SERVING:
            return "its health service says NOT_SERVING"
        if answer is not Answer.FAILED:
            return ""
        if failures < self.failures:
            return None
        return f"its health service did not answer {failures} times"
