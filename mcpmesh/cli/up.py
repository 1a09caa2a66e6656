"""`mcpmesh up`: a whole mesh from one command; router and bridge here, tool servers as children."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from watchfiles import PythonFilter, awatch

from mcpmesh.cli.adopt import adopt_program
from mcpmesh.cli.child import CannotStart, Child, State
from mcpmesh.cli.endpoint import reachable
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.front import http_front
from mcpmesh.cli.hints import print_hints
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.output import print_note
from mcpmesh.cli.process import telemetry_of
from mcpmesh.cli.ready import print_ready
from mcpmesh.cli.router import routing
from mcpmesh.cli.serve import program
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.supervisor import Supervisor
from mcpmesh.cli.target import split_target, watched_folders
from mcpmesh.config import (
    AdoptSettings,
    BridgeSettings,
    InvalidSetting,
    RouterSettings,
    ServeSettings,
    TlsSettings,
)
from mcpmesh.stack.mesh import Mesh

_log = logging.getLogger(__name__)
#: Seconds the children get to start and to be in the catalog before `up` goes on without them.
START_WITHIN = 90.0
CATALOG_WITHIN = 10.0
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Tools:
    """Which tool servers to run."""

    targets: Sequence[str] = ()
    replicas: int = 1
    reload: bool = False

    def __post_init__(self) -> None:
        for target in self.targets:
            split_target(target)


async def run_up(
    tools: Tools,
    router: RouterSettings,
    bridge: BridgeSettings,
    adopt: AdoptSettings,
    shared: SharedSettings,
    stop: Stop,
) -> Exit:
    """Run the mesh until stop is asked; then the tool servers drain first.

    Raises: InvalidSetting.
    """
    check_both_ways(shared.tls)
    with telemetry_of("mcpmesh", shared.process) as telemetry:
        async with (
            routing(router, telemetry, shared) as (running, grpc),
            http_front(running.mesh, bridge, telemetry, shared) as http,
        ):
            try:
                async with (
                    children(tools, adopt, reachable(grpc), shared) as supervisor,
                    following(supervisor, tools, running.mesh),
                ):
                    if not await until(stop, settled(supervisor, running.mesh)):
                        return Exit.OK
                    print_ready(grpc=grpc, http=http)
                    print_hints(
                        running.mesh.tools().tools, reachable(grpc), reachable(http), shared.tls
                    )
                    await supervisor.wait_stop(stop)
            except CannotStart:
                return Exit.USAGE
    return Exit.OK


def check_both_ways(tls: TlsSettings) -> None:
    """Refuse half of TLS: here the same process serves and connects, and so do its children.

    Raises: InvalidSetting.
    """
    if tls.serves and not tls.connects:
        raise InvalidSetting(
            "tls_ca", "the tool servers connect to the router, which speaks TLS; name its authority"
        )
    if tls.connects and not tls.serves:
        raise InvalidSetting(
            "tls_cert", "the router is to speak TLS with its tool servers, who need a certificate"
        )


def children(
    tools: Tools,
    adopt: AdoptSettings,
    router: str,
    shared: SharedSettings,
) -> Supervisor:
    """Return the supervisor of the tool servers, and of what adopts."""
    settings = ServeSettings(router=router)
    programs = [
        program(target, index, settings, shared)
        for target in tools.targets
        for index in range(tools.replicas)
    ]
    if adopt.adopt:
        programs.append(adopt_program(adopt, router, shared))
    return Supervisor(programs, grace=shared.process.drain_grace, patient=tools.reload)


async def settled(supervisor: Supervisor, mesh: Mesh) -> bool:
    """Wait until every tool is in the catalog and ready, or tell which are not; True.

    Raises: CannotStart.
    """
    if not await supervisor.wait_until(lambda: started(supervisor.children), START_WITHIN):
        late = [child for child in supervisor.children if child.state is not State.READY]
        print_note(f"not ready after {START_WITHIN:g} s: {', '.join(c.program.name for c in late)}")
    if lacking := await in_catalog(supervisor, mesh):
        print_note(f"not in the catalog yet: {', '.join(lacking)}")
    return True


async def in_catalog(supervisor: Supervisor, mesh: Mesh) -> list[str]:
    """Wait until the children's replicas take calls; return the tools that still lack some."""
    wanted = announced(supervisor.children)
    try:
        async with asyncio.timeout(CATALOG_WITHIN):
            while missing(wanted, mesh):  # noqa: ASYNC110  (the catalog gives no event to wait for)
                await asyncio.sleep(_POLL)
    except TimeoutError:
        return missing(wanted, mesh)
    return []


def started(children: Sequence[Child]) -> bool:
    """Tell whether each child is ready, or waits for a change of its code."""
    return all(child.state in {State.READY, State.BROKEN} for child in children)


def announced(children: Sequence[Child]) -> Counter[str]:
    """Count the replicas of each tool that the children say they have."""
    lists = (child.announced.get("tools", "") for child in children if child.state is State.READY)
    return Counter(tool for names in lists for tool in names.split(",") if tool)


def missing(wanted: Mapping[str, int], mesh: Mesh) -> list[str]:
    """Return the tools with fewer ready replicas than there should be."""
    ready: Counter[str] = Counter()
    for status in mesh.tools().tools:
        ready[status.tool.name] += status.ready_replicas
    return [name for name, count in wanted.items() if ready[name] < count]


@asynccontextmanager
async def following(supervisor: Supervisor, tools: Tools, mesh: Mesh) -> AsyncIterator[None]:
    """With reload, follow the code meanwhile: from before the children read it."""
    if not tools.reload:
        yield
        return
    task = asyncio.create_task(follow(supervisor, list(tools.targets), mesh))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def follow(supervisor: Supervisor, targets: list[str], mesh: Mesh) -> None:
    """Replace the tool servers, one by one, whenever Python code changes."""
    folders = watched_folders(targets)
    _log.info("watching %s", ", ".join(map(str, folders)))
    async for changes in awatch(*folders, watch_filter=PythonFilter()):
        names = sorted({path.rpartition("/")[2] for _, path in changes})
        _log.info("%s changed; replacing the tool servers", ", ".join(names))
        await supervisor.replace_all(partial(in_catalog, supervisor, mesh))
