"""URI templates: which URIs fit one, and what they say for its variables.

Of RFC 6570 these forms are read: {name} is one part of a path, {+name} and {name*} any rest that
may hold slashes, {?a,b} and {&a,b} a query whose members may come in any order or be missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from mcpmesh.errors import InvalidCall

_EXPRESSION = re.compile(r"\{([+?&]?)([A-Za-z_][A-Za-z0-9_,]*)(\*?)\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UriTemplate:
    """One template.

    Raises: InvalidCall for braces that are none of the forms.
    """

    text: str
    names: tuple[str, ...] = field(init=False)
    _pattern: re.Pattern[str] = field(init=False)
    _query: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names: list[str] = []
        query: set[str] = set()
        pattern, end = "", 0
        for found in _EXPRESSION.finditer(self.text):
            operator, variables, star = found.groups()
            pattern += re.escape(self.text[end : found.start()])
            end = found.end()
            parts = variables.split(",")
            if operator in ("?", "&"):
                query.update(parts)
            elif len(parts) > 1:
                raise self._malformed()
            else:
                pattern += f"(?P<{variables}>{'.+' if operator or star else '[^/?#]+'})"
            names += parts
        pattern += re.escape(self.text[end:])
        rest = _EXPRESSION.sub("", self.text)
        if not names or len(set(names)) < len(names) or "{" in rest or "}" in rest:
            raise self._malformed()
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "_pattern", re.compile(pattern))
        object.__setattr__(self, "_query", frozenset(query))

    def _malformed(self) -> InvalidCall:
        return InvalidCall(
            f"{self.text[:140]!r} is not a URI template; write {{name}}, {{+name}} or {{?name}}, "
            "each name once"
        )

    def match(self, uri: str) -> Mapping[str, str] | None:
        """Return what a URI says for the variables, None when it does not fit."""
        said = ""
        if self._query:
            uri, _, said = uri.partition("?")
        found = self._pattern.fullmatch(uri)
        if found is None:
            return None
        values = {name: unquote(value) for name, value in found.groupdict().items()}
        for name, value in parse_qsl(said, keep_blank_values=True):
            if name in self._query:
                values[name] = value
        return values
