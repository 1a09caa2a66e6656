"""The laboratory's simulation: it measures what it says, and the page shows what it measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.balance.simulation.lab import (
    ORDER,
    PAGE,
    PICKED,
    PICTURES,
    RESULTS,
    page_part,
)
from benchmarks.balance.simulation.run import Seen, run
from benchmarks.balance.simulation.scenario import (
    SCENARIOS,
    Fault,
    Scenario,
    Service,
    read_scenario,
)
from benchmarks.balance.simulation.supermarket import cell, product_picker, theory
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker


@pytest.mark.parametrize(
    ("load", "choices", "mean"),
    [
        (0.9, 1, 10.0), (0.9, 2, 2.614), (0.9, 3, 2.028),
        (0.95, 1, 20.0), (0.95, 2, 3.383), (0.95, 3, 2.535),
        (0.99, 1, 100.0), (0.99, 2, 5.432), (0.99, 3, 3.858),
    ],
)  # fmt: skip
def test_theory_is_the_papers_table(load: float, choices: int, mean: float) -> None:
    assert theory(load, choices) == pytest.approx(mean, abs=0.001)


def test_the_supermarket_measures_the_picker() -> None:
    assert cell(0.9, 2, queues=300).error == pytest.approx(0, abs=0.1)


def test_a_wrong_picker_leaves_the_state() -> None:
    def random(candidates: tuple[Candidate, ...], _choices: int) -> Picker:
        return product_picker(candidates, 1)

    def two(candidates: tuple[Candidate, ...], _choices: int) -> Picker:
        return product_picker(candidates, 2)

    assert cell(0.9, 2, queues=200, make=random).error > 1
    assert cell(0.9, 1, queues=200, make=two).error < -0.1


SMALL = Scenario(
    "a small one", replicas=4, rate=100, seconds=20, warmup=2, timeout=2, shown=(0,),
    service=Service(mean=0.02),
)  # fmt: skip


def seen(policy: str, *faults: Fault, **changes: object) -> Seen:
    ejection = changes.pop("ejection", True)
    scenario = replace(SMALL, fault=faults, **changes)  # type: ignore[arg-type]
    return run(scenario, {"balance": policy, "ejection": ejection})


def test_the_same_seed_gives_the_same_calls() -> None:
    assert seen("p2c").latencies == seen("p2c").latencies
    assert seen("p2c", seed=2).latencies != seen("p2c").latencies


def test_calls_take_as_long_as_the_service_and_the_network() -> None:
    calls = seen("round_robin", service=Service(mean=0.02, shape="constant"))
    assert calls.quantile(0.0) == pytest.approx(0.0205)
    assert calls.quantile(1.0) == pytest.approx(0.0205)
    assert calls.attempts == calls.calls


def test_workers_serve_one_call_after_the_other() -> None:
    service = Service(mean=0.03, shape="constant", workers=1)
    assert seen("round_robin", service=service).quantile(0.99) > 0.06


def test_a_replica_that_is_down_gets_no_calls_and_breaks_those_it_had() -> None:
    calls = seen("round_robin", Fault((0,), begins=0.0, down=True))
    assert calls.picks[0] == 0
    broken = seen("round_robin", Fault((0, 1), begins=10.0, ends=15.0, down=True))
    assert not broken.failures
    assert broken.attempts > broken.calls
    alone = seen("round_robin", Fault((0, 1), begins=10.0, ends=15.0, down=True), idempotent=False)
    assert set(alone.failures) == {"ReplicaLost"}


def test_a_replica_that_fails_is_ejected() -> None:
    fault = Fault((0,), errors=1.0)
    without = seen("round_robin", fault, ejection=False)
    assert without.failures["INTERNAL"] == pytest.approx(without.calls / 4, rel=0.05)
    assert seen("round_robin", fault).failures["INTERNAL"] < 20


def test_a_black_hole_costs_the_timeout() -> None:
    calls = seen("round_robin", Fault((0,), black_hole=True), ejection=False)
    assert calls.failures["DeadlineExceeded"] == pytest.approx(calls.calls / 4, rel=0.05)
    assert calls.quantile(0.99) == pytest.approx(2.0, abs=0.05)


def test_policies_are_in_the_order_of_the_papers_when_some_replicas_are_slow() -> None:
    scenario = replace(read_scenario(SCENARIOS / "slow_pair.toml"), seconds=10, warmup=10)
    policies: dict[str, dict[str, object]] = {
        name: {"balance": name} for name in ("round_robin", "ewma", "prequal")
    }
    # As the papers have it: by calls in flight alone.
    policies["p2c"] = {"balance": "p2c", "pace": False}
    p99 = {name: run(scenario, settings).quantile(0.99) for name, settings in policies.items()}
    assert p99["prequal"] < p99["p2c"] <= p99["round_robin"] * 1.05
    assert p99["ewma"] < p99["p2c"] / 5
    assert p99["prequal"] < p99["round_robin"] / 8


def test_the_default_policy_keeps_away_from_slow_replicas() -> None:
    scenario = replace(read_scenario(SCENARIOS / "slow_pair.toml"), seconds=10, warmup=10)
    default, turns = run(scenario, {}), run(scenario, {"balance": "round_robin"})
    assert default.quantile(0.99) < turns.quantile(0.99) / 4
    # They are tried again, and rarely.
    assert 0 < sum(default.picks[number] for number in scenario.shown) < 0.006 * default.attempts


@pytest.mark.parametrize("name", ORDER)
def test_every_scenario_can_be_read_and_has_been_run(name: str) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.toml")
    results = json.loads(RESULTS.read_text())[name]
    assert list(results["policies"]) == list(scenario.policies)
    assert results["title"] == scenario.title
    assert (PICTURES / f"balance-{name}.png").exists()


def test_no_scenario_is_left_out() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.toml")} == set(ORDER)


def test_the_page_shows_what_was_measured() -> None:
    assert page_part(json.loads(RESULTS.read_text())) in Path(PAGE).read_text()


def test_the_table_of_the_supermarket_is_met_within_three_percent() -> None:
    cells = json.loads(RESULTS.read_text())["supermarket"]
    assert len(cells) == 9
    for each in cells:
        assert abs(each["error"]) < 0.03, each
        assert each["interval"] / each["theory"] < 0.03, each


def test_prequal_has_the_lead_over_ewma_that_was_published() -> None:
    busy = json.loads(RESULTS.read_text())["busy"]["policies"]
    lead = 1 - busy["prequal"]["p99_ms"] / busy["ewma"]["p99_ms"]
    assert 0.2 < lead < 0.5
    failing = json.loads(RESULTS.read_text())["fast_failures"]["policies"]
    avoided = 1 - failing["prequal"]["failed"] / failing["prequal, no ejection"]["failed"]
    assert avoided > 0.85


def test_a_pick_costs_at_most_three_microseconds_and_a_change_is_known_in_50_ms() -> None:
    measured = json.loads(PICKED.read_text())
    assert measured["replicas"] == 1000
    assert measured["tools"] == 10_000
    assert max(measured["us_per_pick"].values()) <= 3
    for each in measured["changes"].values():
        assert each["ms_until_routes"] < 50
    # Deltas only: one tool came, one change was told.
    assert measured["changes"]["a replica brings one tool more"]["watchers_told"] == 1
