"""What others publish, installed once into a folder of its own: never into the environment."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

#: Seconds.
_INSTALL_TIME = 300
_QUIET = ("--no-audit", "--no-fund", "--no-save")


class Missing(Exception):
    """Something is not there and cannot be installed; the text says how to get it."""


def is_marked(folder: Path, wanted: str) -> bool:
    """Tell whether just that is installed in a folder."""
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == wanted


def mark(folder: Path, wanted: str) -> None:
    """Note what is installed in a folder."""
    (folder / "installed").write_text(wanted)


def npm_packages(
    folder: Path, packages: Sequence[str], what: str, without_npm: str, later: str = ""
) -> Path:
    """Return the folder of npm packages; `later` says how to get them, if not now.

    Raises: Missing.
    """
    wanted = " ".join(packages)
    if not is_marked(folder, wanted):
        npm = shutil.which("npm")
        if npm is None:
            raise Missing(without_npm)
        if later:
            raise Missing(f"{what} are not installed; {later} does it")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        run_installer([npm, "install", *_QUIET, *packages], folder, what)
        mark(folder, wanted)
    return folder / "node_modules"


def run_installer(command: Sequence[str], folder: Path, what: str) -> None:
    """Run a command that installs something.

    Raises: Missing with what it says when it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIME,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{what} cannot be installed:\n{done.stderr.strip()}")
