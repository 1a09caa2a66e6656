"""What every long-running command sets up: logs, telemetry, and an eye on its parent."""

import logging
import os
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import fields
from random import Random

from mcpmesh import __version__
from mcpmesh.cli.exits import CommandError
from mcpmesh.config import ProcessSettings
from mcpmesh.telemetry.log import setup_logging
from mcpmesh.telemetry.prometheus_server import OWN_PAGES, Pages
from mcpmesh.telemetry.setup import Telemetry, setup


@contextmanager
def telemetry_of(
    service: str,
    settings: ProcessSettings,
    *,
    share: bool = False,
    pages: Pages = OWN_PAGES,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Telemetry]:
    """Set logs and telemetry up, and end both on leaving.

    Raises: CommandError for a wrong OTEL_ variable.
    """
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    # It warns of a missing kubeconfig at each try; the source says so once.
    logging.getLogger("kubernetes_asyncio").setLevel(logging.ERROR)
    undo = setup_logging(settings.log_format, settings.log_level, service=service)
    try:
        telemetry = setup(service, environ, Random(), version=__version__, share=share, pages=pages)
    except ValueError as error:
        raise CommandError(f"telemetry cannot be set up: {error}") from error
    try:
        yield telemetry
    finally:
        telemetry.shutdown()
        undo()


def as_options(*settings: object, hidden: Set[str] = frozenset(), **others: object) -> list[str]:
    """Write settings as a command line, each value whether default or not, but for `hidden` ones.

    So a child process takes them from its parent, whatever its environment says.
    """
    values: dict[str, object] = {}
    for each in settings:
        values |= {field.name: getattr(each, field.name) for field in fields(each)}  # type: ignore[arg-type]
    options: list[str] = []
    for name, value in (values | others).items():
        if name in hidden:
            continue
        option = "--" + name.replace("_", "-")
        for item in value if isinstance(value, tuple) else (value,):
            options += [f"{option}={item}"]
    return options
