"""Tables of the laboratory's results, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.balance.simulation.run import Seen
from benchmarks.balance.simulation.scenario import Scenario
from benchmarks.balance.simulation.supermarket import CHOICES, Cell

_COLUMNS = ("policy", "p50 ms", "p99 ms", "p99.9 ms", "failed", "attempts per call")


def summary(scenario: Scenario, seen: Seen) -> dict[str, Any]:
    """Return what is kept of a run. Units: latencies in ms."""
    picks = sum(seen.picks.values())
    return {
        "calls": seen.calls,
        "p50_ms": round(seen.quantile(0.5) * 1e3, 2),
        "p99_ms": round(seen.quantile(0.99) * 1e3, 2),
        "p999_ms": round(seen.quantile(0.999) * 1e3, 2),
        "failed": sum(seen.failures.values()),
        "failures": dict(sorted(seen.failures.items())),
        "attempts_per_call": round(seen.attempts / seen.calls, 4),
        "share_of_shown": round(share_of_shown(scenario, seen), 5),
        "shares": [round(seen.picks[number] / picks, 5) for number in range(scenario.replicas)],
    }


def share_of_shown(scenario: Scenario, seen: Seen) -> float:
    """Return the share of attempts that went to the shown replicas while their fault lasted."""
    begins = min((fault.begins for fault in scenario.fault), default=0.0)
    ends = max((fault.ends for fault in scenario.fault), default=1e9)
    during = [
        picks
        for second, picks in seen.picks_by_second.items()
        if begins <= second + scenario.warmup < ends
    ]
    total = sum(picks.total() for picks in during)
    shown = sum(picks[number] for picks in during for number in scenario.shown)
    return shown / total if total else 0.0


def scenario_table(scenario: Mapping[str, Any]) -> str:
    """Write the results of a scenario."""
    columns = list(_COLUMNS)
    if scenario["shown"]:
        columns.append(f"share of the {_counted(scenario['shown'])}")
    rows = []
    for policy, result in scenario["policies"].items():
        row = [
            policy,
            f"{result['p50_ms']:,.1f}",
            f"{result['p99_ms']:,.1f}",
            f"{result['p999_ms']:,.1f}",
            f"{result['failed'] / result['calls']:.2%}",
            f"{result['attempts_per_call']:.3f}",
        ]
        if scenario["shown"]:
            row.append(f"{result['share_of_shown']:.2%}")
        rows.append(row)
    return _table(columns, rows)


def supermarket_table(cells: Iterable[Mapping[str, Any]]) -> str:
    """Write theory and simulation beside each other."""
    by_load: dict[float, list[str]] = {}
    for each in cells:
        by_load.setdefault(each["load"], []).append(
            f"{each['theory']:.3f} · {each['mean']:.3f} ± {each['interval']:.3f} "
            f"({each['error']:+.1%})"
        )
    columns = ["load", *(f"d = {choices}" for choices in CHOICES)]
    return _table(columns, ([f"{load:g}", *row] for load, row in by_load.items()))


def picks_table(measured: Mapping[str, Any]) -> str:
    """Write what a pick costs, and how long a change takes to reach the pickers."""
    picks = [[policy, f"{cost:.2f}"] for policy, cost in measured["us_per_pick"].items()]
    changes = [
        [change, f"{each['ms_until_routes']:.1f}", f"{each['watchers_told']:,}"]
        for change, each in measured["changes"].items()
    ]
    told = ("change of the catalog", "ms until pickers know", "changes told to a watcher")
    return f"{_table(('policy', 'µs per pick'), picks)}\n\n{_table(told, changes)}"


def cell_summary(cell: Cell) -> dict[str, Any]:
    """Return what is kept of a cell of the supermarket table."""
    return {
        "load": cell.load,
        "choices": cell.choices,
        "theory": round(cell.theory, 4),
        "mean": round(cell.mean, 4),
        "interval": round(cell.interval, 4),
        "error": round(cell.error, 5),
        "calls": cell.calls,
    }


def _counted(shown: Sequence[int]) -> str:
    return "faulty one" if len(shown) == 1 else f"{len(shown)} faulty ones"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
