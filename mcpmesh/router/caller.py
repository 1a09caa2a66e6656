"""Who calls, for the replica: the name that the caller's certificate proves.

Only where clients are asked for certificates. What a caller then says of itself does not count:
it could say another's name.
"""

from collections.abc import Callable
from dataclasses import replace

from mcpmesh.stack.call_head import CallHead
from mcpmesh.transport.link import Link

CALLER = b"mcpmesh-caller"
#: A head is of one connection, as a rule, and so of one caller.
_REMEMBERED = 16


def proven(head: CallHead) -> Callable[[Link], CallHead]:
    """Return what makes the head say who its connection's peer is."""
    unnamed = tuple(field for field in head.forward if field[0] != CALLER)
    heads: dict[str, CallHead] = {}

    def of(link: Link) -> CallHead:
        name = link.identity.name if link.identity is not None else ""
        known = heads.get(name)
        if known is None:
            if len(heads) >= _REMEMBERED:
                heads.clear()
            named = ((CALLER, name.encode()),) if name else ()
            known = heads[name] = replace(head, forward=(*unnamed, *named))
        return known

    return of
