"""The commands that tell of mcpmesh itself."""

import platform
import sys
from pathlib import Path
from typing import Annotated

import grpc
from cyclopts import Parameter

from mcpmesh import __version__
from mcpmesh.cli.app import REST, app
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.loop import loop_name
from mcpmesh.cli.output import print_json, print_line
from mcpmesh.cli.pages import write_pages


@app.command(name="version", group=REST)
def version_command(*, json_output: bool = False) -> Exit:
    """Print the version of mcpmesh and of what it runs on.

    Parameters
    ----------
    json_output
        Print JSON.
    """
    parts = {
        "mcpmesh": __version__,
        "python": platform.python_version(),
        "grpcio": grpc.__version__,
        "loop": loop_name(),
        "platform": sys.platform,
    }
    if json_output:
        print_json(parts)
    else:
        print_line(" ".join(f"{name} {value}" for name, value in parts.items()))
    return Exit.OK


@app.command(name="reference", group=REST, show=False)
def reference_command(folder: Annotated[Path, Parameter(show_env_var=False)], /) -> Exit:
    """Write the generated pages of the documentation: configuration, errors, logs, metrics, traces.

    Parameters
    ----------
    folder
        Where to write them.
    """
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}; name the one to write to")
    write_pages(app, folder)
    return Exit.OK
