"""What `mcpmesh adopt` is told: a command line, a configuration file, a variable."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcpmesh.cli.adopt import adopt_program, adopted_tables, environment
from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.server_sources import ServerOptions, source_table
from mcpmesh.cli.service_sources import ServiceOptions
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.sources import read_file
from mcpmesh.config import (
    NO_TLS,
    AdoptSettings,
    InvalidSetting,
    LimitSettings,
    ProcessSettings,
)


def table_of(source: tuple[str, ...], *header: str, **options: Any) -> dict[str, Any]:
    service = ServiceOptions(options.pop("only", ()))
    return source_table(source, service, ServerOptions(**options), header, "fs")


def test_a_command_line_is_a_command_or_urls() -> None:
    both = {"namespace": "fs", "copies": 1, "transport": "auto", "era": "auto"}
    command = table_of(("npx", "-y", "x"), env=("A=b=c", "TOKEN"), only=("read_*",))
    assert command == {
        **both,
        "command": ["npx", "-y", "x"],
        "env": {"A": "b=c", "TOKEN": "${TOKEN}"},
        "only": ["read_*"],
    }
    urls = table_of(("http://a", "http://b"), "X-Key: k:1")
    assert urls == {**both, "urls": ["http://a", "http://b"], "headers": {"X-Key": "k:1"}}
    with pytest.raises(CommandError, match="--env"):
        table_of(("http://a",), env=("A=b",))
    with pytest.raises(CommandError, match="--header"):
        table_of(("npx",), "A: b")
    with pytest.raises(CommandError, match="NAME: VALUE"):
        table_of(("http://a",), "nonsense")
    with pytest.raises(CommandError, match="are for MCP servers"):
        table_of(("grpc://a:1",), copies=2)


def test_tables_of_a_file_are_those_of_the_option(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text('[adopt.fs]\ncommand = ["npx", "x"]\ncopies = 2\n')
    values = read_file(path, {"adopt"})
    (text,) = values._values["adopt"]  # type: ignore[misc]
    settings = AdoptSettings(adopt=(str(text),))
    assert settings.tables() == {"fs": {"command": ["npx", "x"], "copies": 2}}
    assert [each.name for each in adopted_tables(settings, {})] == ["fs", "fs"]
    path.write_text("[adopt]\ncommand = 7\n")
    with pytest.raises(CommandError, match=r"\[adopt.NAME\]"):
        read_file(path, {"adopt"})


def test_what_is_no_table_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidSetting, match="'fs' is not NAME=") as caught:
        AdoptSettings(adopt=('fs={"env": "secret"',))
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidSetting, match="twice"):
        AdoptSettings(adopt=("fs={}", "fs={}"))


def test_a_child_gets_it_by_its_environment_in_one_word_each() -> None:
    table = {"command": ["a b", "c\td"], "env": {"TOKEN": "se cret"}}
    adopt = AdoptSettings(adopt=(f"fs={json.dumps(table)}", 'web={"url":"http://a"}'))
    program = adopt_program(
        adopt, "h:1", SharedSettings(ProcessSettings(), NO_TLS, LimitSettings())
    )
    assert not any("cret" in word for word in program.command)
    words = program.environ["MCPMESH_ADOPT"].split()
    assert AdoptSettings(adopt=tuple(words)).tables() == adopt.tables()


def test_a_file_of_variables_is_below_the_environment(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=file\nB=file\n")
    assert environment(path, {"A": "set"}) == {"A": "set", "B": "file"}
    with pytest.raises(CommandError, match="cannot read"):
        environment(tmp_path / "none", {})
