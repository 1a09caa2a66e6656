"""Cursors, the bounded memory of changes, and a watcher's backlog."""

from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.discovery.catalog import CatalogBuilder, CatalogChange
from mcpmesh.discovery.registry import Registry
from mcpmesh.discovery.watch import Backlog, ChangeLog, matches
from mcpmesh.model.tool import Tool
from tests.unit.discovery.shapes import join, replay, view

A = Tool("a", version="1", labels={"zone": "x"})
MOVED = Tool("a", version="1", labels={"zone": "y"})
B = Tool("b", version="1")


def came(tool: Tool) -> CatalogChange:
    return CatalogChange(tool.name, tool.version, None, tool)


def went(tool: Tool) -> CatalogChange:
    return CatalogChange(tool.name, tool.version, tool, None)


def changed(before: Tool, after: Tool) -> CatalogChange:
    return CatalogChange(after.name, after.version, before, after)


def test_a_cursor_of_this_life_is_resumed_and_one_of_another_is_not():
    log = ChangeLog("e1", 1)
    log.append(2, (came(A),))
    assert log.version_of("e1-1") == 1
    assert log.version_of(log.cursor()) == 2
    for foreign in ("", "e1", "e2-1", "e1-3", "e1-", "e1--1", "e1-x", "e1-²", "e1-" + "9" * 9999):
        assert log.version_of(foreign) is None


def test_changes_after_a_cursor_tell_each_tool_once():
    log = ChangeLog("e", 1)
    log.append(2, (came(A), came(B)))
    log.append(3, (changed(A, MOVED),))
    log.append(4, (went(B),))
    assert log.since(1) == (came(MOVED), CatalogChange("b", "1", None, None))
    assert log.since(2) == (changed(A, MOVED), went(B))
    assert log.since(4) == ()


def test_what_is_forgotten_needs_a_snapshot():
    log = ChangeLog("e", 1, bound=2)
    for version in (2, 3, 4):
        log.append(version, (came(A),))
    assert log.version_of("e-1") is None
    assert log.version_of("e-2") == 2


def test_another_life_forgets_everything():
    log = ChangeLog("e", 1)
    log.append(2, (came(A),))
    log.restart("f", 7)
    assert log.version_of("e-2") is None
    assert log.since(7) == ()
    assert log.cursor() == "f-7"


def test_a_tool_whose_labels_stop_to_match_is_gone_for_that_watcher():
    backlog = Backlog(1, {"zone": "x"})
    backlog.push(2, [came(A), came(B)])
    assert backlog.take() == (came(A),)
    backlog.push(3, [changed(A, MOVED)])
    assert backlog.take() == (went(A),)
    backlog.push(4, [changed(MOVED, A)])
    assert backlog.take() == (came(A),)


def test_changes_of_one_tool_are_told_as_one():
    backlog = Backlog(1)
    backlog.push(2, [changed(A, A)])
    backlog.push(3, [changed(A, MOVED)])
    assert backlog.take() == (changed(A, MOVED),)
    backlog.push(4, [came(B)])
    backlog.push(5, [went(B)])
    assert backlog.take() == ()
    assert backlog.version == 5


def test_a_backlog_beyond_its_bound_holds_nothing_and_stays_overflowed():
    backlog = Backlog(1, bound=1)
    backlog.push(2, [came(A)])
    assert not backlog.overflowed
    backlog.push(3, [came(B)])
    assert (backlog.overflowed, len(backlog)) == (True, 0)
    backlog.push(4, [came(A)])
    assert (backlog.overflowed, len(backlog), backlog.version) == (True, 0, 3)


def test_all_labels_asked_for_must_match():
    tool = Tool("t", labels={"zone": "x", "tier": "1"})
    assert matches(tool, {})
    assert matches(tool, {"zone": "x", "tier": "1"})
    assert not matches(tool, {"zone": "x", "tier": "2"})
    assert not matches(tool, {"color": ""})


MOVES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from([None, "x", "y"]),
        st.sampled_from(["nothing", "take", "reconnect"]),
    ),
    max_size=30,
)


@given(MOVES, st.sampled_from([{}, {"zone": "x"}]), st.integers(1, 6), st.integers(1, 3))
def test_a_watcher_that_reads_late_or_reconnects_sees_what_a_snapshot_shows(
    moves, labels, log_bound, backlog_bound
):
    registry, builder = Registry(), CatalogBuilder()
    log = ChangeLog("e", registry.version, bound=log_bound)
    backlog, known, cursor = Backlog(log.version, labels, backlog_bound), {}, log.cursor()
    for who, zone, then in moves:
        if zone:
            join(registry, who, *(Tool(n, who, labels={"zone": zone}) for n in "tuv"))
        else:
            registry.deregister(f"lease of {who}")
        changes = builder.apply(registry.take_changes())
        log.append(registry.version, changes)
        backlog.push(registry.version, changes)
        shown = {k: v for k, v in view(builder.catalog).items() if matches(v[0], labels)}
        if then == "nothing":
            continue
        if then == "reconnect" or backlog.overflowed:
            start = log.version_of(cursor)
            if start is None:
                backlog, known = Backlog(log.version, labels, backlog_bound), dict(shown)
            else:
                backlog = Backlog(start, labels, 100)
                backlog.push(log.version, log.since(start))
        replay(known, backlog.take(), builder.catalog)
        cursor = log.cursor(backlog.version)
        assert known == shown
        assert len(backlog) == 0
