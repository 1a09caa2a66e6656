"""The addresses of a name, looked up again and again."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from mcpmesh.model.address import Address
from mcpmesh.policy.backoff import Backoff
from mcpmesh.transport.lookups import Looked, Lookups

_log = logging.getLogger("mcpmesh.transport")
#: Seconds between lookups when nothing is wrong.
INTERVAL = 30.0
#: Seconds after which a resolver that does not answer has failed.
LOOKUP_SECONDS = 10.0
#: Waits after lookups that failed, or that were asked for and brought nothing new.
PAUSES = Backoff(first=0.25, factor=2.0, longest=INTERVAL)
#: Host and port → the host's IP addresses.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the operating system for all IP addresses of a host.

    Raises: OSError, UnicodeError for a name that no resolver takes.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(address[0]) for *_, address in found)


class NameWatch:
    """Follows the addresses of a name while `run` runs.

    `found` is told all addresses when they changed; `failed` why a lookup failed. What was known
    holds until a lookup says otherwise.
    Units: `interval` in seconds.
    """

    def __init__(
        self,
        name: Address,
        found: Callable[[tuple[Address, ...]], None],
        *,
        failed: Callable[[str], None] = lambda _reason: None,
        resolve: Resolve = resolve,
        rng: Random,
        interval: float = INTERVAL,
        pauses: Backoff = PAUSES,
    ) -> None:
        self._name = name
        self._found = found
        self._failed = failed
        self._resolve = resolve
        self._interval = interval
        self._known: frozenset[str] = frozenset()
        #: Why the last lookup failed.
        self._reason = ""
        self._lookups = Lookups(self._look_up, rng, pauses)

    def __repr__(self) -> str:
        return f"<NameWatch {self._name} {sorted(self._known)}>"

    def again(self) -> None:
        """Look the name up soon: an address of it failed."""
        self._lookups.again()

    async def run(self) -> None:
        """Look the name up until cancelled."""
        await self._lookups.run()

    async def _look_up(self) -> Looked | None:
        """Look the name up once."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                hosts = frozenset(await self._resolve(self._name.host, self._name.port))
        except (OSError, UnicodeError) as error:  # of which TimeoutError is one
            reason = getattr(error, "strerror", None) or str(error) or "the resolver is silent"
        else:
            reason = "" if hosts else "it has no addresses"
        if reason:
            # Once per outage as a warning, until the reason is another one.
            level = logging.DEBUG if reason == self._reason else logging.WARNING
            self._reason = reason
            stays = "; what it had stays" if self._known else ""
            _log.log(level, "cannot look up %s: %s%s", self._name, reason, stays)
            self._failed(reason)
            return None
        self._reason = ""
        if hosts == self._known:
            return Looked(False, self._interval)
        self._known = hosts
        self._found(tuple(Address("", host, self._name.port) for host in sorted(hosts)))
        return Looked(True, self._interval)
