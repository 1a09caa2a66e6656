"""`mcpmesh up` with [adopt.NAME] in its configuration, and `mcpmesh adopt` beside a mesh."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.commands import PATIENCE, ROOT, command, environment
from tests.eventually import wait_until
from tests.processes import alive, marked

SERVERS = ROOT / "tests" / "integration" / "adopt"
ANY = "127.0.0.1:0"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")


def configuration(folder: Path, mark: str) -> Path:
    def odd(mode: str) -> str:
        return json.dumps([sys.executable, str(SERVERS / "odd_server.py"), mode, mark])

    path = folder / "mesh.toml"
    path.write_text(
        f'[adopt.odd]\ncommand = {odd("fine")}\nnamespace = "odd"\ncopies = 2\n'
        'env = { TOKEN = "${ADOPT_TOKEN}" }\n'
        f"[adopt.broken]\ncommand = {odd('exit')}\n"
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_mesh_adopts_what_its_configuration_names_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    mark = f"adopt-{os.getpid()}-{number.name}"
    config = configuration(tmp_path, mark)
    arguments = ("up", "--grpc", ANY, "--http", ANY, "--config", str(config))
    with command(tmp_path, *arguments, env={"ADOPT_TOKEN": "hush hush"}) as up:
        done = run("call", "odd_echo", "a=1", "--router", up.grpc)
        assert done.returncode == 0, done.stderr
        assert "1" in done.stdout
        assert len(marked(mark)) >= 2
        up.note_pids()
        os.kill(up.process.pid, number)
        up.process.wait(60)
        wait_until(lambda: not any(map(alive, [*marked(mark), *up.pids])))
        assert "hush" not in up.errors()
        assert "broken/1: exited with 7" in up.errors()


def test_a_variable_that_is_not_set_is_named_before_anything_starts(tmp_path: Path) -> None:
    done = run("up", "--config", str(configuration(tmp_path, "none")))
    assert done.returncode == 2
    assert "ADOPT_TOKEN is not set" in done.stderr


def test_a_command_that_is_not_there_ends_the_adopter() -> None:
    done = run("adopt", "--router", "", "--", "no-such-command-here", "x")
    assert done.returncode == 2
    assert "command not found: no-such-command-here" in done.stderr


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mcpmesh", *argv],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
