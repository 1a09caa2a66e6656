"""Runs one target in a process of its own, and follows what it prints."""

import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.corpus import WORK, working

_DONE = re.compile(r"Done (?P<runs>\d+) runs")
_COVERAGE = re.compile(r"cov: (\d+)")
_CORPUS = re.compile(r"corp: (\d+)")
_LINES_SHOWN = 40
_MOST_FOUND = 5
#: An input that takes longer hangs, whatever else the machine does.
_INPUT_SECONDS = 25
_MEMORY_MB = 1_500


@dataclass
class Tally:
    """How a target's run stands."""

    target: str
    seconds: float = 0.0
    runs: int = 0
    corpus: int = 0
    coverage: int = 0
    found: list[Path] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Executions per second."""
        return self.runs / self.seconds if self.seconds else 0.0


def run(
    target: str, seconds: float, engine: str, progress: Callable[[Tally], None]
) -> tuple[Tally, list[str]]:
    """Fuzz a target for a time, again after each find; return how it went and what was printed.

    Units: seconds.
    """
    tally = Tally(target)
    shown: list[str] = []
    began = time.monotonic()
    while (left := seconds - (time.monotonic() - began)) > 0.5 and len(tally.found) < _MOST_FOUND:
        before = tally.runs
        crashes = WORK / "crashes" / target
        crashes.mkdir(parents=True, exist_ok=True)
        seen = set(crashes.iterdir())
        code, lines = _once(tally, left, engine, crashes, began, before, progress)
        fresh = sorted(set(crashes.iterdir()) - seen)
        tally.found += fresh
        if code:
            shown += lines
            again = [path for path in seen if path.name in "\n".join(lines)]
            if not fresh and not again:
                raise SystemExit(f"{target}: the fuzzer ended with {code}:\n" + "\n".join(lines))
            if again:
                # It is among what the run begins with, so there is no way past it.
                tally.found += [path for path in again if path not in tally.found]
                break
    tally.seconds = time.monotonic() - began
    return tally, shown


def _once(
    tally: Tally,
    seconds: float,
    engine: str,
    crashes: Path,
    began: float,
    before: int,
    progress: Callable[[Tally], None],
) -> tuple[int, list[str]]:
    with subprocess.Popen(
        _command(tally.target, seconds, engine, crashes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        # The engines end by themselves; this is for one that does not.
        watchdog = threading.Timer(seconds + 120, child.kill)
        watchdog.start()
        last: deque[str] = deque(maxlen=_LINES_SHOWN)
        try:
            assert child.stdout is not None
            for line in child.stdout:
                _read(line, tally, before)
                if not line.startswith("#"):
                    last.append(line.rstrip())
                tally.seconds = time.monotonic() - began
                progress(tally)
        except BaseException:
            child.kill()
            raise
        finally:
            watchdog.cancel()
    return child.returncode, list(last)


def _command(target: str, seconds: float, engine: str, crashes: Path) -> list[str]:
    python = [sys.executable, "-m"]
    if engine == "hypothesis":
        return [*python, "fuzz.with_hypothesis", target, str(seconds), str(crashes)]
    return [
        *python, "fuzz.with_atheris", target, f"-max_total_time={max(1, round(seconds))}",
        f"-timeout={_INPUT_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}", "-max_len=4096",
        f"-artifact_prefix={crashes}/", "-print_final_stats=0", str(working(target)),
    ]  # fmt: skip


def _read(line: str, tally: Tally, before: int) -> None:
    """Take the numbers of a line that tells how the engine stands."""
    done = _DONE.match(line)
    if done:
        tally.runs = before + int(done["runs"])
    if not line.startswith("#"):
        return
    number = line[1:].split(None, 1)[0]
    if number.isdigit():
        tally.runs = before + int(number)
    for pattern, name in ((_COVERAGE, "coverage"), (_CORPUS, "corpus")):
        found = pattern.search(line)
        if found:
            setattr(tally, name, int(found[1]))
