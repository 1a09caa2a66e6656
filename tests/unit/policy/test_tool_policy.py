from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool
from mcpmesh.policy.balancing import Balancing
from mcpmesh.policy.table import read_table, spelled_out
from mcpmesh.policy.tool_policy import DEFAULT, ToolPolicies, ToolPolicy, wishes


@dataclass(frozen=True)
class Inner:
    SHORT: ClassVar[str] = "name"
    name: Literal["a", "b"] = "a"
    size: float = 1.0


@dataclass(frozen=True)
class Outer:
    count: int = 1
    on: bool = False
    names: tuple[str, ...] = ()
    shares: dict[str, float] | None = None
    inner: Inner = Inner()
    maybe: Inner | None = None


def test_a_table_becomes_what_its_fields_are() -> None:
    table = {
        "count": 3, "on": True, "names": ["x", "y"], "shares": {"v2": 5},
        "inner": {"name": "b", "size": 2}, "maybe": "b",
    }  # fmt: skip
    assert read_table(Outer, table, "it") == Outer(
        3, True, ("x", "y"), {"v2": 5.0}, Inner("b", 2.0), Inner("b")
    )
    assert read_table(Outer, {}, "it") == Outer()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"cuont": 3}, "it: unknown key 'cuont'; did you mean count"),
        ({"count": "3"}, "it.count: '3' is not a whole number"),
        ({"count": True}, "it.count: True is not a whole number"),
        ({"on": 1}, "it.on: 1 is not true or false"),
        ({"names": "x"}, "it.names is not a list"),
        ({"names": [1]}, r"it.names\[0\]: 1 is not a text"),
        ({"shares": 5}, "it.shares is not a table"),
        ({"inner": {"size": "big"}}, "it.inner.size: 'big' is not a number"),
        ("x", "it is not a table of settings"),
    ],
)
def test_what_cannot_be_right_is_refused_by_its_place(table: object, reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason):
        read_table(Outer, table, "it")


def test_short_forms_are_written_out() -> None:
    assert spelled_out(Outer, {"inner": "b", "maybe": "a", "count": 2}) == {
        "inner": {"name": "b"}, "maybe": {"name": "a"}, "count": 2,
    }  # fmt: skip


def test_a_tool_without_tables_has_the_one_default() -> None:
    assert ToolPolicies().of(Tool("echo")) is DEFAULT
    assert ToolPolicies({"other": {}}).of(Tool("echo")) is DEFAULT


def test_the_operator_goes_before_the_tool_and_the_tool_before_the_table_of_all() -> None:
    # Which table decided shows in what is refused: these are not checked together.
    tables = {"*": {"balance": "p2c"}, "echo": {"balance": {"policy": "p2c"}}}
    policies = ToolPolicies(tables)
    wishing = replace(Tool("echo"), policy={"balance": "nonsense"})
    assert policies.of(wishing) == ToolPolicy(Balancing("p2c"))
    with pytest.raises(InvalidCall, match="nonsense"):
        policies.of(replace(wishing, name="other"))


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"echo": {"balance": "fastest"}}, "tools.echo.balance: policy 'fastest' is not one of"),
        ({"echo": {"balanec": "p2c"}}, "tools.echo: unknown key 'balanec'; did you mean balance"),
        ({"a tool": {}}, "tool name"),
        ({"echo": 1}, "tools.echo is not a table"),
    ],
)
def test_tables_that_cannot_be_right_are_refused(tables: dict[str, dict], reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason):
        ToolPolicies(tables)


def test_a_wish_that_nobody_can_follow_is_refused() -> None:
    assert wishes("echo", {"balance": "p2c"}) == {"balance": {"policy": "p2c"}}
    with pytest.raises(InvalidCall, match=r"tool echo: policy\.balance"):
        wishes("echo", {"balance": "fastest"})


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"fallback": "echo"}, r"fallback: echo cannot stand in for itself; name another tool"),
        (
            {"mirror": {"version": "2"}, "split": {"shares": {"2": 0.5}}},
            r"version 2 is to get copies of calls \(mirror\) and calls \(split\)",
        ),
        ({"mirror": {"version": "2"}, "split": {"metadata": {"x-new": "2"}}}, "version 2 is to"),
    ],
)
def test_settings_that_speak_against_each_other_are_refused(table: dict, reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason):
        wishes("echo", table)
    with pytest.raises(InvalidCall, match=reason):
        ToolPolicies({"echo": table})


def test_a_fallback_of_all_tools_may_have_a_table_and_a_version_stands_in_for_another() -> None:
    ToolPolicies({"*": {"fallback": "echo"}, "echo": {"balance": "p2c"}})
    ToolPolicies({"echo": {"fallback": {"tool": "echo", "version": "1"}}})


def test_what_a_tool_wishes_is_not_refused_for_what_is_said_of_all() -> None:
    policies = ToolPolicies({"*": {"mirror": {"version": "2"}}})
    wishing = replace(Tool("echo"), policy={"split": {"shares": {"2": 0.5}}})
    assert policies.of(wishing).mirror is not None
    assert policies.said_of(wishing).mirror is None
