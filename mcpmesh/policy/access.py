"""Who may call what: rules that allow; with any, nothing else is allowed.

An identity goes in, a decision comes out. Rules are about what callers name, not about which tool
answers in the end: a stand-in, a version and the tool chosen for a capability are the operator's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcpmesh.errors import InvalidCall, PermissionDenied
from mcpmesh.model.principal import Principal

#: In a pattern, stands for any text; alone, for everybody and everything.
ANY = "*"
#: Callers whose scopes are remembered.
_REMEMBERED = 1024
_MAX_PATTERN = 1024
_NOTHING = "(?!)"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Lets callers call tools; a caller and a tool fit when one of the patterns does.

    Raises: InvalidCall.
    """

    callers: tuple[str, ...] = ()
    """Patterns of the names that callers' certificates prove, with * for any text; an empty one \
stands for callers that prove nothing, and * alone for all of them."""
    tools: tuple[str, ...] = ()
    """Patterns of what they may call: tools, capabilities, prompt:NAME, resource:URI, and \
PACKAGE.SERVICE/METHOD of gRPC services that replicas serve."""

    def __post_init__(self) -> None:
        for name, patterns in (("callers", self.callers), ("tools", self.tools)):
            if not patterns:
                raise InvalidCall(f'{name} is missing, or empty; ["*"] stands for all of them')
            if any(len(pattern) > _MAX_PATTERN for pattern in patterns):
                raise InvalidCall(f"{name}: a pattern is longer than {_MAX_PATTERN} characters")
        if "" in self.tools:
            raise InvalidCall('tools: an empty pattern fits nothing; ["*"] stands for all')


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may call; callers to whom the same rules apply have equal scopes."""

    tools: tuple[str, ...]
    """Patterns, sorted."""
    _fits: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fits", _pattern(self.tools))

    @property
    def is_all(self) -> bool:
        """Whether there is nothing that it does not allow."""
        return ANY in self.tools

    def allows(self, name: str) -> bool:
        """Tell whether something of this name may be called."""
        return self._fits.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Access:
    """All rules; without any everybody may call everything."""

    rules: tuple[AccessRule, ...] = ()
    _callers: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    # By the principals' names: a caller calls again and again.
    _scopes: dict[str, Scope] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        callers = tuple(_pattern(rule.callers) for rule in self.rules)
        object.__setattr__(self, "_callers", callers)

    @property
    def is_open(self) -> bool:
        """Whether there are no rules."""
        return not self.rules

    @property
    def names_callers(self) -> bool:
        """Whether a rule tells callers that prove who they are from others."""
        return any(caller not in ("", ANY) for rule in self.rules for caller in rule.callers)

    def scope(self, principal: Principal) -> Scope:
        """Return what a caller may call."""
        name = principal.name
        scope = self._scopes.get(name)
        if scope is None:
            if len(self._scopes) >= _REMEMBERED:
                self._scopes.clear()
            scope = self._scopes[name] = self._scope(name)
        return scope

    def _scope(self, name: str) -> Scope:
        if self.is_open:
            return _EVERYTHING
        fitting = zip(self.rules, self._callers, strict=True)
        allowed = [rule.tools for rule, callers in fitting if callers.fullmatch(name)]
        tools = tuple(sorted({tool for tools in allowed for tool in tools}))
        return _EVERYTHING if ANY in tools else Scope(tools)


def denied(principal: Principal, what: str) -> PermissionDenied:
    """Return the error for a call that no rule allows, whether there is such a tool or not."""
    who = principal.name or "a caller without a certificate"
    return PermissionDenied(
        f"{what}: {who} may not call it; to allow that, add it to a rule of this router's "
        "[[access]] (--access)"
    )


def _pattern(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_escaped, patterns)) if patterns else _NOTHING, re.DOTALL)


def _escaped(pattern: str) -> str:
    return ".*".join(map(re.escape, pattern.split(ANY)))


_EVERYTHING = Scope((ANY,))
