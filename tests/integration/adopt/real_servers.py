"""What others publish, to be adopted: MCP servers, and the Petstore documents.

Installed into a folder of their own: never into the environment.
"""

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
    # Documents, MIT licence; its Petstore is Swagger's own, Apache 2.0.
    "@readme/oas-examples@8.2.2",
)
_INSTALL_TIME = 300


def npm_server(name: str, *, install: bool = False) -> str:
    """Return the program of a server. Raises: Missing."""
    return str(_packages(install=install) / ".bin" / f"mcp-{name}")


def petstore_document(version: str) -> Path:
    """Return the Petstore's document of OpenAPI 3.0 or 3.1. Raises: Missing."""
    examples = _packages(install=False) / "@readme" / "oas-examples"
    return examples / version / "json" / "petstore.json"


def _packages(*, install: bool) -> Path:
    """Return the folder of the npm packages. Raises: Missing."""
    mark, wanted = FOLDER / "installed", " ".join(PACKAGES)
    found = FOLDER / "node_modules"
    if mark.exists() and mark.read_text() == wanted:
        return found
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is missing, which installs what is adopted; install Node.js")
    if not install:
        raise Missing("the npm packages are not installed; make interop-adopt does it")
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
        raise Missing(f"the npm packages cannot be installed:\n{done.stderr.strip()}")
    mark.write_text(wanted)
    return found


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
