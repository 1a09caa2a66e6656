"""Pages give every tool once, and their tokens survive any change in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.discovery.page import MAX_PAGE, page_of, page_token
from mcpmesh.errors import InvalidCall
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool

KEYS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123")), unique=True)


def catalog_of(keys) -> Catalog:
    clusters: dict[str, tuple[Cluster, ...]] = {}
    for name, version in keys:
        clusters[name] = (*clusters.get(name, ()), Cluster(Tool(name, version=version)))
    return Catalog(1, clusters)


def keys_of(page) -> list[tuple[str, str]]:
    return [(cluster.tool.name, cluster.tool.version) for cluster in page.clusters]


def read(catalog: Catalog, token: str = "", **how):
    return page_of(catalog, sorted(catalog.clusters), token=token, **how)


@given(KEYS, st.integers(1, 4), st.booleans())
def test_pages_give_every_tool_exactly_once(keys, size, all_versions):
    catalog, found, token = catalog_of(keys), [], ""
    while True:
        page = read(catalog, token, size=size, all_versions=all_versions)
        assert len(page.clusters) <= size
        found += keys_of(page)
        token = page.next_token
        if not token:
            break
    expected = [
        (name, cluster.tool.version)
        for name in sorted(catalog.clusters)
        for cluster in catalog.clusters[name][: None if all_versions else 1]
    ]
    assert found == expected


@given(st.lists(KEYS, min_size=1, max_size=8), st.integers(1, 3))
def test_tools_that_stay_are_given_exactly_once_though_others_come_and_go(stages, size):
    staying = [("aa", "7"), ("cc", "7"), ("cc", "8"), ("ff", "7")]
    found, token = [], ""
    for stage in [*stages, *[[]] * 20]:
        page = read(catalog_of([*stage, *staying]), token, size=size, all_versions=True)
        found += keys_of(page)
        token = page.next_token
        if not token:
            break
    assert [key for key in found if key in staying] == staying


def test_only_tools_with_the_labels_are_given():
    red, blue = Tool("a", labels={"color": "red"}), Tool("b", labels={"color": "blue"})
    catalog = Catalog(1, {"a": (Cluster(red),), "b": (Cluster(blue),)})
    page = read(catalog, labels={"color": "blue"})
    assert [cluster.tool for cluster in page.clusters] == [blue]


def test_a_page_ends_before_it_outgrows_a_message():
    schema = b" " * 200_000
    catalog = Catalog(
        1, {f"t{n}": (Cluster(Tool(f"t{n}", input_schema=schema)),) for n in range(30)}
    )
    page = read(catalog, size=30)
    assert len(page.clusters) == 10
    assert page.next_token


def test_a_page_has_at_most_a_thousand_tools():
    catalog = Catalog(1, {f"t{n:04}": (Cluster(Tool(f"t{n:04}")),) for n in range(1001)})
    assert len(read(catalog, size=5000).clusters) == MAX_PAGE
    assert len(read(catalog).clusters) == 100


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_a_token_that_no_page_gave_is_refused(token):
    if token:
        with pytest.raises(InvalidCall, match="page_token"):
            read(catalog_of([("a", "1")]), token)


def test_a_token_with_a_changed_letter_is_refused():
    token = page_token(Cluster(Tool("a", version="1")))
    with pytest.raises(InvalidCall):
        read(catalog_of([("a", "1")]), ("A" if token[0] != "A" else "B") + token[1:])


def test_a_negative_size_is_refused():
    with pytest.raises(InvalidCall, match="negative"):
        read(Catalog(), size=-1)
