"""Pictures of the laboratory's results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.balance.simulation.run import Seen
from benchmarks.balance.simulation.scenario import Scenario

_COLOURS = {
    "round_robin": "#b8860b",
    "least_connections": "#7f7f7f",
    "p2c": "#0b7a75",
    "ewma": "#7b3fa0",
    "prequal": "#c0392b",
}
#: Latencies of which a curve has so many points.
_POINTS = 400


def draw_scenario(scenario: Scenario, results: Mapping[str, Seen], path: Path) -> None:
    """Draw how many calls took longer than a time; and, with a fault that ends, p99 over time."""
    passing = any(fault.begins > 0 for fault in scenario.fault)
    figure = Figure(figsize=(11 if passing else 7, 4), layout="constrained")
    axes = figure.subplots(1, 2 if passing else 1, squeeze=False)[0]
    for policy, seen in results.items():
        _tail(axes[0], policy, seen)
        if passing:
            _over_time(axes[1], policy, seen)
    axes[0].set(
        xscale="log", yscale="log", ylim=(1e-4, 1), xlabel="a call takes longer than, ms",
        ylabel="share of calls",
    )  # fmt: skip
    axes[0].legend(fontsize=8, frameon=False)
    if passing:
        axes[1].set(yscale="log", xlabel="second", ylabel="p99 of the last 2 s, ms")
        for fault in scenario.fault:
            axes[1].axvspan(fault.begins, fault.ends, color="#eeeeee", zorder=0)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(scenario.title, fontsize=11)
    _save(figure, path)


def draw_supermarket(cells: list[dict[str, Any]], path: Path) -> None:
    """Draw the mean time in system against the load, theory beside simulation."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for choices, colour in ((1, "#b8860b"), (2, "#0b7a75"), (3, "#7b3fa0")):
        mine = [each for each in cells if each["choices"] == choices]
        loads = [each["load"] for each in mine]
        axis.plot(loads, [each["theory"] for each in mine], color=colour, label=f"d = {choices}")
        axis.errorbar(
            loads, [each["mean"] for each in mine], [each["interval"] for each in mine],
            fmt="o", color=colour, capsize=4,
        )  # fmt: skip
    axis.set(yscale="log", xlabel="load", ylabel="mean time in system, in services")
    axis.set_title("Supermarket model: lines theory, points the product's picker", fontsize=11)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _tail(axis: Axes, policy: str, seen: Seen) -> None:
    count = len(seen.latencies)
    # Evenly on the logarithm of the share that is left.
    places = sorted({int(count * (1 - 10 ** (-4 * i / _POINTS))) for i in range(_POINTS)})
    axis.plot(
        [seen.latencies[place] * 1e3 for place in places],
        [1 - place / count for place in places],
        label=policy, **_style(policy),
    )  # fmt: skip


def _over_time(axis: Axes, policy: str, seen: Seen) -> None:
    points = []
    for second in range(1, max(seen.timeline) + 1, 2):
        both = sorted(seen.timeline.get(second - 1, []) + seen.timeline.get(second, []))
        if both:
            points.append((second, both[int(0.99 * len(both))] * 1e3))
    axis.plot(*zip(*points, strict=True), **_style(policy))


def _style(policy: str) -> dict[str, Any]:
    name, *more = policy.split(", ")
    return {"color": _COLOURS.get(name), "linestyle": "--" if more else "-", "linewidth": 1.5}


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without what made it in it, the same results give the same bytes.
    figure.savefig(path, dpi=130, metadata={"Software": None})
