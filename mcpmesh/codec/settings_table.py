"""Settings in a message to the table that a configuration file would have, and back.

Fields and keys have the same names, so a new setting needs no line here.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from mcpmesh.errors import InvalidCall

M = TypeVar("M", bound=Message)


def table_of(message: Message) -> dict[str, Any]:
    """Return what a message says as a table; what is absent is absent."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(value)
    if isinstance(value, Message):
        return table_of(value)
    if field.message_type is not None:
        return [table_of(each) for each in value]
    return value if isinstance(value, str | bytes | int | float) else list(value)


def message_of(kind: type[M], table: Mapping[str, Any]) -> M:
    """Write a table as a message.

    Raises: InvalidCall for what the message has no field for.
    """
    try:
        return ParseDict(dict(table), kind())
    except (ParseError, TypeError, ValueError) as error:
        raise InvalidCall(f"{kind.__name__}: {error}") from error
