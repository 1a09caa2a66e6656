"""The pages that a router serves to Prometheus and to probes."""

import asyncio
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.e2e.commands import Command

METRICS = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}


def metrics_url(router: Command) -> str:
    """Return where the router serves metrics: its own line, not one of its workers'."""
    (url,) = (
        line["message"].rpartition(" ")[2].removesuffix("/metrics")
        for line in router.lines()
        if line.get("message", "").startswith("metrics for Prometheus")
        and line["pid"] == router.process.pid
    )
    return str(url)


async def page(url: str) -> tuple[int, str]:
    """Return the status and the text of a page."""

    def get() -> tuple[int, str]:
        try:
            with urlopen(url, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(get)
