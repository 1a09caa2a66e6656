"""A source that needs a library which not everybody has."""

import asyncio
from importlib import import_module
from importlib.util import find_spec
from random import Random

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.router.replica_source import ReplicaSource, Tell

#: Scheme → the module and class that look it up, the library that these need, and its package.
_HOMES = {
    "srv": ("mcpmesh.router.srv_source", "SrvSource", "dnspython", "dns"),
    "kubernetes": (
        "mcpmesh.router.kubernetes_source",
        "KubernetesSource",
        "kubernetes_asyncio",
        "kubernetes_asyncio",
    ),
}


class OptionalSource:
    """Looks up a name with a library that is loaded when it runs.

    Beside the event loop: kubernetes_asyncio takes more than a second, and calls go on meanwhile.
    Raises: InvalidSetting saying what to install.
    """

    def __init__(self, name: StaticReplica, rng: Random) -> None:
        self._module, self._kind, library, package = _HOMES[name.scheme]
        if find_spec(package) is None:
            reason = f"{name.endpoint} needs {library}: pip install 'mcpmesh[{name.scheme}]'"
            raise InvalidSetting("static", reason)
        self._name = name
        self._rng = rng
        self._source: ReplicaSource | None = None

    def __repr__(self) -> str:
        return f"OptionalSource({self._source or self._name})"

    async def run(self, tell: Tell) -> None:
        """Load the library, and let the source tell."""
        if self._source is None:
            home = await asyncio.to_thread(import_module, self._module)
            source: ReplicaSource = getattr(home, self._kind)(self._name, self._rng)
            self._source = source
        await self._source.run(tell)

    def again(self) -> None:
        """Look again soon."""
        if self._source is not None:
            self._source.again()
