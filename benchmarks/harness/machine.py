"""On what the numbers were measured."""

import os
import platform
import re
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness.cpu import busy_ratio, machine_ticks
from benchmarks.harness.peers import PEERS_PYTHON, envoy_path, program
from benchmarks.harness.process import ROOT

_ASK = {
    "nginx": "-v",
    "haproxy": "-v",
    "h2load": "--version",
    "wrk": "-v",
}
#: Everything but documents and the results of earlier runs.
_MEASURED = (".", ":(exclude)*.json", ":(exclude)*.md", ":(exclude)docs", ":(exclude)*.png",
             ":(exclude)*.svg")  # fmt: skip
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


def machine() -> dict[str, str | int]:
    """Describe the machine and its Python."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "model": _model(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that takes part, as far as it is installed."""
    found = {name: version(name) for name in ("mcpmesh", "grpcio", "uvloop", "httptools")}
    if commit := _commit():
        found["mcpmesh"] += f" ({commit})"
    for name, option in _ASK.items():
        if path := program(name):
            found[name] = _first_version((path, option))
    if envoy := envoy_path():
        found["envoy"] = _first_version((str(envoy), "--version"))
    if PEERS_PYTHON.exists():
        ask = "from importlib.metadata import version as v; print(v('fastmcp'))"
        found["fastmcp"] = _first_version((str(PEERS_PYTHON), "-c", ask))
    return found


def busy_now() -> float:
    """Return which share of the machine's CPU others use, over two seconds."""
    before = machine_ticks()
    time.sleep(2)
    return busy_ratio(before, machine_ticks())


def _commit() -> str:
    """Return the commit that is measured; `-dirty` when what is measured differs from it.

    What a run writes itself (results, pictures, tables) is not measured.
    """
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", *_MEASURED)
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    argv = ("git", "-C", str(ROOT), *arguments)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_version(argv: tuple[str, ...]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    found = _VERSION.search(done.stdout + done.stderr)
    return found.group() if found else "?"
