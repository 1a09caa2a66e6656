"""The official MCP conformance suite: installed with npm, run against a bridge, its results read.

Source: github.com/modelcontextprotocol/conformance (MIT/Apache-2.0), which names for each revision
the scenarios that a server must pass.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.installed import npm_packages

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".tools" / "mcp-conformance"
PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "node@22"
#: Revisions with a list of required scenarios.
REVISIONS = ("2025-11-25", "2026-07-28")
MISSING = """\
npm is missing, which installs the MCP conformance suite. Install Node.js (https://nodejs.org, or:
apt install nodejs npm) and run make conformance-mcp again; any version will do that has npm, as the
Node.js that the suite wants comes with it."""
_PACKAGES = FOLDER / "node_modules"
_PROGRAM = _PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
_NODE = _PACKAGES / "node" / "bin" / "node"
#: Seconds for all scenarios of a revision, and ms for one of them.
_RUN_TIME = 300
_SCENARIO_TIME_MS = 20_000
_RESULT = re.compile(r"server-(.+?)-\d{4}-\d\d-\d\dT")
_PASSED = frozenset(("SUCCESS", "INFO", "SKIPPED", "WARNING"))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a scenario looks at."""

    id: str
    status: str
    said: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of a revision; `required` ones decide whether a server conforms."""

    name: str
    required: bool
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Tell whether it ran and nothing failed."""
        return bool(self.checks) and all(check.status in _PASSED for check in self.checks)

    @property
    def problems(self) -> list[Check]:
        """Return what failed, and what the suite warns of."""
        return [check for check in self.checks if check.status in ("FAILURE", "WARNING")]


def find() -> tuple[str, str]:
    """Return the Node.js and the program to run, installed now if they are not there.

    Raises: Missing.
    """
    npm_packages(FOLDER, (PACKAGE, NODE), "the suite and its Node.js", MISSING)
    return str(_NODE), str(_PROGRAM)


def run(url: str, revision: str, results: Path) -> list[Scenario]:
    """Run every scenario of a revision against the server at a URL."""
    node, program = find()
    command = [node, program, "server", "--url", url, "--requirements", revision]
    command += ["--timeout", str(_SCENARIO_TIME_MS), "--output-dir", str(results)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
        timeout=_RUN_TIME,
        check=False,
    )
    (results / "output.txt").write_text(done.stdout + done.stderr)
    return read(results, required(revision))


def required(revision: str) -> list[str]:
    """Return the scenarios that a revision requires of a server, as the suite lists them."""
    text = (_PROGRAM.parent.parent / "requirements" / f"{revision}.yaml").read_text()
    section = text.partition("\nserver:\n")[2]
    names = []
    for line in section.splitlines():
        if not line.startswith("  - "):
            break
        names.append(line.removeprefix("  - ").strip())
    return names


def read(results: Path, names: list[str]) -> list[Scenario]:
    """Read the results in a folder; a required scenario that left none did not pass."""
    found: dict[str, tuple[Check, ...]] = {}
    for path in sorted(results.glob("server-*/checks.json")):
        match = _RESULT.match(path.parent.name)
        if match:
            found[match[1]] = tuple(_check(each) for each in json.loads(path.read_text()))
    order = [*names, *sorted(found.keys() - set(names))]
    return [Scenario(name, name in names, found.get(name, ())) for name in order]


def _check(told: dict[str, object]) -> Check:
    said = told.get("errorMessage") or told.get("description") or ""
    return Check(str(told["id"]), str(told["status"]), str(said))
