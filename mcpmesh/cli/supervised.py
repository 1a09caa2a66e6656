"""Processes of a command that are run until stop is asked."""

from collections.abc import Callable, Sequence

from mcpmesh.cli.child import CannotStart
from mcpmesh.cli.child_process import Program
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.supervisor import Supervisor
from mcpmesh.cli.worker_pages import WorkerPages


async def supervised(
    programs: Sequence[Program],
    grace: float,
    stop: Stop,
    announce: Callable[[], None],
    workers: WorkerPages | None = None,
) -> Exit:
    """Run programs until stop is asked; `announce` says that all are ready.

    `workers` gets to know them. The exit is USAGE when one of them was called wrongly.
    """
    try:
        async with Supervisor(programs, grace=grace) as supervisor:
            if workers is not None:
                workers.workers = supervisor.children
            if await until(stop, supervisor.wait_ready()):
                announce()
            await supervisor.wait_stop(stop)
    except CannotStart:
        return Exit.USAGE
    return Exit.OK
