"""Which clients reach the bridge how, and in which era: one column of the table each."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.installed import Missing
from tests.interop_mcp import packages
from tests.interop_mcp.clients.checks import CHECKS

CLIENTS = Path(__file__).parent / "clients"
#: Seconds for all checks of a column.
_COLUMN_TIME = 120
_NOT_BY_INSPECTOR = "the Inspector's CLI makes one request and prints its result"


@dataclass
class Column:
    """A client on one transport in one era: "" is well, else `wrong` or `skipped` say why not."""

    name: str
    wrong: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bridge:
    """Where clients find the mesh: two URLs, and a command that speaks MCP on stdio."""

    url: str
    sse: str
    stdio: tuple[str, ...]

    def target(self, transport: str) -> str:
        """Return what a client's program takes."""
        if transport == "stdio":
            return json.dumps(self.stdio)
        return self.url if transport == "http" else self.sse


@dataclass(frozen=True)
class Client:
    """A client by name: its eras, and how its program is started.

    `start` gives the command's beginning; Raises: Missing.
    """

    name: str
    eras: tuple[str, ...]
    start: Callable[[bool], list[str]]

    async def column(self, bridge: Bridge, transport: str, era: str, install: bool) -> Column:
        """Run the client's checks."""
        column = Column(f"{self.name}, {transport}, {era}")
        try:
            start = self.start(install)
        except Missing as missing:
            column.skipped = dict.fromkeys(CHECKS, str(missing))
            return column
        if start[-1] == packages.inspector():
            await _inspect(column, start, bridge, transport, era)
        else:
            code, out, errors = await _output([*start, bridge.target(transport), era])
            told = [json.loads(line) for line in out.splitlines() if line.startswith('{"case"')]
            column.wrong = {each["case"]: each["wrong"] for each in told}
            if code or len(told) < len(CHECKS):
                why = f"the client ended with {code}: {errors[-800:]}"
                column.wrong |= {name: why for name in CHECKS if name not in column.wrong}
        return column


def _python(program: str, environment: str) -> Callable[[bool], list[str]]:
    def start(install: bool) -> list[str]:
        python = packages.python_of(environment, install=install) if environment else sys.executable
        return [python, str(CLIENTS / program)]

    return start


def _typescript(major: str) -> Callable[[bool], list[str]]:
    def start(install: bool) -> list[str]:
        node = packages.node(install=install)
        return [node, str(CLIENTS / "typescript.mjs"), str(packages.FOLDER), major]

    return start


def _inspector(install: bool) -> list[str]:
    return [packages.node(install=install), packages.inspector()]


_BOTH = ("legacy", "modern")
ALL = (
    Client("mcp 2 (Python)", _BOTH, _python("mcp_2.py", "")),
    Client("mcp 1 (Python)", ("legacy",), _python("mcp_1.py", "mcp1")),
    Client("FastMCP 4", _BOTH, _python("fastmcp_4.py", "fastmcp")),
    Client("TypeScript 2", _BOTH, _typescript("2")),
    Client("TypeScript 1", ("legacy",), _typescript("1")),
    Client("Inspector", ("legacy", "auto", "modern"), _inspector),
)


def every() -> Iterator[tuple[Client, str, str]]:
    """Name all columns: the client, the transport, and the era."""
    for client in ALL:
        for transport in ("http", "stdio"):
            for era in client.eras:
                yield client, transport, era
        yield client, "sse", "legacy"  # HTTP+SSE, the transport of 2024-11-05


async def _output(command: list[str]) -> tuple[int, str, str]:
    """Run a program to its end."""
    program = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_COLOR": "1", "MCPMESH_LOG_LEVEL": "error"},
    )
    try:
        async with asyncio.timeout(_COLUMN_TIME):
            out, errors = await program.communicate()
    except TimeoutError:
        program.kill()
        await program.wait()
        return -1, "", f"nothing within {_COLUMN_TIME} s"
    assert program.returncode is not None
    return program.returncode, out.decode(), errors.decode(errors="replace")


#: What the Inspector is told, and what its result must hold.
_INSPECTED = {
    "tools/list": (("tools/list",), '"name": "add"'),
    "tools/call": (
        ("tools/call", "--tool-name", "add", "--tool-arg", "a=1", "--tool-arg", "b=2"),
        '"sum": 3',
    ),
    "image content": (("tools/call", "--tool-name", "picture"), '"mimeType": "image/png"'),
    "tool failure": (("tools/call", "--tool-name", "fails"), "this tool fails"),
    "unknown tool": (("tools/call", "--tool-name", "nix"), "nix"),
    "resources": (("resources/read", "--uri", "books://all"), "Emma, Ulysses"),
    "resource templates": (("resources/templates/list",), "books://{title}/page/{number}"),
    "prompts": (
        ("prompts/get", "--prompt-name", "review", "--prompt-args", "title=Emma"),
        "Review Emma.",
    ),
}
#: The Inspector's exit codes for what it is meant to end badly with.
_FAILS = ("tool failure", "unknown tool")


async def _inspect(
    column: Column, start: list[str], bridge: Bridge, transport: str, era: str
) -> None:
    for case in CHECKS:
        if case not in _INSPECTED:
            column.skipped[case] = _NOT_BY_INSPECTOR
            continue
        asked, wanted = _INSPECTED[case]
        command = [*start, "--cli", "--protocol-era", era, "--method", *asked]
        if transport == "stdio":
            command += ["--", *bridge.stdio]
        else:
            command += ["--server-url", bridge.target(transport), "--transport", transport]
        code, out, errors = await _output(command)
        fine = wanted in out + errors and (code != 0) == (case in _FAILS)
        column.wrong[case] = "" if fine else f"ended with {code}: {out[-300:]} {errors[-500:]}"
