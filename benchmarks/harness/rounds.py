"""Rounds: every contestant once per round, in turn, so that a slow minute hits all alike."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Metrics = dict[str, float]
Contestants = Mapping[str, Callable[[], Metrics]]


def compare(contestants: Contestants, rounds: int, *, ours: str, say: Callable[[str], None]) -> Any:
    """Measure the contestants and return medians, ratios to ours, and what each round said."""
    measured: dict[str, list[Metrics]] = {name: [] for name in contestants}
    for round_number in range(1, rounds + 1):
        for name, measure in contestants.items():
            metrics = measure()
            measured[name].append(metrics)
            say(f"round {round_number}/{rounds} {name}: {told(metrics)}")
    medians = {name: medians_of(each) for name, each in measured.items()}
    report: dict[str, Any] = {}
    for name, each in medians.items():
        report[name] = {
            "median": each,
            "ratio": ratios(each, medians.get(ours, {})),
            "rounds": measured[name],
        }
        say(f"median {name}: {told(each, report[name]['ratio'])}")
    return report


def medians_of(rounds: list[Metrics]) -> Metrics:
    """Return the median of each metric."""
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def ratios(metrics: Metrics, ours: Metrics) -> Metrics:
    """Return how many times our value each metric is."""
    return {name: round(value / ours[name], 3) for name, value in metrics.items() if ours.get(name)}


def told(metrics: Metrics, ratio: Metrics | None = None) -> str:
    """Write metrics on one line."""
    return ", ".join(
        f"{name} {value:,.1f}" + (f" ({ratio[name]:.2f}x)" if ratio and name in ratio else "")
        for name, value in metrics.items()
    )
