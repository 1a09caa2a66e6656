"""What the connections of an HTTP server share: who answers, how long clients may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from mcpmesh.bridge.answering import Answering
from mcpmesh.bridge.http_head import answer_of
from mcpmesh.bridge.http_message import Header, Headers, HttpAnswer, HttpRefusal, HttpRequest
from mcpmesh.bridge.http_reader import KnownHeads, ReaderLimits
from mcpmesh.model.principal import Principal
from mcpmesh.transport.gate import Gate
from mcpmesh.transport.refusals import Refusals

if TYPE_CHECKING:
    from mcpmesh.bridge.http_connection import HttpConnection


@dataclass(frozen=True, slots=True)
class HttpTimes:
    """How long a client may take.

    Units: seconds. `idle` between two requests, `head` and `body` for those parts of a request
    to come whole, `unread` without taking a byte of an answer, `linger` to read a refusal; `age` of
    a connection, give or take a tenth, after which it ends with the answer under way. `silence` is
    ours: a request that is answered for so long without a word is looked at.
    """

    idle: float = 75.0
    head: float = 30.0
    body: float = 30.0
    silence: float = inf
    unread: float = 60.0
    linger: float = 5.0
    age: float = inf


#: What answers a request: it returns the answer, or None when it was written to the stream.
Work = Coroutine[Any, Any, HttpAnswer | None]
#: Raises CancelledError where the answering of a request waits.
Cancel = Callable[[], object]


class Stream(Protocol):
    """Where an answer goes that is written in parts, and who reads it."""

    @property
    def principal(self) -> Principal:
        """Whom the client proved to be."""
        ...

    def begin(self, headers: tuple[Header, ...]) -> None:
        """Write the head, with status 200."""

    async def write(self, part: bytes) -> None:
        """Write a part of the body; waits while the client is behind with reading."""

    def cancel(self) -> None:
        """Cancel the answering of the request, because its client asked for that."""

    def hand_over(self, rest: Work, ended: Callable[[BaseException | None], None]) -> Cancel:
        """Have other work write the answer; what answered so far goes on apart from the client.

        `ended` is told of the end of that, and whether it failed. Returns how to cancel it.
        """
        ...


class HttpHandler(Protocol):
    """What answers requests."""

    def __call__(
        self, request: HttpRequest, stream: Stream
    ) -> Coroutine[Any, Any, HttpAnswer | None]:
        """Return the answer; None when it was written to the stream.

        It is run by hand: what needs a task of its own makes one.
        """
        ...


@dataclass(slots=True)
class HttpHouse:
    """What all connections of a server share."""

    handler: HttpHandler
    limits: ReaderLimits
    times: HttpTimes
    gate: Gate
    refusals: Refusals
    answering: Answering = field(default_factory=Answering)
    rng: Random = field(default_factory=Random)
    known: KnownHeads = field(default_factory=KnownHeads)
    connections: set[HttpConnection] = field(default_factory=set)
    #: Told of a request that is answered for long without a word.
    late: Callable[[HttpRequest, Stream], None] | None = None
    #: Writes what the server refuses itself, in the form that answers have at the request's path.
    refusal_answer: Callable[[HttpRefusal], HttpAnswer] = answer_of
    #: Returns what the server's own answers say to a request with these fields, so that a page
    #: may read them; None: nothing.
    readable: Callable[[Headers], tuple[Header, ...]] | None = None
    #: The date's line, anew each second.
    date: bytes = b""
    #: No further requests are taken.
    draining: bool = False
    #: Set while there is no connection.
    empty: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, refusal: HttpRefusal) -> HttpAnswer:
        """Write a refusal that the handler knows nothing of, so that a page may read it too."""
        answer = self.refusal_answer(refusal)
        if self.readable is None:
            return answer
        return replace(answer, headers=(*answer.headers, *self.readable(refusal.asked)))
