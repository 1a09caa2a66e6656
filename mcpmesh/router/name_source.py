"""A replica at each address of a name, as the operating system resolves it."""

from random import Random

from mcpmesh.config import StaticReplica
from mcpmesh.router.replica_source import Found, Tell
from mcpmesh.transport.names import NameWatch, Resolve, resolve


class NameSource:
    """Follows dns:///NAME:PORT."""

    def __init__(self, name: StaticReplica, rng: Random, resolve: Resolve = resolve) -> None:
        self._name = name
        self._rng = rng
        self._resolve = resolve
        self._watch: NameWatch | None = None

    def __repr__(self) -> str:
        return f"NameSource({self._name})"

    async def run(self, tell: Tell) -> None:
        """Tell the replicas at all addresses whenever they change, until cancelled."""
        name = self._name
        self._watch = NameWatch(
            name.address,
            lambda addresses: tell([Found.configured(name.at(each)) for each in addresses]),
            resolve=self._resolve,
            rng=self._rng,
        )
        await self._watch.run()

    def again(self) -> None:
        """Look the name up soon."""
        if self._watch is not None:
            self._watch.again()
