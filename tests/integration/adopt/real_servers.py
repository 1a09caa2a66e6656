"""What others publish, to be adopted: MCP servers, and the Petstore documents.

Installed into a folder of their own: never into the environment.
"""

import sys
from pathlib import Path

from tests.installed import Missing, npm_packages
from tests.interop_mcp.packages import python_of

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".tools" / "mcp-servers"
PACKAGES = (
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    # Documents, MIT licence; its Petstore is Swagger's own, Apache 2.0.
    "@readme/oas-examples@8.2.2",
)


def npm_server(name: str, *, install: bool = False) -> str:
    """Return the program of a server. Raises: Missing."""
    return str(_packages(install=install) / ".bin" / f"mcp-{name}")


def petstore_document(version: str) -> Path:
    """Return the Petstore's document of OpenAPI 3.0 or 3.1. Raises: Missing."""
    examples = _packages(install=False) / "@readme" / "oas-examples"
    return examples / version / "json" / "petstore.json"


def _packages(*, install: bool) -> Path:
    """Return the folder of the npm packages. Raises: Missing."""
    return npm_packages(
        FOLDER,
        PACKAGES,
        "the npm packages",
        "npm is missing, which installs what is adopted; install Node.js",
        "" if install else "make interop-adopt",
    )


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
