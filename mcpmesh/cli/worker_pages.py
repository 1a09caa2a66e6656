"""What a parent of workers serves over HTTP: the sum of their metrics, and if all are ready."""

import logging
from collections.abc import Sequence
from http.client import HTTPException
from threading import Lock
from urllib.request import urlopen

from mcpmesh.cli.child import Child, State
from mcpmesh.telemetry.metrics import Metrics
from mcpmesh.telemetry.page_sum import PageSum
from mcpmesh.telemetry.prometheus import target_info

_log = logging.getLogger(__name__)
#: A worker's own page for Prometheus is for its parent, which serves the sum of them.
OWN_PAGE = {"OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}
_PATIENCE = 2.0


class WorkerPages:
    """Asked from the threads of the page's server, one at a time."""

    def __init__(self) -> None:
        #: Whose pages they are; set once the workers are started.
        self.workers: Sequence[Child] = ()
        self._sum: PageSum[tuple[str, int]] = PageSum()
        self._lock = Lock()

    def metrics(self, own: Metrics) -> bytes:
        """Write the sum over all workers there ever were, under this process's name."""
        with self._lock:
            running = {
                (worker.program.name, pid): worker.announced.get("metrics", "")
                for worker in self.workers
                if worker.state is State.READY and (pid := worker.pid) is not None
            }
            pages = {key: page for key, at in running.items() if (page := _fetched(*key, at))}
            self._sum.take(running, pages)
            return target_info(own.resource) + self._sum.page()

    def missing(self) -> str:
        """Return which workers take no calls now; empty when all do."""
        away = [each for each in self.workers if each.state is not State.READY]
        return ", ".join(f"{each.program.name} is {each.state.value}" for each in away)


def _fetched(name: str, pid: int, endpoint: str) -> bytes:
    """Ask a worker for its page; empty when it does not answer, since it may just have ended."""
    if not endpoint:
        return b""
    try:
        with urlopen(f"http://{endpoint}/metrics", timeout=_PATIENCE) as answer:
            page: bytes = answer.read()
            return page
    except (OSError, HTTPException) as error:
        _log.info("%s (pid %d) gives no metrics: %s", name, pid, error)
        return b""
