"""The catalog follows the registry, and its changes tell the whole difference."""

from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.discovery.arrivals import Arrivals
from mcpmesh.discovery.catalog import CatalogBuilder
from mcpmesh.discovery.registry import Registry
from mcpmesh.model.catalog import Cluster
from mcpmesh.model.tool import Tool
from tests.unit.discovery.shapes import join, replay, replica, view

ONE, TWO = Tool("add", "one", version="1"), Tool("add", "two", version="2")


def follow(registry: Registry, builder: CatalogBuilder):
    return builder.apply(registry.take_changes())


def versions(builder: CatalogBuilder, name: str = "add") -> list[str]:
    return [cluster.tool.version for cluster in builder.catalog.clusters.get(name, ())]


def test_replicas_stand_in_the_order_of_their_ids():
    registry, builder = Registry(), CatalogBuilder()
    for who in "bca":
        join(registry, who, ONE)
    follow(registry, builder)
    assert [each.id for each in builder.catalog.find("add").replicas] == ["a", "b", "c"]


def test_the_newest_version_is_the_one_that_first_came_last():
    registry, builder = Registry(), CatalogBuilder()
    join(registry, "a", ONE)
    join(registry, "b", TWO)
    join(registry, "c", ONE)
    follow(registry, builder)
    assert versions(builder) == ["2", "1"]


def test_an_old_version_that_was_away_does_not_come_back_as_the_newest():
    registry, builder = Registry(), CatalogBuilder()
    lease = join(registry, "a", ONE)
    join(registry, "b", TWO)
    registry.deregister(lease)
    follow(registry, builder)
    assert versions(builder) == ["2"]
    join(registry, "a", ONE)
    follow(registry, builder)
    assert versions(builder) == ["2", "1"]


def test_versions_that_are_gone_are_remembered_up_to_the_bound():
    arrivals = Arrivals(remembered=1)
    assert [arrivals.come("t", v) for v in "123"] == [0, 1, 2]
    arrivals.go("t", "1")
    arrivals.go("t", "2")
    assert arrivals.come("t", "2") == 1
    assert arrivals.come("t", "1") == 3


def test_a_draining_replica_stays_in_its_cluster_and_is_marked():
    registry, builder = Registry(), CatalogBuilder()
    lease = join(registry, "a", ONE)
    registry.drain(lease, 0.0)
    follow(registry, builder)
    assert builder.catalog.find("add").draining == {"a"}
    join(registry, "a", ONE)
    (change,) = follow(registry, builder)
    assert builder.catalog.find("add").draining == frozenset()
    assert change.before == change.after == ONE


def test_an_unchanged_registration_changes_only_the_version():
    registry, builder = Registry(), CatalogBuilder()
    join(registry, "a", ONE)
    follow(registry, builder)
    clusters = builder.catalog.clusters
    join(registry, "a", ONE)
    assert follow(registry, builder) == ()
    assert builder.catalog.version == 3
    assert builder.catalog.clusters is clusters


def test_a_tool_that_comes_and_goes_at_once_is_no_change():
    registry, builder = Registry(), CatalogBuilder()
    registry.deregister(join(registry, "a", ONE))
    assert follow(registry, builder) == ()
    assert builder.catalog.clusters == {}


def test_a_catalog_once_given_never_changes():
    registry, builder = Registry(), CatalogBuilder()
    join(registry, "a", ONE)
    follow(registry, builder)
    kept = builder.catalog
    join(registry, "b", ONE)
    follow(registry, builder)
    assert kept.clusters == {"add": (Cluster(ONE, (replica("a"),)),)}


STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["leave", "drain", "join"]),
        st.lists(
            st.builds(
                Tool,
                st.sampled_from(["x", "y", "z"]),
                st.sampled_from(["one", "two"]),
                version=st.sampled_from(["1", "2"]),
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda tool: (tool.name, tool.version),
        ),
        st.booleans(),
    ),
    max_size=25,
)


def take_step(registry: Registry, who: str, action: str, tools: list[Tool]) -> None:
    lease = f"lease of {who}"
    if action == "leave":
        registry.deregister(lease)
    elif action == "join":
        join(registry, who, *tools)
    elif registry.get(who):
        registry.drain(lease, 0.0)


@given(STEPS)
def test_replaying_the_changes_over_a_snapshot_gives_the_next_snapshot(steps):
    registry, builder = Registry(), CatalogBuilder()
    known = {}
    for who, action, tools, follows in steps:
        take_step(registry, who, action, tools)
        if follows:
            replay(known, follow(registry, builder), builder.catalog)
            assert known == view(builder.catalog)


@given(STEPS)
def test_the_catalog_shows_exactly_what_is_registered(steps):
    registry, builder = Registry(), CatalogBuilder()
    for who, action, tools, _ in steps:
        take_step(registry, who, action, tools)
    follow(registry, builder)
    expected: dict[tuple[str, str], set[str]] = {}
    for each in registry:
        for tool in each.tools:
            expected.setdefault((tool.name, tool.version), set()).add(each.replica.id)
    shown = [c for versions in builder.catalog.clusters.values() for c in versions]
    assert {
        (c.tool.name, c.tool.version): {each.id for each in c.replicas} for c in shown
    } == expected
    draining = {each.replica.id for each in registry if each.draining}
    assert all(c.draining == {r.id for r in c.replicas} & draining for c in shown)


@given(STEPS, STEPS)
def test_replacing_all_registrations_equals_following_every_change(before, after):
    registry, builder, late = Registry(), CatalogBuilder(), CatalogBuilder()
    for who, action, tools, _ in before:
        take_step(registry, who, action, tools)
    late.replace(registry.version, registry)
    follow(registry, builder)
    known = view(late.catalog)
    for who, action, tools, _ in after:
        take_step(registry, who, action, tools)
    follow(registry, builder)
    replay(known, late.replace(registry.version, registry), late.catalog)
    assert known == view(late.catalog) == view(builder.catalog)
    assert late.catalog.version == builder.catalog.version


def test_a_thousand_replicas_of_ten_tools_fit():
    registry, builder = Registry(), CatalogBuilder()
    tools = [Tool(f"tool-{n}") for n in range(10)]
    for n in range(1000):
        join(registry, f"r-{n * 7919 % 1000:04}", *tools)
        follow(registry, builder)
    assert all(len(builder.catalog.find(tool.name).replicas) == 1000 for tool in tools)
