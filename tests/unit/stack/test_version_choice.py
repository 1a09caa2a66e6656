from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.model.catalog import Catalog
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.stack.version_choice import VersionChoice
from tests.unit.stack.virtual import Asked, away, call_of, cluster, ready


def routes_of(policy: dict[str, Any], *, gone: str = "") -> Routes:
    """Return routes of echo in versions 3, 2 and 1, with a replica each."""
    clusters = tuple(cluster("echo", f"r{each}", version=each) for each in "321")
    made = {f"r{each}": away(f"r{each}") if each in gone else ready(f"r{each}") for each in "321"}
    catalog = Catalog(1, {"echo": clusters})
    return updated(Routes(), catalog, frozenset({"echo"}), made, ToolPolicies({"echo": policy}))


def versions(
    policy: dict[str, Any], *, gone: str = "", calls: int = 1, metadata: str = ""
) -> Counter[str]:
    routes = routes_of(policy, gone=gone).by_tool["echo"]
    assert routes[0].shared
    choice = VersionChoice(Random(1))
    chosen = (choice.of(asking(metadata), routes) for _ in range(calls))
    return Counter(each.cluster.tool.version for each in chosen)


def asking(metadata: str = "") -> Asked:
    call = call_of()
    if metadata:
        name, _, value = metadata.partition("=")
        call.head = replace(call.head, forward=((name.encode(), value.encode()),))
    return call


def test_without_a_split_versions_do_not_share() -> None:
    route = routes_of({}).find("echo")
    assert route is not None
    assert not route.shared


def test_a_canary_gets_its_share_and_the_newest_other_the_rest() -> None:
    counts = versions({"split": {"shares": {"3": 0.05}}}, calls=4000)
    assert set(counts) == {"3", "2"}
    assert 150 < counts["3"] < 250


def test_several_versions_share() -> None:
    counts = versions({"split": {"shares": {"3": 0.2, "1": 0.3}}}, calls=2000)
    assert 320 < counts["3"] < 480
    assert 520 < counts["1"] < 680


def test_metadata_leads_to_a_version_that_gets_no_other_calls() -> None:
    split = {"split": {"metadata": {"x-canary=yes": "3", "x-old": "1"}}}
    assert set(versions(split, calls=50)) == {"2"}
    assert set(versions(split, metadata="x-canary=yes")) == {"3"}
    assert set(versions(split, metadata="x-canary=no")) == {"2"}
    assert set(versions(split, metadata="x-old=whatever")) == {"1"}


def test_a_key_sees_the_same_version_always() -> None:
    policy = {"split": {"shares": {"3": 0.5}, "key": "metadata:x-user"}}
    by_user = [versions(policy, calls=10, metadata=f"x-user=u{number}") for number in range(200)]
    assert all(len(each) == 1 for each in by_user)
    assert 70 < sum("3" in each for each in by_user) < 130


def test_calls_for_a_canary_that_is_away_go_to_the_others() -> None:
    policy = {"split": {"shares": {"3": 0.5}}}
    assert set(versions(policy, gone="3", calls=50)) == {"2"}


def test_calls_go_to_the_canary_when_nobody_else_is_left() -> None:
    assert set(versions({"split": {"shares": {"3": 0.5}}}, gone="21", calls=50)) == {"3"}


def test_a_shadow_stands_in_for_nobody() -> None:
    assert set(versions({"mirror": {"version": "3"}}, gone="21", calls=50)) == {"2"}


def test_a_shadow_gets_no_calls_of_its_own() -> None:
    assert set(versions({"mirror": {"version": "3"}}, calls=50)) == {"2"}


def test_calls_that_name_a_version_get_it() -> None:
    route = routes_of({"mirror": {"version": "3"}}).find("echo", "3")
    assert route is not None
    assert route.cluster.tool.version == "3"
