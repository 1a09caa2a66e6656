"""What a command line names to be adopted, as a table of `adopt`: MCP servers, or services."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.service_sources import ServiceOptions, service_name, service_table
from mcpmesh.config.upstream import Era, Transport

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options that only MCP servers have. `env` has NAME=VALUE, or NAME for the value here."""

    copies: int = 1
    env: tuple[str, ...] = ()
    cwd: str = ""
    transport: Transport = "auto"
    era: Era = "auto"


def source_table(
    source: Sequence[str],
    service: ServiceOptions,
    server: ServerOptions,
    header: Sequence[str],
    namespace: str,
) -> dict[str, Any]:
    """Return the table that a command line stands for.

    Raises: CommandError for options that it has no use for.
    """
    headers = dict(map(_header, header))
    table = service_table(source, service, headers, namespace)
    if table is None:
        return _server_table(source, server, headers, namespace, service.only)
    if server != ServerOptions():
        raise CommandError("--env, --cwd, --transport, --era and --copies are for MCP servers")
    return table


def _server_table(
    source: Sequence[str],
    options: ServerOptions,
    headers: dict[str, str],
    namespace: str,
    only: Sequence[str],
) -> dict[str, Any]:
    """Return the table of an MCP server: a command, or URLs. Raises: CommandError."""
    table = {
        "namespace": namespace,
        "copies": options.copies,
        "cwd": options.cwd,
        "transport": options.transport,
        "era": options.era,
        "only": list(only),
    }
    table = {key: value for key, value in table.items() if value}
    if "://" in source[0]:
        if options.env or options.cwd:
            raise CommandError("--env and --cwd are for commands; a URL has --header")
        return {**table, "urls": list(source), "headers": headers}
    if headers:
        raise CommandError("--header is for URLs; a command has --env")
    return {**table, "command": list(source), "env": dict(map(_variable, options.env))}


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise CommandError("--header is NAME: VALUE, such as 'Authorization: Bearer ${TOKEN}'")
    return name.strip(), value.strip()


def _variable(text: str) -> tuple[str, str]:
    """Read NAME=VALUE, or NAME for the value that it has here."""
    name, equals, value = text.partition("=")
    return name, value if equals else f"${{{name}}}"


def source_name(source: Sequence[str]) -> str:
    """Return a name for a server: the host of a URL, or what the command is about."""
    if word := service_name(source[0]):
        pass
    elif "://" in source[0]:
        word = source[0].partition("://")[2].partition("/")[0].rpartition("@")[2]
    else:
        # npx -y @scope/some-server DIR is about some-server, ./server --port 1 about server.
        packages = [each for each in source[1:] if not each.startswith("-")]
        runner = Path(source[0]).name in _RUNNERS and packages
        word = Path(packages[0] if runner else source[0]).name
    return _NOT_IN_NAMES.sub("-", word).strip("-")[:_LONGEST_NAME] or "upstream"


#: Commands that run another one, which they are given as an argument.
_RUNNERS = frozenset(
    ("npx", "uvx", "bunx", "pnpx", "node", "python", "python3", "uv", "deno", "docker")
)
