"""The configuration reference: every setting as a row of a Markdown table."""

from dataclasses import MISSING, fields
from typing import Any

from cyclopts import App

from mcpmesh.cli.options import Option, options
from mcpmesh.cli.table import code, markdown_table
from mcpmesh.config import (
    AccessSettings,
    AdoptSettings,
    BridgeSettings,
    ClientSettings,
    DirectSettings,
    LimitSettings,
    ProcessSettings,
    RouterSettings,
    ServeSettings,
    TlsSettings,
)

SETTINGS = (
    RouterSettings,
    BridgeSettings,
    ServeSettings,
    LimitSettings,
    ProcessSettings,
    ClientSettings,
    DirectSettings,
    TlsSettings,
    AdoptSettings,
    AccessSettings,
)
#: Settings that stand in no class: how many processes, which way.
_ALONE = {"workers": 1, "replicas": 1, "reload": False, "stdio": False}
_COLUMNS = ("option", "variable", "key in mcpmesh.toml", "type", "default", "meaning", "commands")
_INTRODUCTION = """\
# Configuration

Written by `make docs` from the settings themselves; `mcpmesh COMMAND --help` says the same.

Every setting has one name everywhere: `--log-level` on the command line, `MCPMESH_LOG_LEVEL` in
the environment, `log_level` in a TOML file, which `--config PATH` or `MCPMESH_CONFIG` names
(`./mcpmesh.toml` is read if it is there). The first of these that is set counts, then the default.
A wrong value, and a key that no command knows, are refused with the reason. Sizes are in bytes,
times in seconds. In the environment, lists are separated by spaces.

```toml
grpc = "0.0.0.0:7070"
tls_cert = "/etc/mesh/tls.crt"
tls_key = "/etc/mesh/tls.key"
workers = 4
log_format = "json"

# Replicas that do not register themselves; the same as --static 10.0.0.7:50051=ocr,translate
[[replica]]
endpoint = "10.0.0.7:50051"
tools = ["ocr", "translate"]

# More of them, in a file that is taken anew whenever it changes; --discovery-file replicas.toml
[discovery]
file = "replicas.toml"

# MCP servers whose tools become the mesh's; ${NAME} is a variable of the environment
[adopt.files]
command = ["npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/files"]
env = { TOKEN = "${FILES_TOKEN}" }
namespace = "fs"
copies = 3

# Who may call what; with such rules, nothing else may be called
[[access]]
callers = ["spiffe://example.org/agent/*"]
tools = ["weather*", "prompt:*"]
```

A `[[replica]]` may also have `labels`, `weight` and `server_name`, and its endpoint may stand for
many: [discovery](discovery.md). What `[adopt.NAME]` may say: [adopt](adopt.md);
`[[access]]`: [access](access.md).

Telemetry follows OpenTelemetry's own `OTEL_` variables: [traces](traces.md), [metrics](metrics.md),
[logs](logs.md).
"""


def configuration_page(app: App) -> str:
    """Return the reference: one row for each setting, however many commands have it."""
    by_name: dict[str, list[Option]] = {}
    names = setting_names()
    for option in options(app):
        if option.shown and option.key in names:
            by_name.setdefault(option.name, []).append(option)
    rows = [_row(found, names[found[0].key]) for found in by_name.values()]
    return "\n".join([_INTRODUCTION, markdown_table(_COLUMNS, rows)])


def setting_names() -> dict[str, Any]:
    """Return the names of all settings, and their defaults."""
    return {
        field.name: field.default
        for settings in SETTINGS
        for field in fields(settings)
        if field.default is not MISSING
    } | _ALONE


def _row(found: list[Option], default: object) -> tuple[str, ...]:
    first = found[0]
    return (
        code(first.name),
        code(first.variable),
        code(first.key),
        _type(first),
        _default(default),
        first.meaning,
        ", ".join(option.command for option in found),
    )


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
