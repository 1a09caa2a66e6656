"""`python -m benchmarks.hostile`: every attack beside an honest client, and a table of it.

Calm and attacked windows alternate, so that a slow minute hits both alike. The run fails when an
attack is not ended as it should be, is not counted, makes the router's memory grow over the bound,
or more than doubles the honest client's p99.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness.machine import busy_now, machine, versions
from benchmarks.hostile.arena import Arena, Honest, arena, start
from benchmarks.hostile.attacks import ATTACKS, Attack

#: Seconds of a window, pairs of windows at first, and the most when others disturb the machine.
WINDOW = 2.0
PAIRS = 2
MOST_PAIRS = 4
#: Seconds that a router may take to find a replica that is back.
RECONNECT = 12.0
#: Times a second that an attacker that was ended comes again.
PER_SECOND = 2.0
#: Bounds: the honest client's p99 over its calm value, and MiB over idle.
MAX_P99_RATIO = 2.0
MAX_GROWTH_MIB = 160.0
RESULTS = Path(__file__).with_name("results.json")
_SAMPLE = 0.05


@dataclass(slots=True)
class Row:
    """What an attack came to.

    Units: MiB over the idle router; seconds.
    """

    attack: str
    peak_growth_mib: float
    calm_p99: float
    p99: float
    honest_failed: int
    connections: int
    sent_mib: float
    ended: dict[str, int]
    counted: dict[str, int]
    wrong: list[str]

    @property
    def ratio(self) -> float:
        """The honest client's p99 over its calm value."""
        return self.p99 / self.calm_p99


def main() -> int:
    """Run the attacks; 0 when all are within bounds."""
    options = _options()
    console = Console()
    console.print(f"others use {busy_now():.0%} of the machine")
    rows = []
    with arena() as ring, Honest(ring.port) as honest:
        honest.measure(1.0)
        time.sleep(1)
        for attack in ATTACKS:
            if options.only and options.only.lower() not in attack.name.lower():
                continue
            row = _try(attack, ring, honest)
            rows.append(row)
            console.print(f"{row.attack}: p99 x{row.ratio:.2f} {', '.join(row.wrong) or 'ok'}")
    console.print(_table(rows))
    if options.write:
        _write(rows)
    return int(any(row.wrong for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--only", default="", help="attacks whose name has this in it")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    return parser.parse_args()


def _try(attack: Attack, ring: Arena, honest: Honest) -> Row:
    """Attack in turn with calm windows."""
    idle, before = ring.rss(), ring.refusals()
    calm: list[float] = []
    attacked: list[float] = []
    failed = peak = connections = sent = 0
    ended: dict[str, int] = {}
    for pair in range(1, MOST_PAIRS + 1):
        quiet = honest.measure(WINDOW)
        calm += quiet["latencies"]  # type: ignore[operator]
        loud, outcome, top = _attacked(attack, ring, honest)
        attacked += loud["latencies"]
        failed += loud["failed"]
        peak = max(peak, top)
        connections += outcome["connections"]
        sent += outcome["sent_bytes"]
        for how, times in _endings(attack, outcome).items():
            ended[how] = ended.get(how, 0) + times
        time.sleep(0.5)
        if pair >= PAIRS and p99(attacked) <= MAX_P99_RATIO * p99(calm):
            break
    after = ring.refusals()
    counted = {
        reason: times - before.get(reason, 0)
        for reason, times in after.items()
        if times > before.get(reason, 0)
    }
    row = Row(attack.name, (peak - idle) / 2**20, p99(calm), p99(attacked), failed, connections,
              sent / 2**20, ended, counted, [])  # fmt: skip
    row.wrong = _judge(attack, row)
    return row


def _attacked(attack: Attack, ring: Arena, honest: Honest) -> tuple[Any, Any, int]:
    """Measure one window under attack; also what became of the attack, and the peak memory."""
    # A router that could not reach a replica for a while looks for it again when it sees fit.
    window = RECONNECT + WINDOW if attack.replica else WINDOW
    arguments = (ring.port, ring.evil_port, window + 1.0, PER_SECOND, attack.name)
    attacker = start("attacker", *map(str, arguments), attacking=True)
    time.sleep(0.5)
    honest.begin(window)
    peak = ring.rss()
    while attacker.poll() is None:
        peak = max(peak, ring.rss())
        try:
            attacker.wait(_SAMPLE)
        except subprocess.TimeoutExpired:
            continue
    assert attacker.stdout is not None
    return honest.end(), json.loads(attacker.stdout.read()), peak


def _endings(attack: Attack, outcome: Any) -> dict[str, int]:
    found = dict(outcome["streams"] if attack.streams else outcome["endings"])
    # What the end of the window cut off.
    found.pop("stayed", None)
    return found


def _judge(attack: Attack, row: Row) -> list[str]:
    wrong = []
    if not any(how in attack.ends for how in row.ended):
        wrong.append("not ended" if not row.ended else "ended otherwise")
    if attack.reasons and not any(reason in row.counted for reason in attack.reasons):
        wrong.append("not counted")
    if row.peak_growth_mib > MAX_GROWTH_MIB:
        wrong.append(f"memory +{row.peak_growth_mib:.0f} MiB")
    if row.ratio > MAX_P99_RATIO:
        wrong.append(f"p99 x{row.ratio:.1f}")
    if row.honest_failed:
        wrong.append(f"{row.honest_failed} honest calls failed")
    return wrong


def p99(latencies: list[float]) -> float:
    """Return the 99th percentile."""
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def _table(rows: list[Row]) -> Table:
    table = Table(title="A router under attack")
    for head in ("attack", "peak over idle", "honest p99", "connections", "ended", "counted", ""):
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(
            row.attack,
            f"{row.peak_growth_mib:+.1f} MiB",
            f"{row.p99 * 1000:.1f} ms (x{row.ratio:.2f})",
            str(row.connections),
            ", ".join(f"{times} {how}" for how, times in row.ended.items()),
            ", ".join(f"{times} {reason}" for reason, times in row.counted.items()),
            ", ".join(row.wrong) or "ok",
        )
    return table


def _write(rows: list[Row]) -> None:
    results = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: each for name, each in versions().items() if name == "mcpmesh"},
        "bounds": {"p99_ratio": MAX_P99_RATIO, "growth_mib": MAX_GROWTH_MIB},
        "attacks": [{**asdict(row), "p99_ratio": round(row.ratio, 3)} for row in rows],
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
