"""Capabilities follow the catalog; the operator's word goes before the tools' own."""

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool
from mcpmesh.policy.choosing import Choosings


def catalog_of(*tools: Tool) -> Catalog:
    return Catalog(1, {tool.name: (Cluster(tool),) for tool in tools})


def tools_of(capabilities: Capabilities) -> dict[str, tuple[str, ...]]:
    return {name: each.tools for name, each in capabilities.all().items()}


def test_tools_that_declare_a_capability_provide_it() -> None:
    capabilities = Capabilities()
    capabilities.on_catalog(
        catalog_of(Tool("b", capability="rates"), Tool("a", capability="rates"), Tool("c")), "abc"
    )
    assert tools_of(capabilities) == {"rates": ("a", "b")}
    assert [each.name for each in capabilities.of_tool("a")] == ["rates"]
    assert capabilities.of_tool("c") == ()


def test_what_was_measured_stays_while_tools_come_and_go() -> None:
    capabilities = Capabilities()
    first, second = Tool("a", capability="rates"), Tool("b", capability="rates")
    capabilities.on_catalog(catalog_of(first), "a")
    before = capabilities.find("rates")
    assert before is not None
    capabilities.on_catalog(catalog_of(first, second), "b")
    capabilities.on_catalog(catalog_of(second), "a")
    after = capabilities.find("rates")
    assert after is not None
    assert (after.tools, after.chooser) == (("b",), before.chooser)
    capabilities.on_catalog(catalog_of(Tool("b", capability="prices")), "b")
    assert tools_of(capabilities) == {"prices": ("b",)}
    capabilities.on_catalog(catalog_of(), "b")
    assert tools_of(capabilities) == {}
    assert capabilities.of_tool("b") == ()


def test_the_operator_names_tools_that_say_nothing_and_leaves_others_out() -> None:
    capabilities = Capabilities(Choosings({"rates": ["silent", "absent"], "all": ["silent"]}))
    catalog = catalog_of(Tool("silent"), Tool("loud", capability="rates"))
    capabilities.on_catalog(catalog, ["silent", "loud"])
    assert tools_of(capabilities) == {"rates": ("silent",), "all": ("silent",)}
    assert [each.name for each in capabilities.of_tool("silent")] == ["all", "rates"]


def test_settings_reach_the_chooser() -> None:
    capabilities = Capabilities(Choosings({"*": {"explore": 0.3}}))
    capabilities.on_catalog(catalog_of(Tool("a", capability="rates")), "a")
    provided = capabilities.find("rates")
    assert provided is not None
    assert provided.chooser.settings.explore == 0.3
