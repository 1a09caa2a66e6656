"""Real child processes for tests, each a few lines of Python."""

import sys
from pathlib import Path

from mcpmesh.cli.child_process import Program

HEAD = "import os, signal, sys, threading\n"
READY = "print('mcpmesh serve ready listen=127.0.0.1:1', flush=True)\n"
FOREVER = "threading.Event().wait()\n"
DRAINS = (
    "def drain(*_):\n    print('drained', file=log, flush=True)\n    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, drain)\n"
)
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def program(name: str, *lines: str, log: Path | None = None) -> Program:
    """Return a program made of the lines; `log` is a file it may append to."""
    opened = f"log = open({str(log)!r}, 'a')\n" if log else ""
    return Program(name, (sys.executable, "-c", HEAD + opened + "".join(lines)))
