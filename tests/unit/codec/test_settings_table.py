from dataclasses import fields, replace

import pytest

from mcpmesh.codec.settings_table import message_of, table_of
from mcpmesh.codec.tool import tool_from_message, tool_to_message
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool
from mcpmesh.policy.balancing import Balancing
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


def test_every_setting_of_balancing_has_a_field_of_its_name() -> None:
    names = {field.name for field in tool_pb2.BalancePolicy.DESCRIPTOR.fields}
    assert names == {field.name for field in fields(Balancing)}
    assert table_of(tool_pb2.BalancePolicy()) == {}


def test_a_tools_capability_travels() -> None:
    tool = Tool("echo", capability="repeating")
    assert tool_to_message(tool).capability == "repeating"
    assert tool_from_message(tool_to_message(tool)) == tool


def test_a_capability_is_a_name() -> None:
    with pytest.raises(InvalidCall, match="tool echo: capability 'a b' is not"):
        Tool("echo", capability="a b")
