"""What README.md and docs/ say can be done: snippets run, commands parse, links lead somewhere."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from mcpmesh import Client, ToolServer
from mcpmesh.cli.app import app
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.main import COMMANDS

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
PAGES = (README, ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [body for found, body in _BLOCK.findall(text) if found == language]


def modules() -> Iterator[tuple[str, str]]:
    """Yield the modules that the pages show: those whose first line is their file's name."""
    for page in PAGES:
        for body in blocks(page, "python"):
            if match := re.match(r"# (\w+)\.py\n", body):
                yield match[1], body


def commands() -> Iterator[str]:
    """Yield the mcpmesh commands in shell blocks, without their comments."""
    for page in PAGES:
        for body in blocks(page, "sh"):
            for line in body.replace("\\\n", " ").splitlines():
                if line.startswith("mcpmesh "):
                    yield line


def load(name: str, body: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ToolServer:
    (folder / f"{name}.py").write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = import_module(name)
    monkeypatch.delitem(sys.modules, name)
    return next(value for value in vars(module).values() if isinstance(value, ToolServer))


@pytest.mark.parametrize(("page", "target"), [
    (page, target)
    for page in PAGES
    for target in _LINK.findall(page.read_text(encoding="utf-8"))
    if "://" not in target
])  # fmt: skip
def test_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists()


@pytest.mark.parametrize("line", list(commands()))
def test_command_can_be_given(line: str) -> None:
    assert COMMANDS
    _, *tokens = shlex.split(line, comments=True)
    app.parse_args(tokens, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("body", [body for page in PAGES for body in blocks(page, "python")])
def test_python_compiles(body: str) -> None:
    compile(body, "snippet", "exec")


@pytest.mark.parametrize("body", [body for page in PAGES for body in blocks(page, "json")])
def test_json_is_json(body: str) -> None:
    json.loads(body)


@pytest.mark.parametrize(("name", "body"), list(modules()))
def test_module_makes_tools(
    name: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(name, body, tmp_path, monkeypatch).tools


@pytest.mark.parametrize(
    ("module", "tool", "arguments", "data"),
    [
        ("greeter", "greet", {"name": "Ada", "excited": True}, "Hello, Ada!"),
        ("texts", "word_count", {"text": "to be or not to be"}, {"words": 6}),
    ],
)
async def test_tool_of_the_readme_answers(
    module: str,
    tool: str,
    arguments: dict[str, object],
    data: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = load(module, dict(modules())[module], tmp_path, monkeypatch)
    replica = await server.start()
    try:
        async with Client(replica.endpoint, default_timeout=10) as client:
            assert (await client.call(tool, arguments)).data == data
    finally:
        await server.stop(0)


def test_tool_has_ten_lines() -> None:
    lines = dict(modules())["greeter"].splitlines()[1:]
    assert len([line for line in lines if line.strip()]) <= 10


def test_readme_has_every_exit_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert not [
        exit for exit in Exit if f"| {int(exit)} | {exit.meaning.split(',')[0]}" not in text
    ]


def test_readme_keeps_the_place_of_the_benchmarks() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.index("<!-- benchmarks:begin -->") < text.index("<!-- benchmarks:end -->")
