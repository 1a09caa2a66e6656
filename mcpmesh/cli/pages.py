"""The pages of docs/ that are generated."""

from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from mcpmesh.adopt.grpc_handler import MAX_KEPT
from mcpmesh.cli.reference import configuration_page
from mcpmesh.cli.reference_errors import errors_page
from mcpmesh.cli.reference_services import services_page
from mcpmesh.cli.reference_telemetry import logs_page, metrics_page, traces_page
from mcpmesh.cli.reference_tools import tools_page


def pages(app: App) -> Iterator[tuple[str, str]]:
    """Yield each page: its file name and its text."""
    yield "configuration.md", configuration_page(app) + "\n"
    yield "errors.md", errors_page() + "\n"
    yield "logs.md", logs_page() + "\n"
    yield "metrics.md", metrics_page() + "\n"
    yield "services.md", services_page(MAX_KEPT) + "\n"
    yield "tool-settings.md", tools_page() + "\n"
    yield "traces.md", traces_page() + "\n"


def write_pages(app: App, folder: Path) -> None:
    """Write all pages into a folder."""
    for name, text in pages(app):
        (folder / name).write_text(text, encoding="utf-8")
