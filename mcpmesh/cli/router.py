"""`mcpmesh router`: in this process, or in several that share its port."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpmesh.cli.child_process import Program
from mcpmesh.cli.endpoint import cannot_listen, reserve
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop
from mcpmesh.cli.process import as_options, telemetry_of
from mcpmesh.cli.readiness import Readiness
from mcpmesh.cli.ready import print_ready
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.supervised import supervised
from mcpmesh.cli.worker_pages import OWN_PAGE, WorkerPages
from mcpmesh.config import (
    RouterSettings,
)
from mcpmesh.config.access import check_provable
from mcpmesh.model.address import Address
from mcpmesh.router.registry_host import RegistryHost
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.prometheus_server import Pages
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.listening import check_exposure


@asynccontextmanager
async def routing(
    settings: RouterSettings,
    telemetry: Telemetry,
    shared: SharedSettings,
    *,
    registry: str = "",
) -> AsyncIterator[tuple[Router, str]]:
    """Run a router; yields it and its endpoint. On leaving it drains.

    With `registry`, it follows the registry of its parent there and shares its port.
    Raises: CommandError when the address cannot be listened on; InvalidSetting when it needs TLS,
    or TLS its files, or the rules certificates.
    """
    router = Router(
        settings, telemetry, registry=registry, tls=shared.tls, insecure=shared.process.insecure,
        limits=shared.limits, access=check_provable(shared.access, shared.tls),
    )  # fmt: skip
    try:
        endpoint = await router.start()
    except OSError as error:
        raise cannot_listen(settings.grpc, "--grpc", error) from error
    try:
        yield router, endpoint
    finally:
        await router.stop(shared.process.drain_grace)


async def run_router(
    settings: RouterSettings,
    shared: SharedSettings,
    stop: Stop,
    *,
    registry: str = "",
) -> Exit:
    """Route in this process until stop is asked."""
    environ = {**os.environ, **OWN_PAGE} if registry else os.environ
    readiness = Readiness()
    pages = Pages(missing=readiness.missing)
    with telemetry_of("mcpmesh-router", shared.process, environ=environ, pages=pages) as telemetry:
        running = routing(settings, telemetry, shared, registry=registry)
        async with running as (_, grpc):
            with readiness.while_serving():
                own_page = {"metrics": telemetry.prometheus} if registry else {}
                print_ready("router", grpc=grpc, **own_page)
                await stop.wait()
    return Exit.OK


async def run_workers(
    settings: RouterSettings,
    shared: SharedSettings,
    count: int,
    stop: Stop,
) -> Exit:
    """Route in several processes until stop is asked.

    This process keeps the registry, on a port of its own that only this machine reaches; the
    kernel spreads the callers' connections over the others. Of metrics it serves their sum.
    """
    held, grpc = reserve(settings.grpc, "--grpc")
    workers = WorkerPages()
    pages = Pages(workers.metrics, workers.missing)
    process, tls = shared.process, shared.tls
    check_provable(shared.access, tls)
    with held, telemetry_of("mcpmesh-router", process, pages=pages):
        check_exposure("grpc", Address.parse(settings.grpc), tls, process.insecure)
        host = RegistryHost(settings, tls)
        registry = await host.start()
        options = as_options(
            settings, process, tls, shared.limits, shared.access, grpc=grpc, worker_of=registry
        )
        programs = [
            Program.mcpmesh(f"router/{index + 1}", "router", *options) for index in range(count)
        ]
        try:
            return await supervised(
                programs,
                process.drain_grace,
                stop,
                lambda: print_ready("router", grpc=grpc, workers=str(count)),
                workers,
            )
        finally:
            await host.stop()
