"""Watches over the health of the replicas: ejects, tries out, and brings back."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.health import Condition
from mcpmesh.policy.blame import Verdict
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.outlier import Tally

_log = logging.getLogger("mcpmesh.router")
#: Seconds between looks at replicas that are not healthy.
_TICK = 1.0
#: Seconds without a connection after which a replica starts slowly; one that only moves to a new
#: connection is as warm as it was.
_COLD = 1.0

#: Why a replica was ejected, as metrics have it.
IN_A_ROW = "failures_in_row"
RATE = "failure_rate"
PROBATION = "probation"


class Peers(Protocol):
    """Who knows which replicas serve the same."""

    def groups(self, replica_id: str) -> Iterable[Sequence[Candidate]]:
        """Return the replicas of each tool and service that this one serves, itself included."""
        ...

    def health_changed(self, candidate: Candidate) -> None:
        """Learn that other calls go to a replica now."""
        ...


class HealthWatch:
    """Learns of the ends of attempts and of connections, and sets each candidate's health.

    `ejected` is told why, in a word. Attempts of healthy replicas that succeed do not come here.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        policy: HealthPolicy,
        peers: Peers,
        ejected: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._loop = loop
        self._policy = policy
        self._peers = peers
        self._ejected = ejected
        self._candidates: set[Candidate] = set()
        # Those that time may change, or that fail and could not be ejected yet.
        self._unwell: set[Candidate] = set()
        # When a replica that is not connected lost its connection.
        self._away: dict[Candidate, float] = {}
        self._next_rates = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<HealthWatch {len(self._unwell)} of {len(self._candidates)} unwell>"

    # From the pool

    def add(self, candidate: Candidate) -> None:
        """Watch over a replica."""
        candidate.watch = self.on_verdict
        candidate.recent.start(candidate.counts(self._loop.time()))
        self._candidates.add(candidate)
        self._away[candidate] = float("-inf")
        if self._timer is None:
            self._next_rates = self._loop.time() + self._policy.outlier.interval
            self._timer = self._loop.call_later(_TICK, self._tick)

    def remove(self, candidate: Candidate) -> None:
        """Forget a replica that left."""
        candidate.watch = None
        self._candidates.discard(candidate)
        self._unwell.discard(candidate)
        self._away.pop(candidate, None)
        if not self._candidates:
            self.close()

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connected(self, candidate: Candidate) -> None:
        """Learn that a replica has a connection; the routes are built after this."""
        now = self._loop.time()
        health = candidate.health
        away = now - self._away.pop(candidate, now)
        was_silent, health.silent = health.silent, False
        if was_silent:
            self._doubt(candidate, "did not answer on its last connection")
        elif candidate.lost_calls and health.condition is Condition.PROBATION:
            self._eject(candidate, PROBATION, "lost its connection in its probation")
        elif candidate.lost_calls:
            self._doubt(candidate, f"lost {candidate.lost_calls} calls with its connection")
        elif away >= _COLD and health.condition in (Condition.HEALTHY, Condition.SLOW_START):
            if self._has_warm_peers(candidate, now):
                reason = "is new" if away == float("inf") else f"was away for {away:.0f} s"
                self._start_slowly(candidate, reason)
            else:
                health.since = now
        candidate.lost_calls = 0

    def lost(self, candidate: Candidate) -> None:
        """Learn that a replica has no connection any more."""
        self._away.setdefault(candidate, self._loop.time())

    def silent(self, candidate: Candidate, silent: bool) -> None:
        """Learn that a replica stopped or began again to answer on its connection."""
        health = candidate.health
        if health.silent == silent:
            return
        health.silent = silent
        if silent:
            _log.warning("%s does not answer; it gets no calls until it does", candidate.name)
        else:
            self._doubt(candidate, "did not answer for a while")
        self._peers.health_changed(candidate)

    def refused(self, candidate: Candidate, reason: str) -> None:
        """Learn what an active check says of a replica; empty when it finds nothing."""
        health = candidate.health
        if health.refused == reason:
            return
        before, health.refused = health.refused, reason
        if reason and not before:
            _log.warning("%s gets no calls: %s", candidate.name, reason)
        elif not reason:
            _log.info("%s gets calls again: its health check finds nothing", candidate.name)
            if health.condition in (Condition.HEALTHY, Condition.SLOW_START):
                self._start_slowly(candidate, "its health check failed before")
        self._peers.health_changed(candidate)

    # From the data path

    def on_verdict(self, candidate: Candidate, verdict: Verdict) -> None:
        """Learn how an attempt ended: any during probation, else one that failed."""
        health = candidate.health
        if health.condition is Condition.PROBATION:
            self._on_trial_ended(candidate, verdict)
        elif health.condition is not Condition.EJECTED and _is_step(
            candidate.failures_in_row, self._policy.outlier.failures_in_row
        ):
            self._eject_for_row(candidate)

    def _on_trial_ended(self, candidate: Candidate, verdict: Verdict) -> None:
        passed = candidate.health.try_out(verdict, self._loop.time(), self._policy.outlier.trials)
        if passed is None:
            return
        if passed:
            _log.info("%s gets calls again: it passed its probation", candidate.name)
            self._start_slowly(candidate, "passed its probation")
            self._peers.health_changed(candidate)
        else:
            self._eject(candidate, PROBATION, "failed in its probation")

    # Decisions, carried out

    def _eject_for_row(self, candidate: Candidate) -> None:
        self._unwell.add(candidate)
        if self._may_eject(candidate):
            self._eject(candidate, IN_A_ROW, f"{candidate.failures_in_row} failures in a row")

    def _may_eject(self, candidate: Candidate) -> bool:
        """Tell whether everybody that it serves with could do without it."""
        outlier = self._policy.outlier
        out = (Condition.EJECTED, Condition.PROBATION)
        alone = True
        for group in self._peers.groups(candidate.replica.id):
            others = sum(each.health.condition in out for each in group if each is not candidate)
            if len(group) > 1:
                alone = False
                if not outlier.may_eject(others, len(group)):
                    return False
        return not alone

    def _eject(self, candidate: Candidate, kind: str, reason: str) -> None:
        health = candidate.health
        seconds = self._policy.outlier.ejection_time(health.ejections + 1)
        health.eject(self._loop.time(), seconds, reason)
        candidate.failures_in_row = 0
        self._unwell.add(candidate)
        self._ejected(kind)
        _log.warning("%s is ejected for %.0f s: %s", candidate.name, seconds, reason)
        self._peers.health_changed(candidate)

    def _doubt(self, candidate: Candidate, reason: str) -> None:
        candidate.health.put_on_probation(self._loop.time(), reason)
        # A success counts now.
        candidate.watched = True
        self._unwell.add(candidate)

    def _start_slowly(self, candidate: Candidate, reason: str) -> None:
        candidate.health.start_slowly(self._loop.time(), self._policy.slow_start, reason)
        self._unwell.add(candidate)

    def _has_warm_peers(self, candidate: Candidate, now: float) -> bool:
        """Tell whether somebody else could take the calls while this one warms up.

        When all of them are new, as after the router's own start, none is to wait for the others.
        """
        window = self._policy.slow_start.window
        return any(
            each is not candidate
            and each.connection is not None
            and each.health.condition is Condition.HEALTHY
            and now - each.health.since >= window
            for group in self._peers.groups(candidate.replica.id)
            for each in group
        )

    # Time

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK, self._tick)
        now = self._loop.time()
        for candidate in list(self._unwell):
            self._look_at(candidate, now)
        if now >= self._next_rates:
            self._next_rates = now + self._policy.outlier.interval
            self._look_at_rates(now)

    def _look_at(self, candidate: Candidate, now: float) -> None:
        health = candidate.health
        before = health.condition
        if health.step(now, self._policy.slow_start):
            if before is Condition.EJECTED:
                candidate.watched = True
            self._peers.health_changed(candidate)
        if health.condition is not Condition.HEALTHY:
            return
        if self._policy.outlier.too_many_in_row(candidate.failures_in_row):
            # Others were ejected when it became one too many; now there may be room.
            self._eject_for_row(candidate)
        elif not health.ejections:
            self._unwell.discard(candidate)

    def _look_at_rates(self, now: float) -> None:
        tallies: dict[str, Tally] = {}
        failed: list[Candidate] = []
        for candidate in self._candidates:
            turn = candidate.recent.turn(candidate.counts(now))
            tally = Tally(turn.successes, turn.failures)
            tallies[candidate.replica.id] = tally
            candidate.health.forgive()
            if tally.failures:
                failed.append(candidate)
        for group in self._distinct_groups(failed):
            standing = {
                each.replica.id: tallies[each.replica.id]
                for each in group
                if each.health.fit and each.replica.id in tallies
            }
            by_id = {each.replica.id: each for each in group}
            for replica_id, reason in self._policy.outlier.outliers(standing).items():
                if by_id[replica_id].health.fit and self._may_eject(by_id[replica_id]):
                    self._eject(by_id[replica_id], RATE, reason)

    def _distinct_groups(self, candidates: Iterable[Candidate]) -> list[Sequence[Candidate]]:
        """Return the groups that these are in; a server's tools have the same one mostly."""
        found: dict[frozenset[str], Sequence[Candidate]] = {}
        for candidate in candidates:
            for group in self._peers.groups(candidate.replica.id):
                found.setdefault(frozenset(each.replica.id for each in group), group)
        return list(found.values())


def _is_step(failures: int, first: int) -> bool:
    """Tell whether to ask for an ejection: at the first number, twice it, four times it, ….

    When all fail and no more may be ejected, asking at each failure would cost more than the
    calls themselves.
    """
    if not first or failures < first or failures % first:
        return False
    times = failures // first
    return times & (times - 1) == 0
