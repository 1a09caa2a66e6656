"""A simulated replica: workers, a queue before them, and faults."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from math import log
from random import Random

from benchmarks.balance.simulation.scenario import Fault, Service
from benchmarks.balance.simulation.virtual_loop import VirtualLoop
from mcpmesh.balance.latency_by_load import LatencyByLoad

#: A server's in-flight count and its latency at that load, in seconds.
Load = tuple[int, float]


class Outcome(Enum):
    """How a replica's part of a call went."""

    ANSWERED = "answered"
    FAILED = "failed"
    LOST = "lost"


Ended = Callable[[Outcome], None]


class Job:
    """A call on a replica."""

    __slots__ = ("abandoned", "came", "ended", "others")

    def __init__(self, came: float, others: int, ended: Ended) -> None:
        self.came = came
        self.others = others
        self.ended = ended
        self.abandoned = False


class Replica:
    """Serves calls in their order; notes its own latency as a tool server does."""

    def __init__(
        self, loop: VirtualLoop, service: Service, faults: tuple[Fault, ...], rng: Random
    ) -> None:
        self._loop = loop
        self._service = service
        self._rng = rng
        self._faults = faults
        self._queue: deque[Job] = deque()
        self._running = 0
        self._jobs: set[Job] = set()
        self.in_flight = 0
        self.latency = LatencyByLoad()
        #: Told when connections break, and when there may be new ones.
        self.on_change: list[Callable[[bool], None]] = []
        for fault in faults:
            if fault.down:
                loop.call_at(fault.begins, self._break)
                loop.call_at(fault.ends, self._tell, True)

    @property
    def up(self) -> bool:
        """Tell whether it takes connections."""
        return not any(fault.down for fault in self._now())

    def load(self) -> Load | None:
        """Answer a probe; None when it does not."""
        faults = self._now()
        if any(fault.down or fault.black_hole for fault in faults):
            return None
        return self.in_flight, self.latency.at(self._loop.now, self.in_flight)

    def take(self, ended: Ended) -> Job:
        """Take a call; `ended` is told how it went, at most once."""
        job = Job(self._loop.now, self.in_flight, ended)
        self.in_flight += 1
        self._jobs.add(job)
        for fault in self._now():
            if fault.black_hole:
                return job
            if fault.errors and self._rng.random() < fault.errors:
                self._loop.call_later(fault.takes, self._end, job, Outcome.FAILED)
                return job
        self._queue.append(job)
        self._serve()
        return job

    def abandon(self, job: Job) -> None:
        """Learn that nobody waits for a call any more; what is begun is finished."""
        job.abandoned = True
        if job in self._queue:
            self._queue.remove(job)
            self._forget(job)
        elif any(fault.black_hole for fault in self._now()):
            self._forget(job)

    def _serve(self) -> None:
        workers = self._service.workers
        while self._queue and (not workers or self._running < workers):
            job = self._queue.popleft()
            self._running += 1
            self._loop.call_later(self._time(), self._served, job)

    def _served(self, job: Job) -> None:
        self._running -= 1
        now = self._loop.now
        if job in self._jobs:
            self.latency.ended(now, job.others, now - job.came)
        self._end(job, Outcome.ANSWERED)
        self._serve()

    def _end(self, job: Job, outcome: Outcome) -> None:
        if job not in self._jobs:
            return
        self._forget(job)
        if not job.abandoned:
            job.ended(outcome)

    def _forget(self, job: Job) -> None:
        self._jobs.discard(job)
        self.in_flight -= 1

    def _break(self) -> None:
        """Lose every connection."""
        self._tell(False)
        self._queue.clear()
        for job in tuple(self._jobs):
            self._end(job, Outcome.LOST)

    def _tell(self, up: bool) -> None:
        for told in self.on_change:
            told(up)

    def _time(self) -> float:
        service, rng = self._service, self._rng
        if service.shape == "exponential":
            seconds = rng.expovariate(1 / service.mean)
        elif service.shape == "lognormal":
            # With this μ the mean is the mean.
            seconds = rng.lognormvariate(log(service.mean) - service.sigma**2 / 2, service.sigma)
        else:
            seconds = service.mean
        for fault in self._now():
            seconds *= fault.slower
        return seconds

    def _now(self) -> list[Fault]:
        now = self._loop.now
        return [fault for fault in self._faults if fault.begins <= now < fault.ends]
