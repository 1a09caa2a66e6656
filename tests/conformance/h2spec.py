"""h2spec: found or built, run against one endpoint, and its report read.

Source: github.com/summerwind/h2spec (MIT), which tests what RFC 9113 (as RFC 7540) and RFC 7541
oblige a server to.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"
PACKAGE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
SPECS = ("generic", "http2", "hpack")
MISSING = """\
h2spec is missing, and so is Go, which builds it. Either
  - install Go (https://go.dev/dl, or: apt install golang-go) and run make conformance again, or
  - put an h2spec binary on the PATH, or name it: H2SPEC=/path/to/h2spec make conformance
    (https://github.com/summerwind/h2spec/releases)."""
#: Seconds: to build h2spec, for all its tests of one endpoint, and for one test of it.
_BUILD_TIME = 300
_RUN_TIME = 300
_TEST_TIME = 5
_VERDICT = re.compile(r"<(failure|skipped|error)>(.*?)</\1>", re.DOTALL)
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Missing(Exception):
    """There is no h2spec, and nothing to build it with; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test of h2spec; `problem` is "" when it passed."""

    spec: str
    section: str
    title: str
    problem: str

    @property
    def group(self) -> str:
        """Return the spec with the section's first number: "http2 6"."""
        return f"{self.spec} {self.section.split('.')[0]}"


def find() -> str:
    """Return the h2spec to run: the one named, on the PATH, or built with Go before or now.

    Raises: Missing.
    """
    named = os.environ.get("H2SPEC")
    if named:
        found = shutil.which(named)
        if found is None:
            raise Missing(f"H2SPEC={named} is not a program that can be run")
        return found
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{TOOLS}"
    return shutil.which("h2spec", path=path) or _build()


def _build() -> str:
    go = shutil.which("go")
    if go is None:
        raise Missing(MISSING)
    built = subprocess.run(
        [go, "install", PACKAGE],
        env=os.environ | {"GOBIN": str(TOOLS), "GOFLAGS": "-mod=mod"},
        cwd=tempfile.gettempdir(),  # outside of any Go module
        capture_output=True,
        text=True,
        timeout=_BUILD_TIME,
        check=False,
    )
    if built.returncode:
        raise Missing(f"go install {PACKAGE} failed:\n{built.stderr.strip()}")
    return str(TOOLS / "h2spec")


def run(program: str, host: str, port: int, *, tls: bool) -> list[Outcome]:
    """Run every test, strict ones too, against one endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [program, *SPECS, "--strict", "--host", host, "--port", str(port)]
        command += ["--timeout", str(_TEST_TIME), "--junit-report", str(report)]
        if tls:
            command += ["--tls", "--insecure"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_RUN_TIME, check=False
        )
        if not report.exists():
            text = (done.stdout + done.stderr).strip()
            return [Outcome("h2spec", "0", "runs to its end", text[-1_000:] or "no report")]
        outcomes = read(report.read_text())
    if done.returncode and all(not outcome.problem for outcome in outcomes):
        outcomes.append(Outcome("h2spec", "0", "ends with 0", f"it ended with {done.returncode}"))
    return outcomes


def read(report: str) -> list[Outcome]:
    """Read h2spec's JUnit report; a test that was skipped proves nothing, so it failed."""
    outcomes = []
    # h2spec writes what it expected and saw as it is: colours, angle brackets.
    plain = _CONTROL.sub("", report)
    plain = _VERDICT.sub(lambda found: f"<{found[1]}>{escape(found[2])}</{found[1]}>", plain)
    for case in ElementTree.fromstring(plain).iter("testcase"):
        spec, _, section = case.get("package", "").partition("/")
        told = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        problem = " ".join(f"{kind}: {_text(case, kind)}" for kind in told)
        outcomes.append(Outcome(spec, section, case.get("classname", ""), problem.strip()))
    return outcomes


def _text(case: ElementTree.Element, kind: str) -> str:
    return " ".join("".join(case.find(kind).itertext()).split())  # type: ignore[union-attr]
