"""docs/resilience.md: what it names is there, and what there is it names."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from mcpmesh.policy.tool_policy import ToolPolicies, ToolPolicy
from mcpmesh.telemetry.instruments import INSTRUMENTS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "resilience.md").read_text(encoding="utf-8")
SETTINGS = (DOCS / "tool-settings.md").read_text(encoding="utf-8")
OURS = ("retry", "deadline", "admission", "hedge", "fallback", "cache")


def test_its_example_can_be_given() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert ToolPolicies(tomllib.loads(example)["tools"]).tables


def test_it_names_metrics_that_there_are() -> None:
    named = set(re.findall(r"^\| `(mcpmesh\.router\.\w+)`", PAGE, re.MULTILINE))
    assert named
    assert named <= {each.name for each in INSTRUMENTS}


@pytest.mark.parametrize("table", OURS)
def test_every_setting_is_on_the_page_of_settings(table: str) -> None:
    (kind,) = (each.type for each in fields(ToolPolicy) if each.name == table)
    named = kind if isinstance(kind, type) else kind.__args__[0]  # type: ignore[union-attr]
    section = SETTINGS.partition(f"## {table}\n")[2].partition("\n## ")[0]
    for each in fields(named):
        assert f"| `{each.name}` |" in section
    assert re.search(rf"\b{table}\b", PAGE)
