"""The configuration reference is what the settings say."""

from dataclasses import fields
from pathlib import Path

import pytest

from mcpmesh.cli.app import app
from mcpmesh.cli.main import COMMANDS
from mcpmesh.cli.reference import SETTINGS, markdown

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_page_is_fresh() -> None:
    assert COMMANDS
    assert PAGE.read_text() == markdown(app) + "\n", "run make docs"


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_is_there(settings: type) -> None:
    page = PAGE.read_text()
    missing = [f.name for f in fields(settings) if f"| `{f.name}` |" not in page]
    assert not missing
