"""A replica that can be picked, and the load we put on it."""

from collections.abc import Callable
from typing import Any

from mcpmesh.balance.health import Condition, Health
from mcpmesh.balance.load import Load
from mcpmesh.balance.pace import Pace
from mcpmesh.balance.recent import Counts, Recent
from mcpmesh.balance.reported_weight import ReportedWeight
from mcpmesh.model.address import Address
from mcpmesh.model.replica import Replica
from mcpmesh.policy.blame import Verdict

#: Takes in how long an answer took, in seconds.
Record = Callable[[float], None]


class Candidate:
    """A replica with the number of our attempts in flight on it.

    Lives as long as the replica is registered, through any number of pickers. `connection` is
    set while there is one; balancing only asks whether. `coming` tells that it is being made,
    for the first time since it last failed.
    """

    __slots__ = (
        "address", "cells", "coming", "connection", "failures", "failures_in_row", "health",
        "in_flight", "loads", "lost_calls", "name", "outrun_seconds", "pace", "picks",
        "points", "rank", "recent", "replica", "reported", "seconds", "slow", "successes", "watch",
        "watched", "weight", "worth",
    )  # fmt: skip

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        #: Host and port, and what people call it; said in every attempt's books.
        address = Address.parse(replica.endpoint)
        self.address = (address.label, address.port)
        self.name = str(replica)
        #: The replica's own word of what it can take.
        self.weight: float = replica.weight
        #: What policies go by that count calls in flight: the weight, less what it is slower.
        self.worth: float = replica.weight
        self.pace = Pace()
        #: Far slower than its peers.
        self.slow = False
        self.in_flight = 0
        self.connection: Any = None
        self.coming = False
        self.health = Health()
        #: Attempts that were sent.
        self.picks = 0
        #: How the attempts that ended went, since it was registered.
        self.successes = 0
        self.failures = 0
        self.failures_in_row = 0
        #: The time that the successes took together.
        self.seconds = 0.0
        self.recent = Recent()
        #: The time that attempts had taken together when a hedge was faster.
        self.outrun_seconds = 0.0
        #: Attempts that ended with their connection; not among the failures.
        self.lost_calls = 0
        #: Set while a success is more than a number: after a failure, and in probation.
        self.watched = False
        #: Told of the ends of attempts that may change its health.
        self.watch: Callable[[Candidate, Verdict], None] | None = None
        #: What balancing policies learn of attempts here, by tool; those that want to.
        self.loads: dict[str, Load] = {}
        #: What the replica reports of its load, when a policy asks for it.
        self.reported: ReportedWeight | None = None
        #: What measures good answers of its methods and tools; filled by whoever measures.
        self.cells: dict[tuple[str, str], tuple[Record, Record]] = {}
        #: Where it stands on rings of keys, when it was asked for.
        self.points: tuple[int, ...] = ()
        #: How high a router ranks it when it chooses a subset: (the router, its rank).
        self.rank: tuple[str, bytes] | None = None

    def __repr__(self) -> str:
        return f"<Candidate {self.replica} in_flight={self.in_flight}>"

    def renew(self, replica: Replica) -> None:
        """Take what it registered with anew; its endpoint is the same."""
        self.replica = replica
        self.weight = replica.weight
        self.set_pace(self.pace.slower)

    def set_pace(self, slower: float) -> None:
        """Learn how many times slower than its peers it is taken to be."""
        self.pace.slower = slower
        self.worth = self.weight / slower
        self.slow = slower > 1.0

    def keep_up(self, now: float) -> None:
        """Tell the pace of the answers until now.

        What hedges outran counts by its time alone: an answer took at least that long, and did not
        come. (For exponential times, that is what is most likely.) Else a slow replica whose calls
        are all hedged would never look slow.
        """
        self.pace.follow(self.successes, self.seconds + self.outrun_seconds, now)

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing is new since its pace was told."""
        pace = self.pace
        return self.successes == pace.counted and self.seconds + self.outrun_seconds == pace.timed

    def counts(self, now: float) -> Counts:
        """Return all counts as they are."""
        return Counts(now, self.picks, self.successes, self.failures, self.seconds)

    def learn(self, verdict: Verdict) -> None:
        """Take in how an attempt ended; the data path counts successes itself if not `watched`."""
        if verdict is Verdict.FAILURE:
            self.failures += 1
            self.failures_in_row += 1
        elif verdict is Verdict.SUCCESS:
            self.successes += 1
            self.failures_in_row = 0
        if self.watch is not None and self.wants_to_hear(verdict):
            self.watch(self, verdict)
        self.watched = self.failures_in_row > 0 or self.health.condition is Condition.PROBATION

    def wants_to_hear(self, verdict: Verdict) -> bool:
        """Tell whether this may change its health."""
        return verdict is Verdict.FAILURE or self.health.condition is Condition.PROBATION
