import json

import pytest

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.dispatch.fallback_check import FallbackCheck
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import ToolPolicies

WEATHER = Tool("weather", version="1", policy={"fallback": "lite"})


def arguments(*required: str) -> bytes:
    properties = {name: {"type": "string"} for name in required}
    return json.dumps(
        {"type": "object", "properties": properties, "required": [*required]}
    ).encode()


class Followed:
    """A catalog that a test changes, and what is said of its fallbacks."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.routes = Routes()
        self.check = FallbackCheck(lambda: self.routes)
        self._tools: dict[str, Tool] = {}
        self._caplog = caplog

    def told(self, *tools: Tool) -> list[str]:
        """Let tools come or change; return what is said of it."""
        self._caplog.clear()
        changed = frozenset(each.name for each in tools)
        self._tools |= {each.name: each for each in tools}
        catalog = Catalog(1, {name: (Cluster(tool, ()),) for name, tool in self._tools.items()})
        self.routes = updated(self.routes, catalog, changed, {}, ToolPolicies())
        self.check.on_catalog(catalog, changed)
        return self._caplog.messages


def weather(schema: bytes) -> Tool:
    return Tool("weather", version="1", input_schema=schema, policy=WEATHER.policy)


def lite(schema: bytes, output: bytes = b"") -> Tool:
    return Tool("lite", version="2", input_schema=schema, output_schema=output)


def test_a_fallback_that_takes_other_arguments_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mesh = Followed(caplog)
    assert mesh.told(weather(arguments("city"))) == []
    (said,) = mesh.told(lite(arguments("city", "unit")))
    assert said == (
        "lite@2 is to stand in for weather@1, and does not fit: of its arguments, "
        "'unit' is required, and unknown before; calls that it refuses fail"
    )
    assert mesh.told(lite(arguments("city", "unit"))) == []


def test_a_fallback_that_fits_is_not(caplog: pytest.LogCaptureFixture) -> None:
    mesh = Followed(caplog)
    assert mesh.told(weather(arguments("city")), lite(arguments("city"))) == []


def test_a_change_is_looked_at_anew(caplog: pytest.LogCaptureFixture) -> None:
    mesh = Followed(caplog)
    assert mesh.told(weather(arguments("city")), lite(arguments("city"))) == []
    assert len(mesh.told(weather(arguments()))) == 1


def test_a_result_that_callers_cannot_read_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    mesh = Followed(caplog)
    asked = Tool("weather", version="1", output_schema=arguments("degrees"), policy=WEATHER.policy)
    (said,) = mesh.told(asked, lite(b"", arguments("text")))
    assert "of its result, 'degrees' is required, and unknown before" in said
