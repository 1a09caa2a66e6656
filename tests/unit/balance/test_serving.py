from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.balance.serving import Serving
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool

REPLICAS = {name: Replica(name, f"10.0.0.{number}:1") for number, name in enumerate("abcd", 1)}


def catalog(services: str = "", **tools: str) -> Catalog:
    clusters = {
        name: tuple(
            Cluster(Tool(name, version=str(number)), tuple(REPLICAS[each] for each in served))
            for number, served in enumerate(versions.split("/"), 1)
        )
        for name, versions in tools.items()
        if versions
    }
    named = tuple(REPLICAS[each] for each in services)
    return Catalog(1, clusters, {"shop": Cluster(Tool("shop"), named)} if named else {})


def ids(replicas: Iterable[Replica]) -> list[str]:
    return sorted(each.id for each in replicas)


def test_who_came_and_who_went_is_told() -> None:
    serving = Serving()
    first = serving.follow(catalog(x="ab", y="b"), frozenset("xy"))
    assert (ids(first.there), first.gone) == (["a", "b"], ())
    assert serving.tools_of("b") == {"x", "y"}
    second = serving.follow(catalog(x="bc", y="b"), frozenset("x"))
    assert (ids(second.there), second.gone) == (["c"], ("a",))
    third = serving.follow(catalog(x="c"), frozenset("xy"))
    assert third.gone == ("b",)
    assert serving.tools_of("b") == frozenset()


def test_a_replica_that_changed_is_told() -> None:
    serving = Serving()
    serving.follow(catalog(x="ab"), frozenset("x"))
    moved = Replica("a", "10.0.0.99:1")
    after = Catalog(2, {"x": (Cluster(Tool("x"), (moved, REPLICAS["b"])),)})
    assert serving.follow(after, frozenset("x")).there == (moved,)


def test_a_replica_of_services_alone_is_there_as_long_as_they_are() -> None:
    serving = Serving()
    assert ids(serving.follow(catalog("d"), frozenset()).there) == ["d"]
    assert serving.tools_of("d") == frozenset()
    assert serving.follow(catalog(), frozenset()).gone == ("d",)


served = st.sets(st.sampled_from("abcd")).map(lambda each: "".join(sorted(each)))
cluster = st.tuples(served, served).map(lambda pair: "/".join(each for each in pair if each))
state = st.fixed_dictionaries({"services": served, "x": cluster, "y": cluster, "z": cluster})


@given(states=st.lists(state, max_size=8))
def test_what_is_followed_is_what_the_catalog_says(states: list[dict[str, str]]) -> None:
    serving, there, before = Serving(), set(), catalog()
    for each in states:
        after = catalog(**each)
        changed = frozenset(
            name for name in "xyz" if before.clusters.get(name) != after.clusters.get(name)
        )
        turnover = serving.follow(after, changed)
        there |= set(ids(turnover.there))
        there -= set(turnover.gone)
        tools = {name: each[name].replace("/", "") for name in "xyz"}
        assert there == set("".join(tools.values()) + each["services"])
        for replica in "abcd":
            assert serving.tools_of(replica) == {n for n, who in tools.items() if replica in who}
        offers = {
            replica: frozenset(n for n, who in (tools | each).items() if replica in who)
            for replica in there
        }
        for one in there:
            for other in there:
                alike = offers[one] == offers[other]
                assert (serving.kind_of(one) == serving.kind_of(other)) is alike
        before = after
