"""A supervisor keeps real processes running, and leaves none behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import DRAINS, FOREVER, HEAD, READY, STUBBORN, program

from mcpmesh.cli.child import CannotStart, State
from mcpmesh.cli.supervisor import Supervisor
from mcpmesh.policy.backoff import Backoff
from tests.eventually import eventually
from tests.processes import alive

AT_ONCE = Backoff(first=0.01, longest=0.05)


async def test_child_that_printed_its_ready_line_is_ready() -> None:
    async with Supervisor([program("a", READY, FOREVER)], grace=1) as supervisor:
        assert await supervisor.wait_ready(20)
        assert supervisor.children[0].announced == {"listen": "127.0.0.1:1"}


async def test_killed_child_is_started_again() -> None:
    async with Supervisor([program("a", READY, FOREVER)], grace=1, restarts=AT_ONCE) as supervisor:
        await supervisor.wait_ready(20)
        (child,) = supervisor.children
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await supervisor.wait_until(
            lambda: child.state is State.READY and child.pid not in {first, None}, 20
        )


async def test_stopping_drains_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    programs = [program(name, DRAINS, READY, FOREVER, log=log) for name in "ab"]
    async with Supervisor(programs, grace=5) as supervisor:
        await supervisor.wait_ready(20)
    assert log.read_text() == "drained\n" * 2


async def test_child_that_does_not_stop_is_killed() -> None:
    async with Supervisor([program("a", STUBBORN, READY, FOREVER)], grace=-1.9) as supervisor:
        await supervisor.wait_ready(20)
        pid = supervisor.children[0].pid
    assert pid is not None
    assert not alive(pid)


async def test_child_called_wrongly_is_not_started_again() -> None:
    with pytest.raises(CannotStart, match="wrong"):
        async with Supervisor([program("wrong", "sys.exit(2)\n")], grace=1) as supervisor:
            await supervisor.wait_ready(20)


async def test_patient_supervisor_waits_for_a_change_of_code(tmp_path: Path) -> None:
    fixed = tmp_path / "fixed"
    broken = f"if not os.path.exists({str(fixed)!r}): sys.exit(2)\n"
    async with Supervisor(
        [program("a", broken, READY, FOREVER)], grace=1, patient=True
    ) as supervisor:
        (child,) = supervisor.children
        await eventually(lambda: child.state is State.BROKEN)
        fixed.touch()
        await supervisor.replace_all()
        assert child.state is State.READY


async def test_replacing_goes_one_by_one(tmp_path: Path) -> None:
    programs = [program(name, DRAINS, READY, FOREVER, log=tmp_path / "log") for name in "ab"]
    async with Supervisor(programs, grace=5) as supervisor:
        await supervisor.wait_ready(20)
        before = {child.pid for child in supervisor.children}
        await supervisor.replace_all()
        assert all(child.state is State.READY for child in supervisor.children)
        assert before.isdisjoint(child.pid for child in supervisor.children)


async def test_process_goes_on_until_the_one_that_replaces_it_is_ready(tmp_path: Path) -> None:
    """With its own log: what was said when, and by which process."""
    log, go = tmp_path / "log", tmp_path / "go"
    go.touch()
    slow = (
        f"while not os.path.exists({str(go)!r}): threading.Event().wait(0.01)\n"
        "print('ready', file=log, flush=True)\n"
    )
    async with Supervisor([program("a", DRAINS, slow, READY, FOREVER, log=log)], grace=5) as one:
        await one.wait_ready(20)
        (child,) = one.children
        first = child.pid
        assert first is not None
        go.unlink()
        child.replace()
        assert await one.wait_until(lambda: child.state is State.STARTING, 20)
        assert alive(first)
        assert log.read_text() == "ready\n"
        go.touch()
        assert await one.wait_until(lambda: child.state is State.READY, 20)
        assert child.pid != first
        await eventually(lambda: not alive(first))
        assert log.read_text() == "ready\nready\ndrained\n"


async def test_broken_change_leaves_the_process_that_runs(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    start = f"if os.path.exists({str(broken)!r}): sys.exit(2)\n"
    programs = [program("a", start, READY, FOREVER)]
    async with Supervisor(programs, grace=1, patient=True, restarts=AT_ONCE) as supervisor:
        await supervisor.wait_ready(20)
        (child,) = supervisor.children
        first = child.pid
        assert first is not None
        broken.touch()
        await supervisor.replace_all()
        assert (child.state, child.pid) == (State.BROKEN, first)
        assert alive(first)
        # It ends, and its code as it is now cannot be started: not again and again either.
        os.kill(first, signal.SIGKILL)
        assert await supervisor.wait_until(
            lambda: child.state is State.BROKEN and child.pid is None, 20
        )
        broken.unlink()
        await supervisor.replace_all()
        assert child.state is State.READY


async def test_broken_change_spares_the_other_replicas(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    start = f"if os.path.exists({str(broken)!r}): sys.exit(2)\n"
    programs = [program(f"a/{n}", start, READY, FOREVER) for n in (1, 2)]
    async with Supervisor(programs, grace=1, patient=True) as supervisor:
        await supervisor.wait_ready(20)
        broken.touch()
        await supervisor.replace_all()
        first, second = supervisor.children
        assert (first.state, second.state) == (State.BROKEN, State.READY)


async def test_other_output_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    def said() -> bool:
        heard.append(capfd.readouterr().err)
        return "hello" in "".join(heard)

    chatty = program("a", READY, "print('x' * 3_000_000)\nprint('hello', flush=True)\n", FOREVER)
    async with Supervisor([chatty], grace=1) as supervisor:
        await supervisor.wait_ready(20)
        await eventually(said)


PARENT = """
import asyncio
from children import FOREVER, READY, STUBBORN, program
from mcpmesh.cli.supervisor import Supervisor

WATCH = (
    "from mcpmesh.cli.parent import watch_parent\\n"
    "watch_parent(int(sys.argv[-1]), lambda: None, grace=0.05)\\n"
)

async def main():
    async with Supervisor([program("a", STUBBORN, WATCH, READY, FOREVER)], grace=1) as supervisor:
        await supervisor.wait_ready(20)
        print(supervisor.children[0].pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_children_die_with_a_killed_parent() -> None:
    here = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + PARENT],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": here},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    await eventually(lambda: not alive(pid))
