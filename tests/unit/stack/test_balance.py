from dataclasses import replace
from random import Random

from mcpmesh.errors import MeshError, NoReplica, ToolNotFound
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.balance import Balance
from tests.unit.stack.virtual import (
    Asked,
    Below,
    Table,
    above,
    away,
    call_of,
    cluster,
    coming,
    ready,
)


class Picking:
    """The balance layer over one that notes who was picked."""

    def __init__(self) -> None:
        self.table = Table()
        self.below = Below()
        self.layer = Balance(self.table, Random(7), lambda: 0.0, self.unknown)
        above(self.layer, self.below)

    def unknown(self, tool: str, version: str) -> MeshError:
        return ToolNotFound(f"no {tool} {version}")

    @property
    def picked(self) -> list[str]:
        """Return the version and replica of each attempt that went on."""
        return [
            f"{each.call.route.cluster.tool.version}:{each.candidate.replica.id}"
            for each in self.below.begun
        ]

    def call(self, **fields: object) -> Asked:
        call = call_of(**fields)
        call.current = Attempt(call, self.below)  # type: ignore[arg-type]
        self.layer.start(call.current)
        return call


def test_the_call_learns_its_route_and_replica() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a"), a=ready("a"))
    call = picking.call()
    assert picking.picked == ["1:a"]
    assert call.candidate is not None
    assert call.candidate.replica.id == "a"


def test_unknown_tool_is_what_the_catalog_says_of_it() -> None:
    error = Picking().call(version="9").error
    assert isinstance(error, ToolNotFound)
    assert error.message == "no echo 9"


def test_a_tool_without_ready_replicas_is_refused_at_once_naming_them() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a", "b", "c", "d", "e"))
    error = picking.call().error
    assert isinstance(error, NoReplica)
    assert "none of its 5 replicas" in error.message
    assert "a@10.0.0.1:" in error.message
    assert "and 2 more" in error.message


def test_a_tool_whose_only_replica_is_away_is_told_in_the_singular() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a"))
    error = picking.call().error
    assert isinstance(error, NoReplica)
    assert error.message.startswith("echo: its only replica takes no calls now (a@10.0.0.1:")


def test_newest_version_is_the_default_and_others_are_found_by_name() -> None:
    picking = Picking()
    picking.table.show(
        cluster("echo", "b", version="2"), cluster("echo", "a", version="1"),
        a=ready("a"), b=ready("b"),
    )  # fmt: skip
    for version in ("", "1", "2"):
        picking.call(version=version)
    assert picking.picked == ["2:b", "1:a", "2:b"]
    assert isinstance(picking.call(version="3").error, ToolNotFound)


def test_every_waiting_call_goes_on_when_a_replica_comes() -> None:
    picking = Picking()
    waiting = [picking.call(wait_for_ready=True) for _ in range(3)]
    picking.table.show(cluster("echo", "a"))
    assert picking.picked == []
    assert not any(each.error for each in waiting)
    picking.table.show(cluster("echo", "a"), a=ready("a"))
    assert picking.picked == ["1:a"] * 3


def test_replica_that_is_being_connected_to_is_waited_for_when_there_is_no_other() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a", "b"), a=coming("a"), b=away("b"))
    waiting = [picking.call() for _ in range(3)]
    assert picking.picked == []
    assert not any(each.error for each in waiting)
    picking.table.show(cluster("echo", "a", "b"), a=ready("a"), b=away("b"))
    assert picking.picked == ["1:a"] * 3


def test_nobody_waits_any_more_for_a_replica_that_could_not_be_connected_to() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a"), a=coming("a"))
    waiting = picking.call()
    picking.table.show(cluster("echo", "a"), a=away("a"))
    assert isinstance(waiting.error, NoReplica)
    assert isinstance(picking.call().error, NoReplica)


def test_nobody_waits_for_a_replica_that_drains() -> None:
    picking = Picking()
    picking.table.show(replace(cluster("echo", "a"), draining=frozenset("a")), a=coming("a"))
    assert isinstance(picking.call().error, NoReplica)


def test_a_ready_version_is_taken_before_one_that_comes_and_that_before_one_that_does_not() -> None:
    picking = Picking()
    new, old = cluster("echo", "b", version="2"), cluster("echo", "a", version="1")
    picking.table.show(new, old, a=ready("a"), b=coming("b"))
    picking.call()
    assert picking.picked == ["1:a"]
    picking.table.show(new, old, a=coming("a"), b=away("b"))
    waiting = picking.call()
    assert waiting.error is None
    picking.table.show(new, old, a=ready("a"), b=away("b"))
    assert picking.picked == ["1:a", "1:a"]


def test_waiting_call_that_ends_is_not_woken() -> None:
    picking = Picking()
    waiting = picking.call(wait_for_ready=True)
    waiting.interrupt(ToolNotFound("enough"))
    picking.table.show(cluster("echo", "a"), a=ready("a"))
    assert isinstance(waiting.error, ToolNotFound)
    assert picking.picked == []


def test_a_call_that_goes_on_is_given_up_where_it_is_then() -> None:
    picking = Picking()
    waiting = picking.call(wait_for_ready=True)
    picking.table.show(cluster("echo", "a"), a=ready("a"))
    assert waiting.current is not None
    assert waiting.current.holder is picking.below


def test_one_waiting_call_may_end_another_as_it_goes_on() -> None:
    picking = Picking()
    first, second = (picking.call(wait_for_ready=True) for _ in range(2))
    begin = picking.below.start

    def ending(attempt: Attempt) -> None:
        begin(attempt)
        second.interrupt(ToolNotFound("enough"))

    picking.layer.on = ending
    picking.table.show(cluster("echo", "a"), a=ready("a"))
    assert [each.call for each in picking.below.begun] == [first]


def test_replicas_that_failed_the_call_are_avoided() -> None:
    picking = Picking()
    picking.table.show(cluster("echo", "a", "b", "c"), a=ready("a"), b=ready("b"), c=ready("c"))
    for _ in range(20):
        picking.call(tried=("a", "c"))
    assert set(picking.picked) == {"1:b"}
