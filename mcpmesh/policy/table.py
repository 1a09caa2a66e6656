"""Reads settings from a table, as TOML, JSON and registrations have them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mcpmesh.errors import InvalidCall
from mcpmesh.model.nearest import did_you_mean

T = TypeVar("T")
Table = Mapping[str, Any]


def read_table(kind: type[T], table: object, where: str) -> T:
    """Make a settings object of a table; tables in it become what its fields are.

    A class with a `SHORT` can be written as the value of that field alone.
    Raises: InvalidCall naming the key that is unknown, has a value of a wrong type, or is refused
    by the class.
    """
    if not isinstance(table, Mapping):
        short = getattr(kind, "SHORT", "")
        if not short:
            raise InvalidCall(f"{where} is not a table of settings")
        table = {short: table}
    hints = _hints(kind)  # type: ignore[arg-type]
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in names:
            raise InvalidCall(f"{where}: unknown key {key!r}{did_you_mean(str(key), names)}")
        values[key] = _read(hints[key], value, f"{where}.{key}")
    try:
        return kind(**values)
    except InvalidCall as error:
        raise InvalidCall(f"{where}: {error.message}") from error


def spelled_out(kind: type[Any], table: Table) -> Table:
    """Return a checked table with what `SHORT` stands for written out."""
    hints = _hints(kind)  # type: ignore[arg-type]
    return {key: _spelled(hints[key], value) for key, value in table.items()}


def _spelled(hint: Any, value: Any) -> Any:
    kinds = [each for each in (hint, *get_args(hint)) if is_dataclass(each)]
    if not kinds or value is None:
        return value
    (kind,) = kinds
    assert isinstance(kind, type)
    if not isinstance(value, Mapping):
        value = {kind.SHORT: value}  # type: ignore[attr-defined]
    return spelled_out(kind, value)


@cache
def _hints(kind: type[Any]) -> Table:
    return get_type_hints(kind)


def _read(hint: Any, value: object, where: str) -> object:
    """Read a value as what a field takes."""
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (each for each in get_args(hint) if each is not type(None))
        origin = get_origin(hint)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return read_table(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidCall(f"{where} is not a list")
        item = get_args(hint)[0]
        return tuple(_read(item, each, f"{where}[{place}]") for place, each in enumerate(value))
    if origin is not None and origin is not Literal and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InvalidCall(f"{where} is not a table")
        item = get_args(hint)[1]
        return {str(key): _read(item, each, f"{where}.{key}") for key, each in value.items()}
    return _plain(str if origin is Literal else hint, value, where)


#: How a person says what a field takes.
_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def _plain(hint: type, value: object, where: str) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InvalidCall(f"{where}: {value!r} is not {_WORDS[hint]}")
    return value
