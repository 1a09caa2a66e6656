"""A replica at each address of the targets that a name's SRV records list."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from mcpmesh.balance.priority import PRIORITY_LABEL
from mcpmesh.config import StaticReplica
from mcpmesh.model.replica import MAX_WEIGHT
from mcpmesh.model.srv_name import SrvName
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.replica_source import Found, Tell
from mcpmesh.transport.lookups import Looked, Lookups
from mcpmesh.transport.srv import LookupFailed, SrvLookup, SrvTarget

_log = logging.getLogger(__name__)
#: Bounds of how long an answer holds, in seconds: servers say 0 or a day.
LEAST, MOST = 5.0, 300.0
#: Waits after lookups that failed, or that were asked for and brought nothing new.
PAUSES = Backoff(first=0.25, factor=2.0, longest=30.0)


class SrvSource:
    """Follows srv:///NAME, as long as its answers hold.

    Units: `least` in seconds.
    """

    def __init__(
        self, name: StaticReplica, rng: Random, *, least: float = LEAST, pauses: Backoff = PAUSES
    ) -> None:
        self._name = name
        self._srv = SrvName.parse(name.endpoint)
        self._least = least
        self._known: Sequence[SrvTarget] | None = None
        self._failed = False
        self._tell: Tell | None = None
        self._lookups = Lookups(self._look_up, rng, pauses)

    def __repr__(self) -> str:
        return f"SrvSource({self._name})"

    async def run(self, tell: Tell) -> None:
        """Tell the replicas at all targets whenever they change, until cancelled."""
        self._tell = tell
        self._known = None
        await self._lookups.run()

    def again(self) -> None:
        """Look the name up soon."""
        self._lookups.again()

    async def _look_up(self) -> Looked | None:
        assert self._tell is not None
        try:
            answer = await SrvLookup(self._srv).ask()
        except LookupFailed as error:
            # Once per outage as a warning.
            level = logging.DEBUG if self._failed else logging.WARNING
            self._failed = True
            _log.log(level, "cannot look up %s: %s; what it had stays", self._srv, error)
            return None
        self._failed = False
        good_for = min(max(answer.ttl, self._least), MOST)
        if answer.targets == self._known:
            return Looked(False, good_for)
        self._known = answer.targets
        self._tell(list(self._found(answer.targets)))
        return Looked(True, good_for)

    def _found(self, targets: Sequence[SrvTarget]) -> Iterator[Found]:
        # Of the name that was configured, not of what unsigned records say.
        server_name = self._name.server_name or self._srv.domain
        heaviest = max((each.weight for each in targets), default=0)
        for each in targets:
            labels = {PRIORITY_LABEL: str(each.priority), **self._name.labels}
            yield Found.configured(
                replace(
                    self._name,
                    endpoint=str(each.address),
                    server_name=server_name,
                    labels=labels,
                    weight=share(each.weight, heaviest),
                )
            )


def share(weight: int, heaviest: int) -> int:
    """Return a record's weight as a replica has it: 1 to 1000, in the same proportion."""
    if heaviest > MAX_WEIGHT:
        weight = round(weight * MAX_WEIGHT / heaviest)
    return max(1, weight)
