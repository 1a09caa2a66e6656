"""Where the SRV records of a name say that a service is.

Needs dnspython: the operating system's resolver knows addresses only.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.SRV import SRV

from mcpmesh.model.address import Address
from mcpmesh.model.srv_name import SrvName

#: Seconds after which name servers that do not answer have failed.
LOOKUP_SECONDS = 10.0
#: Targets whose addresses are asked for at the same time.
_AT_ONCE = 16
_FAMILIES = ("A", "AAAA")


class LookupFailed(Exception):
    """Nobody knows now; what was known before still holds."""


@dataclass(frozen=True, slots=True)
class SrvTarget:
    """An address of a target of a record; of the lowest priority number first.

    Source: RFC 2782.
    """

    address: Address
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class SrvAnswer:
    """All targets.

    Units: `ttl` in seconds, the shortest of all records that it is made of.
    """

    targets: tuple[SrvTarget, ...]
    ttl: float


class SrvLookup:
    """Asks for the records of one name, and for the addresses of their targets."""

    def __init__(self, name: SrvName) -> None:
        """Prepare to ask.

        Raises: LookupFailed when the system has no name servers and none is given.
        """
        self._name = name
        try:
            resolver = dns.asyncresolver.Resolver(configure=not name.server)
        except dns.exception.DNSException as error:
            raise LookupFailed(_reason(error)) from error
        if name.server:
            resolver.nameservers = [name.server]
            resolver.port = name.port
        resolver.lifetime = LOOKUP_SECONDS
        self._resolver = resolver
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(self) -> SrvAnswer:
        """Ask once.

        Returns: no targets when the records say that there is no such service.
        Raises: LookupFailed.
        """
        try:
            answer = await self._resolver.resolve(self._name.name, "SRV", search=False)
            ttl = _ttl(answer)
            records = [each for each in answer if isinstance(each, SRV)]
            # A lone root as target says that the service is not there, on purpose.
            records = [each for each in records if each.target != dns.name.root]
            hosts = sorted({each.target for each in records})
            found = await asyncio.gather(*(self._hosts(each, answer.response) for each in hosts))
        except dns.exception.DNSException as error:
            raise LookupFailed(_reason(error)) from error
        except OSError as error:
            raise LookupFailed(error.strerror or str(error)) from error
        addresses = {host: ips for host, (ips, _) in zip(hosts, found, strict=True)}
        targets = tuple(
            SrvTarget(Address("", ip, each.port), each.priority, each.weight)
            for each in sorted(records, key=lambda each: (each.priority, each.target, each.port))
            for ip in addresses[each.target]
            if each.port
        )
        if records and not targets:
            raise LookupFailed("its targets have no addresses")
        return SrvAnswer(targets, min([ttl, *(each for _, each in found)]))

    async def _hosts(
        self, host: dns.name.Name, response: dns.message.Message
    ) -> tuple[tuple[str, ...], float]:
        """Return a target's addresses, which servers may have added to their answer already."""
        added = [
            each
            for each in response.additional
            if each.name == host and each.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        ]
        if added:
            ips = {str(record) for records in added for record in records}
            return tuple(sorted(ips)), min(each.ttl for each in added)
        async with self._slots:
            answers = await asyncio.gather(*(self._addresses(host, each) for each in _FAMILIES))
        found = [each for each in answers if each is not None]
        ips = {str(record) for answer in found for record in answer}
        return tuple(sorted(ips)), min(map(_ttl, found), default=float("inf"))

    async def _addresses(self, host: dns.name.Name, family: str) -> dns.resolver.Answer | None:
        try:
            return await self._resolver.resolve(host, family, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None


def _ttl(answer: dns.resolver.Answer) -> float:
    return float(min(_ttls(answer)))


def _ttls(answer: dns.resolver.Answer) -> Iterable[int]:
    # What aliases on the way say counts as well.
    return [each.ttl for each in answer.response.answer] or [0]


def _reason(error: dns.exception.DNSException) -> str:
    match error:
        case dns.resolver.NXDOMAIN():
            return "there is no such name"
        case dns.resolver.NoAnswer():
            return "it has no SRV records"
        case dns.exception.Timeout():
            return "the name servers are silent"
        case dns.resolver.NoNameservers():
            return "the name servers cannot answer"
    return str(error)
