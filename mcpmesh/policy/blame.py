"""Which ends of an attempt speak against its replica, and which tell nothing of it.

What a caller can bring about alone must not: or one caller takes the replicas away from all.
"""

from enum import Enum

from grpc import StatusCode


class Verdict(Enum):
    """What the end of an attempt tells of its replica."""

    SUCCESS = "success"
    FAILURE = "failure"
    #: Nobody waited for the end, so it tells nothing.
    NEITHER = "neither"


#: The replica is broken, gone, or does not answer. The statuses that Envoy reads as 5xx, save
#: UNIMPLEMENTED, which a caller gets by naming a method that is not there.
#: RESOURCE_EXHAUSTED is not among them: it answers a caller that asks too much or sends too large
#: a message, and a replica that is full needs fewer calls, not none; retry and pushback see to it.
FAILURES = frozenset(
    (
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
        StatusCode.DATA_LOSS,
    )
)


def verdict(code: StatusCode) -> Verdict:
    """Return what a status says of the replica that an attempt ended at.

    A tool's own failure is OK here (its result says `is_error`), and a refused argument is a
    success: the replica answered.
    """
    if code in FAILURES:
        return Verdict.FAILURE
    return Verdict.NEITHER if code is StatusCode.CANCELLED else Verdict.SUCCESS
