"""Clients of others, installed into a folder of their own: never into the project's environment."""

import shutil
import subprocess
import sys
from pathlib import Path

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
#: Seconds.
_INSTALL_TIME = 300


class Missing(Exception):
    """A client is not there and cannot be installed; the text says how to get it."""


def python_of(name: str, *, install: bool = True) -> str:
    """Return the Python of a client's own environment.

    Raises: Missing.
    """
    folder, wanted = FOLDER / name, PYTHON[name]
    program, mark = folder / "bin" / "python", folder / "installed"
    if _is(mark, wanted):
        return str(program)
    if not install:
        raise Missing(f"{wanted} is not installed; make interop-mcp does it")
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)], wanted)
    quiet = ["-q", "--disable-pip-version-check"]
    _run([str(program), "-m", "pip", "install", *quiet, wanted], wanted)
    mark.write_text(wanted)
    return str(program)


def node(*, install: bool = True) -> str:
    """Return a Node.js beside which the packages are installed.

    Raises: Missing.
    """
    mark, wanted = FOLDER / "installed", " ".join(NODE_PACKAGES)
    if not _is(mark, wanted):
        npm = shutil.which("npm")
        if npm is None:
            raise Missing(MISSING)
        if not install:
            raise Missing("the TypeScript clients are not installed; make interop-mcp does it")
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text('{"private": true}\n')
        quiet = ["--no-audit", "--no-fund", "--no-save"]
        _run([npm, "install", *quiet, *NODE_PACKAGES], "the TypeScript clients")
        mark.write_text(wanted)
    return str(_PACKAGES / "node" / "bin" / "node")


def inspector() -> str:
    """Return the Inspector's program, for Node.js to run."""
    return str(_PACKAGES / "@modelcontextprotocol" / "inspector" / _INSPECTOR)


_INSPECTOR = "clients/launcher/build/index.js"


def _is(mark: Path, wanted: str) -> bool:
    return mark.exists() and mark.read_text() == wanted


def _run(command: list[str], what: str) -> None:
    """Run an installer.

    Raises: Missing.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command,
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIME,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{what} cannot be installed:\n{done.stderr.strip()}")
