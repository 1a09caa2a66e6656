"""The configuration reference: every setting as a row of a Markdown table."""

from dataclasses import MISSING, fields
from typing import Any

from cyclopts import App

from mcpmesh.cli.options import Option, options
from mcpmesh.config import (
    BridgeSettings,
    ClientSettings,
    ProcessSettings,
    RouterSettings,
    ServeSettings,
)

SETTINGS = (RouterSettings, BridgeSettings, ServeSettings, ProcessSettings, ClientSettings)
_HEAD = "| option | variable | key in mcpmesh.toml | type | default | meaning | commands |"


def markdown(app: App) -> str:
    """Return the table: one row for each setting, however many commands have it."""
    by_name: dict[str, list[Option]] = {}
    for option in options(app):
        if option.shown:
            by_name.setdefault(option.name, []).append(option)
    rows = [_row(found) for found in by_name.values() if found[0].key in setting_names()]
    return "\n".join([_HEAD, "|---" * 7 + "|", *rows])


def setting_names() -> dict[str, Any]:
    """Return the names of all settings, and their defaults."""
    return {
        field.name: field.default
        for settings in SETTINGS
        for field in fields(settings)
        if field.default is not MISSING
    } | {"workers": 1, "replicas": 1, "stdio": False, "reload": False}


def _row(found: list[Option]) -> str:
    first = found[0]
    default = setting_names()[first.key]
    cells = (
        f"`{first.name}`",
        f"`{first.variable}`",
        f"`{first.key}`",
        _type(first),
        _default(default),
        first.meaning.replace("|", "\\|"),
        ", ".join(option.command for option in found),
    )
    return f"| {' | '.join(cells)} |"


def _type(option: Option) -> str:
    choices = option.argument.get_choices()
    if choices:
        return ", ".join(choices)
    names = {int: "integer", float: "number", str: "text", bool: "true or false"}
    return names.get(option.argument.hint, "list of texts")


def _default(value: object) -> str:
    if value in ("", ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
