"""Bars of what each contestant takes, one picture per benchmark."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

#: Benchmark → the metric drawn, and what its axis says.
DRAWN = {
    "hop": ("cpu_us_per_call", "CPU µs per call, less is better"),
    "server": ("calls_per_cpu_second", "calls per CPU second, more is better"),
    "client": ("calls_per_cpu_second", "calls per CPU second, more is better"),
    "stream": ("cpu_us_per_message", "CPU µs per message, less is better"),
    "fairness": ("p99_us", "p99 µs of a small call, less is better"),
    "bridge": ("cpu_us_per_call", "CPU µs per call of the process that speaks MCP, less is better"),
}
_OURS, _THEIRS = "#0b7a75", "#b8c4c9"


def draw(benchmarks: Any, folder: Path) -> dict[str, Path]:
    """Draw what was measured; the picture of each benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Path] = {}
    for name, (metric, label) in DRAWN.items():
        cases = benchmarks.get(name, {}).get("cases", {})
        if cases:
            path = pictures[name] = folder / f"benchmark-{name}.png"
            # Without the date in it, the same results give the same bytes.
            _figure(cases, metric, label).savefig(path, dpi=150, metadata={"Software": None})
    return pictures


def _figure(cases: Any, metric: str, label: str) -> Figure:
    bars = max(len(contestants) for contestants in cases.values())
    figure = Figure(figsize=(9, 0.9 + len(cases) * (0.7 + 0.3 * bars)), layout="constrained")
    axes = figure.subplots(len(cases), squeeze=False)[:, 0]
    for axis, (case, contestants) in zip(axes, cases.items(), strict=True):
        values = {
            name: measured["median"][metric]
            for name, measured in contestants.items()
            if measured["median"].get(metric)
        }
        colours = [_OURS if name.startswith("mcpmesh") else _THEIRS for name in values]
        drawn = axis.barh(list(values), list(values.values()), color=colours)
        axis.bar_label(drawn, fmt="{:,.1f}" if max(values.values()) < 100 else "{:,.0f}", padding=4)
        axis.set_title(case, loc="left", fontsize=10)
        axis.invert_yaxis()
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel(label)
    return figure
