"""The reference of a tool's settings: [tools.NAME] of the configuration file."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from textwrap import dedent
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mcpmesh.cli.table import code, markdown_table
from mcpmesh.policy.tool_policy import ToolPolicy

_COLUMNS = ("key", "type", "default", "meaning")
_INTRODUCTION = """\
# Settings of tools

Written by `make docs` from the settings themselves.

How calls of a tool are treated, in the router's TOML file, one table per tool; `"*"` stands for
all:

```toml
[tools."*"]
balance = "p2c"

[tools.weather]
balance = { policy = "ewma", decay = 5 }
```

On the command line a tool's table is JSON: `--tool 'weather={"balance": "ewma"}'`. A tool can wish
for the same settings when it registers, `@app.tool(policy={"balance": "ewma"})` or `Tool.policy`.
The first of these that has a key decides all of it: the operator's table of the tool, the tool's
wish, the operator's table of all tools, the default. A key that nobody knows and a wrong value are
refused with the reason. Times are in seconds.
"""


def tools_page() -> str:
    """Return the reference: a table for each key of a tool's settings."""
    parts = [_INTRODUCTION]
    plain: list[Field[Any]] = []
    hints = get_type_hints(ToolPolicy)
    for each in fields(ToolPolicy):
        kind = _settings_in(hints[each.name])
        if kind is None:
            plain.append(each)
        else:
            parts.append(_section(each.name, kind))
    if plain:
        parts.append("## Others\n\n" + settings_table(ToolPolicy, plain))
    return "\n".join(parts)


def _section(key: str, kind: type[Any]) -> str:
    short = getattr(kind, "SHORT", "")
    about = field_texts(ToolPolicy)[key]
    brief = f" `{key} = VALUE` stands for `{key} = {{ {short} = VALUE }}`." if short else ""
    return f"## {key}\n\n{about}{brief}\n\n{settings_table(kind, fields(kind))}\n"


def settings_table(kind: type[Any], rows: Any) -> str:
    """Return a row for each of these fields of a settings class."""
    texts, hints = field_texts(kind), get_type_hints(kind)
    return markdown_table(
        _COLUMNS,
        [
            (code(each.name), _type(hints[each.name]), _default(each), texts.get(each.name, ""))
            for each in rows
        ],
    )


def field_texts(kind: type[Any]) -> dict[str, str]:
    """Return the string under each field of a class."""
    (body,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    return dict(_texts(body))


def _texts(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(text.value.value).split())


def _settings_in(hint: Any) -> type[Any] | None:
    """Return the settings class that a field has, if it has one."""
    found = [each for each in (hint, *get_args(hint)) if is_dataclass(each)]
    return found[0] if found and isinstance(found[0], type) else None


def _type(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in get_args(hint) if each is not type(None))
    if origin is Literal:
        return ", ".join(get_args(hint))
    if origin is tuple:
        return "list of " + _type(get_args(hint)[0])
    if origin is not None:
        return "table"
    if is_dataclass(hint):
        return "table"
    return {int: "integer", float: "number", str: "text", bool: "true or false"}.get(hint, "")


def _default(field: Field[Any]) -> str:
    value = field.default
    if value is MISSING or value in ("", (), None):
        return ""
    return code(str(value).lower() if isinstance(value, bool) else value)
