"""Subchannels to all addresses of a name; calls take turns over those that are READY.

Source: gRPC's round_robin policy; a name's addresses are looked up again when one fails.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

from mcpmesh.errors import NoReplica
from mcpmesh.model.address import Address
from mcpmesh.rpc.subchannel import State, Subchannel
from mcpmesh.transport.names import NameWatch, Resolve, resolve
from mcpmesh.wire.connection import Connection

#: Seconds that calls on an address that left the name may still take.
_FORGET_GRACE = 30.0
OnState = Callable[[Subchannel], None]


class RoundRobin:
    """All connections to a name; to a channel it is what a Subchannel to one address is.

    `make` makes the subchannel of an address, not connected yet.
    """

    def __init__(
        self,
        name: Address,
        make: Callable[[Address, OnState], Subchannel],
        *,
        rng: Random,
        resolve: Resolve = resolve,
    ) -> None:
        self.endpoint = str(name)
        self.state = State.IDLE
        #: Why the name, or an address of it, failed last.
        self.reason = ""
        self._make = make
        self._subchannels: dict[Address, Subchannel] = {}
        self._ready: tuple[Connection, ...] = ()
        self._turn = rng.getrandbits(16)
        self._watch = NameWatch(name, self._found, failed=self._not_found, resolve=resolve, rng=rng)
        self._watching: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._changed: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        ready = len(self._ready)
        return f"<RoundRobin {self.endpoint} {ready} of {len(self._subchannels)} ready>"

    @property
    def connection(self) -> Connection | None:
        """The connection whose turn it is; None while there is none."""
        ready = self._ready
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]

    @property
    def server_names(self) -> frozenset[str]:
        """What the servers' certificates call them."""
        return frozenset().union(*(each.server_names for each in self._subchannels.values()))

    def connect(self) -> None:
        """Look the name up and connect to its addresses, unless that is under way or done."""
        if self.state is State.IDLE:
            self._watching = asyncio.ensure_future(self._watch.run())
            self._move(State.CONNECTING)

    async def ready(self, wait_for_ready: bool = False) -> Connection:
        """Wait for a connection.

        Raises: NoReplica when none can be made; with `wait_for_ready` only when it was closed.
        """
        while (connection := self.connection) is None:
            if self.state is State.SHUTDOWN:
                raise NoReplica(f"the channel to {self.endpoint} is closed")
            if self.state is State.TRANSIENT_FAILURE and not wait_for_ready:
                raise NoReplica(f"cannot connect to {self.endpoint}: {self.reason}")
            self.connect()
            await self.changed()
        return connection

    async def changed(self) -> None:
        """Wait for the next change of state."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    async def close(self, grace: float | None = None) -> None:
        """Close all connections, after letting their streams finish for `grace` seconds."""
        if self.state is State.SHUTDOWN:
            return
        self._move(State.SHUTDOWN)
        self._ready = ()
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for task in self._closing:
            task.cancel()
        await asyncio.gather(
            *(each.close(grace) for each in self._subchannels.values()),
            *self._closing,
            return_exceptions=True,
        )

    def _found(self, addresses: tuple[Address, ...]) -> None:
        for gone in self._subchannels.keys() - set(addresses):
            task = asyncio.ensure_future(self._subchannels.pop(gone).close(_FORGET_GRACE))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        for address in addresses:
            if address not in self._subchannels:
                made = self._subchannels[address] = self._make(address, self._on_state)
                made.connect()
        self._update()

    def _not_found(self, reason: str) -> None:
        if not self._subchannels:
            self.reason = f"cannot look it up: {reason}"
            self._move(State.TRANSIENT_FAILURE)

    def _on_state(self, subchannel: Subchannel) -> None:
        if self.state is State.SHUTDOWN or subchannel not in self._subchannels.values():
            return
        if subchannel.state in (State.IDLE, State.TRANSIENT_FAILURE):
            self.reason = f"{subchannel.endpoint}: {subchannel.reason}"
            self._watch.again()
        self._update()

    def _update(self) -> None:
        connections = (each.connection for each in self._subchannels.values())
        self._ready = tuple(each for each in connections if each is not None)
        states = {each.state for each in self._subchannels.values()}
        if self._ready:
            self._move(State.READY)
        elif states == {State.TRANSIENT_FAILURE}:
            self._move(State.TRANSIENT_FAILURE)
        elif self.state is not State.TRANSIENT_FAILURE:
            # As gRPC has it, a failure stands until a connection is made.
            self._move(State.CONNECTING)

    def _move(self, to: State) -> None:
        if to is self.state:
            return
        self.state = to
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)
