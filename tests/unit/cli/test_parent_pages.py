"""What a worker shows of its parent's pages, and of a parent that is gone."""

import socket
from random import Random

from mcpmesh.cli.parent_pages import ParentPages
from mcpmesh.cli.worker_pages import OWN_PAGE
from mcpmesh.telemetry.prometheus_server import Pages, prometheus_server
from mcpmesh.telemetry.setup import without_exporters


async def test_a_worker_shows_what_its_parent_says() -> None:
    missing = ["bridge/2 is starting"]
    pages = Pages(lambda _: b"metrics of all", lambda: missing[0])
    server = prometheus_server(without_exporters(Random(1)).metrics, OWN_PAGE, pages)
    assert server is not None
    server.start()
    try:
        parent = ParentPages(server.endpoint)
        assert await parent.metrics() == b"metrics of all"
        assert await parent.missing() == "bridge/2 is starting"
        missing[0] = ""
        assert await parent.missing() == ""
    finally:
        server.shutdown()


async def test_a_parent_that_is_gone_is_told() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        parent = ParentPages(f"127.0.0.1:{held.getsockname()[1]}")
        assert await parent.metrics() == b""
        assert "does not answer" in await parent.missing()
