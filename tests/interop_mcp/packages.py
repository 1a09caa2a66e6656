"""Clients of others, installed into a folder of their own: never into the project's environment."""

import shutil
import sys
from pathlib import Path

from tests.installed import Missing, is_marked, mark, npm_packages, run_installer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".tools" / "mcp-clients"
#: By the name of their environment.
PYTHON = {"mcp1": "mcp==1.30.0", "fastmcp": "fastmcp>=4.1,<5"}
NODE_PACKAGES = (
    "node@22",
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/inspector@2.12.0",
)
MISSING = (
    "npm is missing, which installs the TypeScript clients and the Inspector. Install Node.js "
    "(https://nodejs.org, or: apt install nodejs npm) and run make interop-mcp again; any version "
    "will do that has npm, as the Node.js that the clients want comes with them."
)
_PACKAGES = FOLDER / "node_modules"


def python_of(name: str, *, install: bool = True) -> str:
    """Return the Python of a client's own environment.

    Raises: Missing.
    """
    folder, wanted = FOLDER / name, PYTHON[name]
    program = folder / "bin" / "python"
    if is_marked(folder, wanted):
        return str(program)
    if not install:
        raise Missing(f"{wanted} is not installed; make interop-mcp does it")
    shutil.rmtree(folder, ignore_errors=True)
    run_installer([sys.executable, "-m", "venv", str(folder)], FOLDER, wanted)
    quiet = ["-q", "--disable-pip-version-check"]
    run_installer([str(program), "-m", "pip", "install", *quiet, wanted], FOLDER, wanted)
    mark(folder, wanted)
    return str(program)


def node(*, install: bool = True) -> str:
    """Return a Node.js beside which the packages are installed.

    Raises: Missing.
    """
    later = "" if install else "make interop-mcp"
    npm_packages(FOLDER, NODE_PACKAGES, "the TypeScript clients", MISSING, later)
    return str(_PACKAGES / "node" / "bin" / "node")


def inspector() -> str:
    """Return the Inspector's program, for Node.js to run."""
    return str(_PACKAGES / "@modelcontextprotocol" / "inspector" / _INSPECTOR)


_INSPECTOR = "clients/launcher/build/index.js"
