"""MCP servers of others, installed into a folder of their own: never into the environment."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.interop_mcp.packages import Missing, python_of

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".tools" / "mcp-servers"
PACKAGES = (
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
)
_INSTALL_TIME = 300


def npm_server(name: str, *, install: bool = False) -> str:
    """Return the program of a server. Raises: Missing."""
    mark, wanted = FOLDER / "installed", " ".join(PACKAGES)
    program = FOLDER / "node_modules" / ".bin" / f"mcp-{name}"
    if mark.exists() and mark.read_text() == wanted:
        return str(program)
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is missing, which installs the MCP servers; install Node.js")
    if not install:
        raise Missing("the npm servers are not installed; make interop-adopt does it")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true}\n')
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--no-save", *PACKAGES],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIME,
        check=False,
    )
    if done.returncode:
        raise Missing(f"the npm servers cannot be installed:\n{done.stderr.strip()}")
    mark.write_text(wanted)
    return str(program)


def main() -> int:
    """Install all of them, as far as that is possible."""
    for what in (
        lambda: npm_server("server-everything", install=True),
        lambda: python_of("fastmcp"),
    ):
        try:
            what()
        except Missing as missing:
            print(missing, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
