"""What is shown to try next is right for the mesh that is shown."""

import json
import shlex
from pathlib import Path

import pytest

from mcpmesh.cli.hints import hints, program, sample
from mcpmesh.v1 import discovery_pb2, tool_pb2


def status(name: str, schema: dict[str, object]) -> discovery_pb2.ToolStatus:
    """Return a tool as the catalog has it."""
    tool = tool_pb2.Tool(name=name, input_schema=json.dumps(schema).encode())
    return discovery_pb2.ToolStatus(tool=tool, replicas=1, ready_replicas=1)


def test_sample_has_the_required_arguments_as_the_schema_wants_them() -> None:
    schema = {
        "required": ["city", "days", "unit", "on", "tags", "month", "from"],
        "properties": {
            "city": {"type": "string", "examples": ["Seattle"]},
            "days": {"type": "integer", "minimum": 3},
            "unit": {"enum": ["C", "F"]},
            "on": {"type": "boolean"},
            "tags": {"type": "array"},
            "month": {"$ref": "#/$defs/Month"},
            "from": {"type": "string", "format": "date"},
            "free": {"type": "string"},
        },
        "$defs": {"Month": {"type": "integer"}},
    }
    assert sample(schema) == {
        "city": "Seattle",
        "days": 3,
        "unit": "C",
        "on": True,
        "tags": [],
        "month": 1,
        "from": "2015-01-31",
    }


def test_commands_are_quoted_for_the_shell() -> None:
    schema = {"required": ["q"], "properties": {"q": {"type": "string", "default": "it's 1 > 0"}}}
    text = hints([status("search", schema)], "127.0.0.1:9", "127.0.0.1:8")
    call, curl = (line for line in text.splitlines() if " search " in line or "curl" in line)
    assert shlex.split(call)[3:] == ["q=it's 1 > 0", "--router", "127.0.0.1:9"]
    body = json.loads(shlex.split(curl)[-1])
    assert body["params"]["arguments"] == {"q": "it's 1 > 0"}
    assert "http://127.0.0.1:8/mcp" in shlex.split(curl)


def test_default_router_need_not_be_named() -> None:
    assert "--router" not in hints([status("a", {})], "127.0.0.1:7070", "127.0.0.1:7080")


def test_program_that_is_not_on_the_path_is_named_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / ".venv" / "bin" / "mcpmesh"
    own.parent.mkdir(parents=True)
    own.touch()
    monkeypatch.setattr("sys.executable", str(own.with_name("python")))
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/mcpmesh"
    assert "\n  .venv/bin/mcpmesh tools" in hints([status("a", {})], "h:1", "h:2", program())


def test_empty_mesh_says_how_to_bring_tools() -> None:
    assert "mcpmesh serve MODULE:APP --router h:1" in hints([], "h:1", "h:2")
