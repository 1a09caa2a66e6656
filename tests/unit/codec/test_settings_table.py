from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from google.protobuf.descriptor import FieldDescriptor

from mcpmesh.codec.settings_table import message_of, table_of
from mcpmesh.codec.tool import tool_from_message, tool_to_message
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import ToolPolicy
from mcpmesh.v1 import tool_pb2


def test_a_tools_policy_travels_and_what_is_not_said_stays_unsaid() -> None:
    tool = replace(Tool("echo"), policy={"balance": {"policy": "p2c"}})
    message = tool_to_message(tool)
    assert message.policy.balance.policy == "p2c"
    assert tool_from_message(message) == tool
    assert tool_from_message(tool_to_message(Tool("echo"))).policy == {}
    assert not tool_to_message(Tool("echo")).HasField("policy")


def test_a_setting_without_a_field_is_refused() -> None:
    with pytest.raises(InvalidCall, match=r"CallPolicy: .*nonsense"):
        message_of(tool_pb2.CallPolicy, {"nonsense": 1})


def test_what_an_operator_can_set_a_tool_can_wish_for_and_nothing_else() -> None:
    assert _fields(tool_pb2.CallPolicy.DESCRIPTOR) == _settings(ToolPolicy)
    assert table_of(tool_pb2.CallPolicy()) == {}


def test_a_wish_for_every_setting_arrives_as_it_is() -> None:
    table = {
        name: {key: _SAMPLES[_plain(hint)] for key, hint in _hints(kind).items()}
        for name, kind in _kinds(ToolPolicy).items()
    }
    tool = replace(Tool("echo"), policy=table)
    assert tool_from_message(tool_to_message(tool)).policy == table


def _kinds(owner: type[Any]) -> dict[str, type[Any]]:
    """Return the classes of a class's fields that are settings too, by the fields' names."""
    kinds = {
        name: [each for each in (hint, *get_args(hint)) if is_dataclass(each)]
        for name, hint in _hints(owner).items()
    }
    return {name: found[0] for name, found in kinds.items() if found}  # type: ignore[misc]


def _hints(owner: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(owner)
    return {field.name: hints[field.name] for field in fields(owner)}


def _plain(hint: Any) -> Any:
    return Literal if get_origin(hint) is Literal else hint


def _settings(owner: type[Any]) -> dict[str, Any]:
    """Return the keys of a table of settings, and of those in it, each with what it takes."""
    kinds = _kinds(owner)
    return {
        name: _settings(kinds[name]) if name in kinds else _TAKES[_plain(hint)]
        for name, hint in _hints(owner).items()
    }


def _fields(message: Any) -> dict[str, Any]:
    """Return the fields of a message, and of those in it, each with what it takes."""
    return {field.name: _taken(field) for field in message.fields}


def _taken(field: Any) -> Any:
    inner = field.message_type
    if inner is None:
        # What is not said can be told from what is said to be nothing.
        return field.has_presence, field.type
    if inner.GetOptions().map_entry:
        return inner.fields_by_name["value"].type, "by name"
    return _fields(inner)


_TAKES = {
    str: (True, FieldDescriptor.TYPE_STRING),
    Literal: (True, FieldDescriptor.TYPE_STRING),
    bool: (True, FieldDescriptor.TYPE_BOOL),
    int: (True, FieldDescriptor.TYPE_INT32),
    float: (True, FieldDescriptor.TYPE_DOUBLE),
    Mapping[str, float]: (FieldDescriptor.TYPE_DOUBLE, "by name"),
    Mapping[str, str]: (FieldDescriptor.TYPE_STRING, "by name"),
}


#: What would be lost if it could not be told from what is not said.
_SAMPLES: dict[Any, Any] = {
    str: "",
    Literal: "p2c",
    bool: False,
    int: 0,
    float: 0.0,
    Mapping[str, float]: {"1": 0.5},
    Mapping[str, str]: {"x": "1"},
}


def test_a_tools_capability_travels() -> None:
    tool = Tool("echo", capability="repeating")
    assert tool_to_message(tool).capability == "repeating"
    assert tool_from_message(tool_to_message(tool)) == tool


def test_a_capability_is_a_name() -> None:
    with pytest.raises(InvalidCall, match="tool echo: capability 'a b' is not"):
        Tool("echo", capability="a b")
