"""What a direct channel has for a connection: calls of tools begin in its own stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mcpmesh.codec.peek import peek, peek_short
from mcpmesh.dispatch.call_head import TIES, read_call_head, tied
from mcpmesh.dispatch.direct_call import DirectCall
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.short_way import ShortWay
from mcpmesh.dispatch.straight_way import StraightWay
from mcpmesh.errors import InvalidCall
from mcpmesh.rpc.head import read_head
from mcpmesh.stack.balance import RouteTable
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES

if TYPE_CHECKING:
    from mcpmesh.dispatch.straight_call import StraightCall
    from mcpmesh.rpc.client_call import CallBase
    from mcpmesh.stack.call import Call
    from mcpmesh.stack.call_head import CallHead
    from mcpmesh.wire.stream import Stream

_TIMEOUT = b"grpc-timeout"
_REMEMBERED = 512


class DirectLine:
    """Sends a request to a replica that it picks itself.

    A tool that no replica can be reached for from here is called through the router.
    """

    #: Never: replicas come and go behind it.
    draining = False

    def __init__(
        self,
        dispatcher: Dispatcher,
        table: RouteTable,
        router: Callable[[], Connection | None],
    ) -> None:
        self._dispatcher = dispatcher
        self._table = table
        self._router = router
        stack, timeout = dispatcher.stack, dispatcher.default_timeout
        self._straight = StraightWay(stack, timeout) if isinstance(stack, ShortWay) else None
        # Heads by what repeats of them: most calls of a tool say the same.
        self._heads: dict[tuple[int, Headers], tuple[Headers, CallHead]] = {}

    def request(
        self, fields: Headers, volatile: Headers, body: bytes, asking: CallBase
    ) -> StraightCall | Call | Stream:
        """Begin a call; for the channel's call, what comes back is its stream.

        Raises: TooLarge, Draining from the router's connection.
        """
        own, asked = volatile, None
        if volatile and volatile[-1][0] == _TIMEOUT:
            own, asked = volatile[:-1], asking.time_remaining()
        known = self._heads.get((id(fields), own))
        head = self._head(fields, own) if known is None else known[1]
        tool, version = head.tool, head.version
        if not tool and not body[0]:
            tool = peek_short(body, PREFIX_BYTES)
            if not tool:
                tool, version = _tool_in(body)
        route = self._table.routes.find(tool, version)
        if route is not None and self._straight is not None and version == head.version:
            straight = self._straight.begin(head, tool, route, body, asked, asking)
            if straight is not None:
                return straight
        if route is None or not route.picker.candidates:
            connection = self._router()
            if connection is not None and not connection.draining:
                return connection.request(fields, volatile, body, asking)
        call = DirectCall(head, asking)
        call.tool, call.version, call.body, call.route = tool, version, body, route
        self._dispatcher.begin(call, asked)
        return call

    def _head(self, fields: Headers, own: Headers) -> CallHead:
        """Read a head; what repeats of it is remembered, so that it is the same object again."""
        ties = tuple(field for field in own if field[0] in TIES)
        rest = tuple(field for field in own if field[0] not in TIES) if ties else own
        known = self._heads.get((id(fields), rest))
        if known is None:
            if len(self._heads) >= _REMEMBERED:
                self._heads.clear()
            # The fields stay, so that their identity stays their own.
            known = fields, read_call_head(read_head((*fields, *rest)))
            self._heads[id(fields), rest] = known
        return tied(known[1], ties) if ties else known[1]


def _tool_in(body: bytes) -> tuple[str, str]:
    """Read the tool in the message; what is none, the stack tells."""
    try:
        return peek(body[PREFIX_BYTES:])
    except InvalidCall:
        return "", ""
