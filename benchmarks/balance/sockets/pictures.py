"""Pictures of what callers waited and which replicas worked, with the faults marked."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.balance.sockets.run import Look, Run
from benchmarks.balance.sockets.scenario import Fault, Scenario

_COLOURS = {
    "round_robin": "#b8860b",
    "p2c": "#0b7a75",
    "ewma": "#7b3fa0",
    "prequal": "#c0392b",
}
_FAULT = "#eeeeee"
#: Seconds of which a point of a curve is made.
_SPAN = 1.0


def draw(scenario: Scenario, runs: Mapping[str, Run], path: Path) -> None:
    """Draw the p99 over time, and each replica's share of the calls."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    waited, shared = figure.subplots(1, 2)
    for policy, run in runs.items():
        _p99_over_time(waited, policy, run, scenario.seconds)
    passing = [fault for fault in scenario.fault if fault.begins > 0]
    waited.set(yscale="log", xlabel="second", ylabel=f"p99 of {_SPAN:g} s, ms")
    waited.set_title("what callers waited", fontsize=10)
    waited.legend(fontsize=8, frameon=False)
    _mark(waited, passing)
    if passing:
        policy, run = next(iter(runs.items()))
        _shares_over_time(shared, scenario, run)
        _mark(shared, passing)
        shared.set_title(f"share of calls per replica, {policy}", fontsize=10)
    else:
        _shares(shared, scenario, runs)
        shared.set_title("share of calls per replica", fontsize=10)
    shared.set_ylim(bottom=0.0)
    shared.legend(fontsize=8, frameon=False, ncols=1 if passing else 2, loc="upper right")
    for axis in (waited, shared):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{scenario.title} (real processes, {scenario.rate:g} calls/s)", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _p99_over_time(axis: Axes, policy: str, run: Run, seconds: float) -> None:
    spans: dict[int, list[float]] = {}
    for began, took in zip(run.outcomes.began, run.outcomes.seconds, strict=True):
        spans.setdefault(int(began / _SPAN), []).append(took)
    # Not the last one, of which only a part was.
    points = sorted(at for at in spans if (at + 1) * _SPAN <= seconds)
    values = [sorted(spans[at])[int(0.99 * len(spans[at]))] * 1e3 for at in points]
    name, *more = policy.split(", ")
    axis.plot(
        [(at + 0.5) * _SPAN for at in points], values, label=policy,
        color=_COLOURS.get(name), linestyle="--" if more else "-", linewidth=1.2,
    )  # fmt: skip


def _shares(axis: Axes, scenario: Scenario, runs: Mapping[str, Run]) -> None:
    """Draw bars: the replicas with a fault, and the mean of the others."""
    faulty = sorted({number for fault in scenario.fault for number in fault.replicas})
    well = [number for number in range(scenario.replicas) if number not in faulty]
    names = [*(f"slow {number}" for number in faulty), "each other"]
    width = 0.8 / len(runs)
    for place, (policy, run) in enumerate(runs.items()):
        shares = run.summary["shares"]
        heights = [*(shares[n] for n in faulty), sum(shares[n] for n in well) / len(well)]
        name, *more = policy.split(", ")
        axis.bar(
            [at + place * width for at in range(len(names))], [each * 100 for each in heights],
            width, label=policy, color=_COLOURS.get(name), alpha=0.5 if more else 1.0,
        )  # fmt: skip
    axis.set_xticks([at + 0.4 - width / 2 for at in range(len(names))], names)
    axis.set_ylabel("% of the calls")
    # Room for the legend.
    axis.set_ylim(top=axis.get_ylim()[1] * 1.5)


def _shares_over_time(axis: Axes, scenario: Scenario, run: Run) -> None:
    told = {number: str(fault) for fault in scenario.fault for number in fault.replicas}
    looks = _every(run.looks, _SPAN)
    for number in range(scenario.replicas):
        points = []
        for before, after in pairwise(looks):
            total = sum(after.picks) - sum(before.picks)
            share = (after.picks[number] - before.picks[number]) / max(1, total)
            points.append(((before.at + after.at) / 2, share * 100))
        style = {"linewidth": 1.6} if number in told else {"linewidth": 0.6, "color": "#999999"}
        axis.plot(*zip(*points, strict=True), label=told.get(number), **style)
    axis.set(xlabel="second", ylabel="% of the calls")


def _every(looks: list[Look], span: float) -> list[Look]:
    kept = looks[:1]
    for look in looks:
        if look.at - kept[-1].at >= span:
            kept.append(look)
    return kept


def _mark(axis: Axes, faults: list[Fault]) -> None:
    for begins, ends in {(fault.begins, fault.ends) for fault in faults}:
        axis.axvspan(begins, ends, color=_FAULT, zorder=0)
