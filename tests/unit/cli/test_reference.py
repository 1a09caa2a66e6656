"""The generated pages of docs/ are what the code says, and the tables miss nothing."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
from grpc import StatusCode

from mcpmesh.cli import app as cli_app
from mcpmesh.cli.app import app
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.main import COMMANDS, main
from mcpmesh.cli.pages import pages
from mcpmesh.cli.reference import SETTINGS
from mcpmesh.cli.reference_errors import PROTOCOL_ERRORS, error_classes
from mcpmesh.cli.reference_telemetry import SPANS
from mcpmesh.cli.reference_tools import field_texts
from mcpmesh.codec import jsonrpc, mcp
from mcpmesh.policy.balancing import Balancing
from mcpmesh.policy.tool_policy import ToolPolicy
from mcpmesh.telemetry import attributes
from mcpmesh.telemetry.instruments import INSTRUMENTS
from mcpmesh.telemetry.log_line import LOG_FIELDS

DOCS = Path(__file__).parents[3] / "docs"
PAGES = dict(pages(app))


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_every_class_of_options_is_in_the_reference() -> None:
    hints = [get_args(each) for each in vars(cli_app).values() if get_origin(each) is Annotated]
    assert {kind for kind, *_ in hints if is_dataclass(kind)} == set(SETTINGS)


@pytest.mark.parametrize("name", PAGES)
def test_page_is_fresh(name: str) -> None:
    assert COMMANDS
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], "run make docs"


def test_command_writes_every_page(tmp_path: Path) -> None:
    assert main(["reference", str(tmp_path)]) == Exit.OK
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(PAGES)


def test_command_wants_a_folder_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference", "/nowhere/at/all"]) == Exit.USAGE
    assert "no folder /nowhere/at/all" in capsys.readouterr().err


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_is_there(settings: type) -> None:
    missing = [f.name for f in fields(settings) if f"| `{f.name}` |" not in page("configuration")]
    assert not missing


def test_every_setting_of_a_tool_is_there_with_its_meaning() -> None:
    for field in fields(ToolPolicy):
        assert f"## {field.name}\n" in page("tool-settings")
        assert field_texts(ToolPolicy)[field.name]
    for field in fields(Balancing):
        assert f"| `{field.name}` |" in page("tool-settings")
        assert field_texts(Balancing)[field.name]


def test_every_instrument_is_there() -> None:
    assert not [about.name for about in INSTRUMENTS if f"| `{about.name}` |" not in page("metrics")]


def test_every_log_field_is_there() -> None:
    assert not [name for name in LOG_FIELDS if f"| `{name}` |" not in page("logs")]


def test_every_attribute_has_a_meaning() -> None:
    written = {key for span in SPANS for key in (*span.attributes, *span.ends)}
    labels = {label for about in INSTRUMENTS for label in (*about.labels, *about.constant)}
    assert written | labels <= set(attributes.ATTRIBUTES)


def test_every_error_and_status_is_there() -> None:
    names = [kind.__name__ for kind in error_classes()]
    assert "ToolNotFound" in names
    assert not [
        name for name in names if name != "MeshError" and f"| `{name}` |" not in page("errors")
    ]
    statuses = [status.name for status in StatusCode if status is not StatusCode.OK]
    assert not [name for name in statuses if f"| `{name}` |" not in page("errors")]


def test_every_code_of_the_protocol_is_there() -> None:
    standard = {
        value for name, value in vars(jsonrpc).items() if isinstance(value, int) and value < 0
    }
    of_mcp = {mcp.HEADER_MISMATCH, mcp.MISSING_CLIENT_CAPABILITY, mcp.UNSUPPORTED_VERSION}
    assert standard | of_mcp == set(PROTOCOL_ERRORS)


@pytest.mark.parametrize(
    ("name", "status", "through", "http", "plain", "again"),
    [
        ("InvalidCall", "INVALID_ARGUMENT", "error -32602", "400 (200)", "400", "does not help"),
        ("TooLarge", "RESOURCE_EXHAUSTED", "error -32602", "400 (200)", "413", "does not help"),
        ("ToolNotFound", "NOT_FOUND", "error -32602", "400 (200)", "404", "does not help"),
        ("MethodNotFound", "UNIMPLEMENTED", "error -32601", "404 (200)", "501", "does not help"),
        ("PermissionDenied", "PERMISSION_DENIED", "error -32014", "403", "403", "does not help"),
        ("Unauthenticated", "UNAUTHENTICATED", "error -32015", "401", "401", "does not help"),
        ("NoReplica", "UNAVAILABLE", "result, `isError: true`", "200", "503", "may help"),
        ("Overloaded", "RESOURCE_EXHAUSTED", "result, `isError: true`", "200", "429", "may help"),
        (
            "DeadlineExceeded",
            "DEADLINE_EXCEEDED",
            "result, `isError: true`",
            "200",
            "504",
            "does not help",
        ),
        ("Conflict", "ABORTED", "error -32012", "200", "409", "does not help"),
        ("InternalError", "INTERNAL", "error -32603", "200", "500", "does not help"),
    ],
)
def test_row_of_an_error(
    name: str, status: str, through: str, http: str, plain: str, again: str
) -> None:
    row = next(line for line in page("errors").splitlines() if line.startswith(f"| `{name}` |"))
    assert f"| `{status}` | {through} | {http} | {plain} | {again} |" in row
