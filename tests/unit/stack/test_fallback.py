from typing import Any

import pytest

from mcpmesh.errors import (
    DeadlineExceeded,
    InvalidCall,
    MeshError,
    NoReplica,
    Overloaded,
    ReplicaLost,
    ToolNotFound,
)
from mcpmesh.policy.fallback import Fallback
from mcpmesh.stack.call import Call, Exit
from mcpmesh.stack.fallback import FallingBack
from mcpmesh.stack.layer import stacked
from mcpmesh.stack.lost import Unsent
from mcpmesh.stack.tries import StandIn
from tests.unit.stack.virtual import Asked, Below, Table, call_of, cluster, ready


class Pair:
    """A tool `main` with a fallback, and that tool."""

    def __init__(
        self, fallback: str | dict[str, str] = "spare", *, idempotent: bool = False,
        readable: bool = True, **named: Fallback,
    ) -> None:  # fmt: skip
        self.table = Table({"fallback": fallback})
        self.table.show(
            cluster("main", "a", idempotent=idempotent), cluster("main", "a", version="0"),
            cluster("spare", "b", version="7"), a=ready("a"), b=ready("b"),
        )  # fmt: skip
        self.below = Below()
        self.renamed: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self._readable = readable
        self.top = stacked(
            Exit(),
            FallingBack(
                self.table, self._rename, named, lambda tool, why: self.told.append((tool, why))
            ),
            self.below,
        )

    def _rename(self, _call: Call, tool: str, version: str) -> bool:
        self.renamed.append((tool, version))
        return self._readable

    def call(self, tool: str = "main", **fields: Any) -> Asked:
        call = call_of(tool, route=self.table.routes.find(tool), **fields)
        call.attempts = 2
        call.tried = ("a",)
        self.top.start(call)
        return call


@pytest.mark.parametrize(
    "error", [NoReplica("none"), Overloaded("busy"), Unsent("gone"), ToolNotFound("no such")]
)
def test_what_was_not_acted_on_is_taken_over(error: MeshError) -> None:
    pair = Pair()
    call = pair.call()
    pair.below.fail(call, error)
    assert pair.below.begun == [call, call]
    assert (call.tool, call.version, call.attempts, call.tried) == ("spare", "7", 0, ())
    assert call.route is pair.table.routes.find("spare")
    assert call.asked == "main"
    assert call.tries is not None
    assert call.tries.stand_in == StandIn("main", "spare", "7", error)
    # Any version of it: that of the route is the router's own word.
    assert pair.renamed == [("spare", "")]
    assert pair.told == [("main", type(error).__name__)]
    assert call.error is None


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_may_have_been_acted_on_is_taken_over_for_idempotent_tools_only(
    idempotent: bool,
) -> None:
    pair = Pair(idempotent=idempotent)
    call = pair.call()
    error = ReplicaLost("lost")
    pair.below.fail(call, error)
    assert (len(pair.below.begun) == 2) is idempotent
    assert call.error is (None if idempotent else error)


@pytest.mark.parametrize("error", [DeadlineExceeded("late"), InvalidCall("bad"), KeyError("bug")])
def test_other_failures_are_final(error: BaseException) -> None:
    pair = Pair(idempotent=True)
    call = pair.call()
    pair.below.fail(call, error)
    assert call.error is error


def test_a_version_of_the_same_tool_may_stand_in() -> None:
    pair = Pair({"version": "0"})
    call = pair.call()
    pair.below.fail(call, NoReplica("none"))
    assert (call.tool, call.version) == ("main", "0")


def test_when_both_fail_both_are_told_and_there_is_no_third() -> None:
    pair = Pair()
    call = pair.call()
    pair.below.fail(call, NoReplica("main: none"))
    pair.below.fail(call, Overloaded("spare: busy", retry_after_ms=70))
    assert isinstance(call.error, Overloaded)
    assert call.error.message == (
        "spare: busy (spare stood in for main, which failed before: main: none)"
    )
    assert call.error.retry_after_ms == 70
    assert call.ends == 1


def test_a_fallback_that_is_not_there_or_is_the_tool_itself_changes_nothing() -> None:
    for pair in (Pair("absent"), Pair("main"), Pair(readable=False), Pair("spare")):
        call = pair.call(requests=object() if pair.table.routes.find("spare") else None)
        error = NoReplica("none")
        pair.below.fail(call, error)
        assert call.error is error
        assert call.tool == "main"


def test_a_tool_that_nobody_registered_may_have_one() -> None:
    pair = Pair(gone=Fallback("spare"))
    call = pair.call("gone")
    pair.below.fail(call, ToolNotFound("no gone"))
    assert call.tool == "spare"
    other = pair.call("other")
    pair.below.fail(other, ToolNotFound("no other"))
    assert isinstance(other.error, ToolNotFound)


@pytest.mark.parametrize("settings", [{}, {"tool": "two words"}, {"version": " "}])
def test_settings_that_name_nobody_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidCall):
        Fallback(**settings)
