"""The commands that tell of mcpmesh itself."""

import platform
import sys

import grpc

from mcpmesh import __version__
from mcpmesh.cli.app import REST, app
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import loop_name
from mcpmesh.cli.output import print_json, print_line
from mcpmesh.cli.reference import markdown


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


@app.command(name="config-reference", group=REST, show=False)
def reference_command() -> Exit:
    """Print the configuration reference in Markdown."""
    print_line(markdown(app))
    return Exit.OK
