"""Refuses calls that no rule allows their callers."""

from collections.abc import Callable

from mcpmesh.policy.access import Access, denied
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer


class Authorizing(Layer[Call]):
    """Lets calls through that the rules allow.

    `named` says what of a call the rules are about. Where there are no rules, there is no such
    layer.
    Fails the call with: PermissionDenied.
    """

    def __init__(self, access: Access, named: Callable[[Call], str]) -> None:
        self._access = access
        self._named = named

    def start(self, call: Call) -> None:
        if self.lets(call):
            self.on(call)
        else:
            self.fail(call, denied(call.principal, self._named(call)))

    def lets(self, call: Call) -> bool:
        """Tell whether a rule allows a call."""
        return self._access.scope(call.principal).allows(self._named(call))


def authorizing(access: Access, named: Callable[[Call], str]) -> Authorizing | None:
    """Return a layer for one stack; None where there are no rules."""
    return None if access.is_open else Authorizing(access, named)


def named_tool(call: Call) -> str:
    """Return the tool, or capability, that a caller named."""
    return call.named


def named_method(call: Call) -> str:
    """Return the method of a call by path: PACKAGE.SERVICE/METHOD."""
    path = next((value for key, value in call.head.forward if key == b":path"), b"/")
    return path[1:].decode("latin-1")
