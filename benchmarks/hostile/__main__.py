"""`python -m benchmarks.hostile`: every attack beside an honest client, and a table of it.

A calm and an attacked window make a pair, and its two p99s a ratio; the median of the pairs' ratios
counts, so that a slow moment of the machine spoils one pair and not the attack's row. The run fails
when an attack is not ended as it should be, is not counted, makes the router's memory grow over the
bound, or more than doubles the honest client's p99.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness.machine import busy_now, machine, versions
from benchmarks.hostile.arena import AT_ONCE, Arena, Honest, arena, start
from benchmarks.hostile.attacks import ATTACKS, Attack

#: Seconds of a window, and of one in which a limit of time acts.
WINDOW = 1.2
SLOW_WINDOW = 2.6
#: Seconds that an attack goes on after its window, so that what was limited in it is ended.
AFTER = 0.6
#: Pairs of windows, and the most when the ratios of some are over the bound and of others not.
PAIRS = 3
MOST_PAIRS = 7
#: Seconds that a router may take to find a replica that is back.
RECONNECT = 12.0
#: Times a second that an attacker that was ended comes again.
PER_SECOND = 2.0
#: Bounds: the honest client's p99 over its calm value, and MiB over idle.
MAX_P99_RATIO = 2.0
MAX_GROWTH_MIB = 160.0
RESULTS = Path(__file__).with_name("results.json")
_SAMPLE = 0.05
#: Seconds after an attack until the next calm window: what it left to do is its own.
REST = 0.3


@dataclass(slots=True)
class Row:
    """What an attack came to.

    `pairs` holds the honest client's calm p99 and that under attack, of each pair of windows.
    Units: MiB over the idle router; seconds.
    """

    attack: str
    pairs: list[tuple[float, float]] = field(default_factory=list)
    peak_growth_mib: float = 0.0
    honest_failed: int = 0
    connections: int = 0
    sent_mib: float = 0.0
    ended: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """The honest client's p99 under attack, the median of the windows."""
        return median(attacked for _, attacked in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """The honest client's p99 over its calm value, of each pair, the least first."""
        return sorted(attacked / calm for calm, attacked in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def decided(self) -> bool:
        """Tell whether there are enough pairs, and they agree on the bound."""
        least, most = self.ratios[0], self.ratios[-1]
        agree = most <= MAX_P99_RATIO or least > MAX_P99_RATIO
        return len(self.pairs) >= (PAIRS if agree else MOST_PAIRS)

    def add(self, ended: dict[str, int]) -> None:
        """Take in how connections or calls were ended."""
        for how, times in ended.items():
            self.ended[how] = self.ended.get(how, 0) + times


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
            of_pairs = ", ".join(f"{ratio:.2f}" for ratio in row.ratios)
            wrong = ", ".join(row.wrong) or "ok"
            console.print(f"{row.attack}: p99 {row.p99 * 1000:.2f} ms, x{row.ratio:.2f}", end=" ")
            console.print(f"(pairs: {of_pairs}) {wrong}")
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
    row = Row(attack.name)
    idle, before = ring.rss(), ring.refusals()
    window = SLOW_WINDOW if attack.slow else WINDOW
    while not row.pairs or not row.decided:
        calm = honest.measure(window)
        loud, outcome, peak = _attacked(attack, ring, honest, window)
        row.pairs.append((p99(calm["latencies"]), p99(loud["latencies"])))
        row.honest_failed += calm["failed"] + loud["failed"]
        row.peak_growth_mib = max(row.peak_growth_mib, (peak - idle) / 2**20)
        row.connections += outcome["connections"]
        row.sent_mib += outcome["sent_bytes"] / 2**20
        row.add(_endings(attack, outcome))
        time.sleep(REST)
    row.counted = {
        reason: times - before.get(reason, 0)
        for reason, times in ring.refusals().items()
        if times > before.get(reason, 0)
    }
    row.wrong = _judge(attack, row)
    return row


def _attacked(attack: Attack, ring: Arena, honest: Honest, window: float) -> tuple[Any, Any, int]:
    """Measure one window under attack; also what became of the attack, and the peak memory."""
    # A router that could not reach a replica for a while looks for it again when it sees fit.
    window += RECONNECT if attack.replica else 0.0
    arguments = (ring.port, ring.evil_port, window + AFTER, PER_SECOND, attack.name)
    attacker = start("attacker", *map(str, arguments), attacking=True)
    assert attacker.stdout is not None
    attacker.stdout.readline()
    honest.begin(window)
    peak = ring.rss()
    while attacker.poll() is None:
        peak = max(peak, ring.rss())
        try:
            attacker.wait(_SAMPLE)
        except subprocess.TimeoutExpired:
            continue
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
    heads = (
        "attack",
        "peak over idle",
        "honest p99",
        "over calm",
        "connections",
        "ended",
        "counted",
    )
    for head in (*heads, ""):
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(
            row.attack,
            f"{row.peak_growth_mib:+.1f} MiB",
            f"{row.p99 * 1000:.1f} ms",
            f"x{row.ratio:.2f} ({row.ratios[0]:.2f} to {row.ratios[-1]:.2f})",
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
        "honest_in_real_time": bool(AT_ONCE),
        "attacks": [
            {**asdict(row), "p99": row.p99, "p99_ratio": round(row.ratio, 3)} for row in rows
        ],
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
