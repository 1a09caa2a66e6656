"""A port of its own for the page that Prometheus scrapes, for processes without a bridge.

A thread and not a task: a scrape is answered when the event loop is busy too, and setup needs
no loop. What it reads are copies of cells (`cells`).

Source: OpenTelemetry specification, "Prometheus exporter", for the variables and their defaults.
"""

import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread

from mcpmesh.telemetry.metrics import Metrics
from mcpmesh.telemetry.prometheus import CONTENT_TYPE, exposition

_log = logging.getLogger(__name__)
_HOST_VARIABLE = "OTEL_EXPORTER_PROMETHEUS_HOST"
_PORT_VARIABLE = "OTEL_EXPORTER_PROMETHEUS_PORT"
_HOST = "localhost"
_PORT = 9464
_MAX_PORT = 65535
#: Seconds a scraper has to send its request, and between looks at whether to end.
_PATIENCE = 5.0
_POLL = 0.1


def _nothing_is_missing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Pages:
    """What the port serves; both are called from threads.

    `metrics` writes `/metrics`; `missing` says for `/readyz` what is not ready, "" for nothing.
    """

    metrics: Callable[[Metrics], bytes] = exposition
    missing: Callable[[], str] = _nothing_is_missing


#: Of this process itself.
OWN_PAGES = Pages()


class PrometheusServer:
    """Serves `/metrics` and `/readyz` from a thread, from `start` to `shutdown`."""

    def __init__(self, metrics: Metrics, server: ThreadingHTTPServer, host: str) -> None:
        self._server = server
        self.endpoint = f"{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
        self._thread = Thread(
            target=server.serve_forever, args=(_POLL,), name="mcpmesh-prometheus", daemon=True
        )

    def __repr__(self) -> str:
        return f"<PrometheusServer {self.endpoint}>"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        _log.info("metrics for Prometheus are at http://%s/metrics", self.endpoint)

    def shutdown(self) -> None:
        """Stop answering, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_PATIENCE)


def prometheus_server(
    metrics: Metrics, environ: Mapping[str, str], pages: Pages = OWN_PAGES
) -> PrometheusServer | None:
    """Bind what the variables say; None, with a warning, when the address can't be had."""
    host = environ.get(_HOST_VARIABLE, "").strip() or _HOST
    port = _port(environ)
    try:
        return PrometheusServer(metrics, _listen(metrics, pages, host, port), host)
    except (OSError, UnicodeError) as error:
        _log.warning(
            "metrics for Prometheus are not served: cannot listen on %s:%d: %s. Every process"
            " needs a port of its own: set %s, 0 for a free one",
            host, port, getattr(error, "strerror", "") or error, _PORT_VARIABLE,
        )  # fmt: skip
        return None


def _listen(metrics: Metrics, pages: Pages, host: str, port: int) -> ThreadingHTTPServer:
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]

    class Page(_Page):
        written = partial(pages.metrics, metrics)
        missing = staticmethod(pages.missing)

    class Listener(ThreadingHTTPServer):
        address_family = family
        # A second process has to hear that the port is taken, not share it.
        allow_reuse_port = False
        daemon_threads = True

        def server_bind(self) -> None:
            # Without the look-up of the host's full name, which may take seconds.
            TCPServer.server_bind(self)

    return Listener(address[:2], Page)  # type: ignore[arg-type]  # of an IP family


class _Page(BaseHTTPRequestHandler):
    """Answers GET and HEAD of the page."""

    written: Callable[[], bytes]
    missing: Callable[[], str]
    timeout = _PATIENCE
    server_version = "mcpmesh"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/", "/metrics"):
            self._answer(200, self.written(), CONTENT_TYPE)
        elif path == "/readyz":
            missing = self.missing()
            said = f"not ready: {missing}\n" if missing else "ready\n"
            self._answer(503 if missing else 200, said.encode(), "text/plain; charset=utf-8")
        else:
            self.send_error(404, "metrics are at /metrics, readiness at /readyz")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Note a request among the details of the log, not on stderr."""
        _log.debug(format, *args)


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(_PORT_VARIABLE, "").strip()
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _MAX_PORT:
        return int(text)
    if text:
        _log.warning("%s: %r is no port, using %d", _PORT_VARIABLE, text, _PORT)
    return _PORT
