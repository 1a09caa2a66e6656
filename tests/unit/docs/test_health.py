"""docs/health.md shows every setting of [health], with its default."""

import tomllib
from dataclasses import asdict
from pathlib import Path

from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.table import read_table

PAGE = Path(__file__).parents[3] / "docs" / "health.md"


def test_the_page_shows_all_settings_with_their_defaults() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = tomllib.loads(text.split("```toml\n")[1].split("```")[0])["health"]
    assert read_table(HealthPolicy, table, "health") == HealthPolicy()
    shown = {**asdict(HealthPolicy()), "slow_start": 10}
    assert {key: set(value) if isinstance(value, dict) else 0 for key, value in table.items()} == {
        key: set(value) if isinstance(value, dict) else 0 for key, value in shown.items()
    }
