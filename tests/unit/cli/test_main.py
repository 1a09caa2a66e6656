"""Every misuse ends with one sentence and the documented exit code."""

import importlib
import socket
import sys
from pathlib import Path
from threading import Thread

import pytest

from mcpmesh import errors
from mcpmesh.cli.app import app
from mcpmesh.cli.exits import CommandError, Exit, exit_of, exit_table
from mcpmesh.cli.main import describe, main
from mcpmesh.cli.options import options
from mcpmesh.cli.target import load_target, split_target, watched_folders


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["tols"], Exit.USAGE, "did you mean"),
        (["tools", "--colour"], Exit.USAGE, "unknown option"),
        (["tools", "--router", "nowhere"], Exit.USAGE, "--router (or mcpmesh_router)"),
        (["call"], Exit.USAGE, "name"),
        (["call", "a", "--timeout", "soon"], Exit.USAGE, "--timeout"),
        (["call", "a", "--timeout", "-1"], Exit.USAGE, "above 0"),
        (["call", "a", "b=1", "--json", "{}"], Exit.USAGE, "not mixed"),
        (["call", "si\udcffze", "b=1"], Exit.USAGE, "tool name 'si\\udcffze' is not 1 to 128"),
        (["call", "x" * 100_000], Exit.USAGE, "is not 1 to 128 characters of a-z"),
        (["bench", "a", "--concurrency", "0"], Exit.USAGE, "below 1"),
        (["serve", "no_such_module:app"], Exit.USAGE, "go to the folder that has it, or install"),
        (["serve", "json"], Exit.USAGE, "module json has no app"),
        (["serve", "json:loads"], Exit.USAGE, "is a function, not a toolserver"),
        (["serve", "tools/weather.py"], Exit.USAGE, "tools.weather:app"),
        (["serve", "json", "--listen", "7070"], Exit.USAGE, "host:port"),
        (["serve", "json", "--replicas", "0"], Exit.USAGE, "--replicas"),
        (["bridge", "--log-level", "loud"], Exit.USAGE, "--log-level"),
        (["tools", "--config", "/no/such.toml"], Exit.USAGE, "/no/such.toml"),
        (["tools", "--config", "/"], Exit.USAGE, "/ is a folder, no configuration file"),
        (["tools", "a", "b"], Exit.USAGE, "b: more than the command takes. see --help"),
    ],
)
def test_misuse_is_told_in_one_line(
    argv: list[str], code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert len(told.err) < 500
    assert words in told.err.lower()


def test_absent_router_is_told_with_what_to_do(
    closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tools", "--router", f"127.0.0.1:{closed_port}"]) == Exit.UNAVAILABLE
    assert "Connection refused; start a mesh with `mcpmesh up" in capsys.readouterr().err


def test_port_that_speaks_something_else_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_answer_as_a_web_server, args=(server,), daemon=True).start()
        endpoint = f"127.0.0.1:{server.getsockname()[1]}"
        assert main(["tools", "--router", endpoint]) == Exit.UNAVAILABLE
    told = capsys.readouterr().err
    assert told.startswith(f"mcpmesh: {endpoint} does not speak gRPC; is it the bridge's port?")
    assert told.count("\n") == 1


def _answer_as_a_web_server(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("grpc = 5", "mesh.toml: grpc: endpoint '5' is not HOST:PORT"),
        ('[tools.a]\nhedge = "b"', "mesh.toml: tools.a.hedge.quantile: 'b' is not a number"),
    ],
)
def test_a_wrong_value_of_the_file_is_blamed_on_the_file(
    text: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mesh.toml").write_text(text)
    # `main` tells child processes of the file.
    monkeypatch.setenv("MCPMESH_CONFIG", "")
    assert main(["router", "--config", "mesh.toml"]) == Exit.USAGE
    assert told in capsys.readouterr().err


def test_a_wrong_value_is_not_blamed_on_a_file_that_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mesh.toml").write_text('grpc = "127.0.0.1:0"')
    monkeypatch.setenv("MCPMESH_CONFIG", "")
    assert main(["router", "--config", "mesh.toml", "--grpc", "5"]) == Exit.USAGE
    assert "--grpc (or MCPMESH_GRPC): endpoint '5'" in capsys.readouterr().err


def test_debug_shows_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tools", "--router", "nowhere", "--debug"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["tools", "call", "bench", "replicas", "bridge", "serve"])
def test_help_names_variables_and_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == Exit.OK
    text = capsys.readouterr().out
    assert "MCPMESH_ROUTER" in text
    assert all(code.meaning in text for code in Exit)


def test_every_option_says_what_it_means() -> None:
    silent = [f"{o.command} {o.name}" for o in options(app) if o.shown and not o.meaning]
    assert not silent


def test_an_option_has_one_type_everywhere() -> None:
    types: dict[str, set[object]] = {}
    for option in options(app):
        types.setdefault(option.name, set()).add(option.argument.hint)
    assert {name for name, hints in types.items() if len(hints) > 1} <= {"--version"}


def test_every_error_has_an_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {exit_of(kind("x")) for kind in kinds if issubclass(kind, errors.MeshError)}
    assert codes == set(Exit) - {Exit.OK, Exit.INTERRUPTED}
    assert exit_table().count("\n") == len(Exit) - 1


def test_bytes_that_are_not_utf_8_are_told() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "1\udcff".encode()
    assert describe(caught.value) == (r"'1\udcff' is not UTF-8 text", Exit.USAGE)


def test_target_without_app_is_app() -> None:
    assert split_target("a.b") == ("a.b", "app")


def test_module_that_fails_names_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_tools.py").write_text("x = 1\nx = y\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Exception, match=r"NameError.*broken_tools.py:2"):
        load_target("broken_tools:app")
    sys.modules.pop("broken_tools", None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        # The line of the module, not of what it called.
        ("\n@app.tool\ndef f(a): pass\n", r"a has no annotation.*ailing_tools.py:3\)"),
        ("\n@app.tool(readonly=True)\ndef f(): pass\n", r"'readonly'; did you mean read_only\?"),
        ("\n@app.prompt(size=3)\ndef f(): pass\n", r"a prompt has no option 'size'"),
        ("\nclass C: pass\napp.add(C)\n", r"C'> has no execute\(self, input_data\)"),
        ("\nclass C: pass\n@app.tool\ndef f(a: C): pass\n", r"for <class 'ailing_tools.C'> \("),
        ("\nraise SystemExit('no key')\n", r"SystemExit: no key .*ailing_tools.py:3\)"),
    ],
)
def test_what_is_wrong_with_a_module_is_said_in_a_line(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"from mcpmesh import ToolServer\napp = ToolServer('ailing'){code}"
    (tmp_path / "ailing_tools.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ailing_tools", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(CommandError, match=reason) as failed:
        load_target("ailing_tools:app")
    assert "\n" not in failed.value.message


def test_module_that_misses_another_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy_tools.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Exception, match=r"needs the module no_such_module, .*; install it"):
        load_target("needy_tools:app")


def test_code_outside_the_current_folder_is_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, here = tmp_path / "elsewhere" / "far_tools", tmp_path / "here"
    package.mkdir(parents=True)
    here.mkdir()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.chdir(here)
    assert watched_folders(["far_tools.weather:app"]) == [package, here]
