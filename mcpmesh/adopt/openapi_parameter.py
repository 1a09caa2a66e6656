"""Parameters of an OpenAPI operation: how a value is written into a URL, a header, a cookie.

Source: OpenAPI 3.1.1, 4.8.12 (styles and explode), RFC 6570.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

import orjson

from mcpmesh.sdk.failure import WrongArguments

#: What RFC 3986 reserves and allowReserved lets through.
_RESERVED = ":/?#[]@!$&'()*+,;="
Value = Any
Escape = Callable[[str], str]


class Where(Enum):
    """Where a parameter stands in a request."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"


#: The style of a parameter that names none.
DEFAULT_STYLE = {
    Where.PATH: "simple",
    Where.QUERY: "form",
    Where.HEADER: "simple",
    Where.COOKIE: "form",
}


@dataclass(frozen=True, slots=True)
class HttpParameter:
    """A parameter: `argument` is its property in the tool's arguments, `name` what the API says.

    `as_json`: its value is written as JSON, whatever it is.
    """

    argument: str
    name: str
    where: Where
    style: str
    explode: bool
    required: bool = False
    reserved: bool = False
    as_json: bool = False

    def in_path(self, value: Value) -> str:
        """Write a value for the path.

        Raises: WrongArguments for one that would name another path.
        """
        text = _joined_path(self, value)
        if text in ("", ".", ".."):
            raise WrongArguments(f"{self.argument}: {value!r:.80} cannot stand in a path")
        return text

    def in_query(self, value: Value) -> Iterator[str]:
        """Yield the parts that stand for a value between the query's ampersands."""
        escape = _escape(_RESERVED if self.reserved else "")
        key = _escape("[]")(self.name)
        if self.as_json:
            yield f"{key}={escape(_json(value))}"
        elif isinstance(value, Mapping):
            yield from _query_of_object(self, key, value, escape)
        elif isinstance(value, list):
            values = [escape(text(each)) for each in value]
            if self.explode and self.style == "form":
                yield from (f"{key}={each}" for each in values)
            elif values:
                separator = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(self.style, ",")
                yield f"{key}={separator.join(values)}"
        else:
            yield f"{key}={escape(text(value))}"

    def in_header(self, value: Value) -> str:
        """Write a value for a header or, with percents, for a cookie.

        Raises: WrongArguments for one that no header can hold.
        """
        escape = _escape("") if self.where is Where.COOKIE else str
        written = _json(value) if self.as_json else _simple(value, self.explode, escape)
        if any(ord(each) < 32 or ord(each) == 127 for each in written):
            raise WrongArguments(f"{self.argument}: a header cannot hold control characters")
        return written


def text(value: Value) -> str:
    """Write a value as a text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else "" if value is None else _json(value)


def _joined_path(parameter: HttpParameter, value: Value) -> str:
    escape = _escape("")
    if parameter.as_json:
        return escape(_json(value))
    name = escape(parameter.name)
    if parameter.style == "label":
        separator = "." if parameter.explode else ","
        return "." + _simple(value, parameter.explode, escape, separator)
    if parameter.style == "matrix":
        if isinstance(value, list) and parameter.explode:
            return "".join(f";{name}={escape(text(each))}" for each in value)
        if isinstance(value, Mapping) and parameter.explode:
            return "".join(f";{escape(key)}={escape(text(each))}" for key, each in value.items())
        return f";{name}={_simple(value, False, escape)}"
    return _simple(value, parameter.explode, escape)


def _simple(value: Value, explode: bool, escape: Escape, separator: str = ",") -> str:
    if isinstance(value, Mapping):
        between = "=" if explode else separator
        pairs = (f"{escape(key)}{between}{escape(text(each))}" for key, each in value.items())
        return separator.join(pairs)
    if isinstance(value, list):
        return separator.join(escape(text(each)) for each in value)
    return escape(text(value))


def _query_of_object(
    parameter: HttpParameter, key: str, value: Mapping[str, Value], escape: Escape
) -> Iterator[str]:
    name = _escape("")
    if parameter.style == "deepObject":
        for inner, each in value.items():
            many = each if isinstance(each, list) else [each]
            yield from (f"{key}[{name(inner)}]={escape(text(one))}" for one in many)
    elif parameter.explode and parameter.style == "form":
        yield from (f"{name(inner)}={escape(text(each))}" for inner, each in value.items())
    elif value:
        separator = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(parameter.style, ",")
        parts = (
            part for inner, each in value.items() for part in (name(inner), escape(text(each)))
        )
        yield f"{key}={separator.join(parts)}"


def _escape(safe: str) -> Escape:
    return lambda value: quote(value, safe=safe)


def _json(value: Value) -> str:
    return orjson.dumps(value).decode()
