"""Equivalent tools: the best gets the calls, soon and also after a change; exploring is bounded."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import pytest

from mcpmesh.balance.chooser import ALLOWED_AT_START, Chooser
from mcpmesh.balance.faded import Faded
from mcpmesh.errors import InvalidCall
from mcpmesh.policy.choosing import Choosing, Choosings

SEEDS = range(8)


@dataclass(frozen=True)
class Does:
    """How a simulated tool does: share of calls that succeed, seconds, and how right it is."""

    success: float = 1.0
    seconds: float = 0.1
    accuracy: float | None = None

    def worth(self, patience: float = 1.0) -> float:
        accuracy = 1.0 if self.accuracy is None else self.accuracy
        return self.success * accuracy * patience / (patience + self.seconds)


@dataclass(frozen=True)
class Made:
    """A simulated call: which tool got it, and what that cost against the best one."""

    tool: str
    regret: float


def simulate(
    does: Callable[[int], Mapping[str, Does]],
    calls: int,
    seed: int,
    chooser: Chooser | None = None,
    every: float = 0.1,
) -> list[Made]:
    """Make calls, one every so many seconds, against tools that do as they do at that call."""
    chooser = chooser or Chooser()
    rng = Random(seed)
    made = []
    for number in range(calls):
        now = number * every
        tools = does(number)
        tool = chooser.choose(tuple(tools), rng, now)
        it = tools[tool]
        good = rng.random() < it.success
        chooser.ended(tool, it.seconds * rng.lognormvariate(0.0, 0.3), good, now)
        if good and it.accuracy is not None and rng.random() < 0.3:
            chooser.rated(tool, float(rng.random() < it.accuracy), now)
        best = max(each.worth() for each in tools.values())
        made.append(Made(tool, best - it.worth()))
    return made


def share(made: list[Made], tool: str) -> float:
    return Counter(each.tool for each in made)[tool] / len(made)


def per_call(made: list[Made]) -> float:
    return sum(each.regret for each in made) / len(made)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_more_reliable_tool_gets_the_calls_and_the_regret_is_small(seed: int) -> None:
    tools = {"good": Does(0.97), "fair": Does(0.8), "poor": Does(0.5)}
    made = simulate(lambda _: tools, 3000, seed)
    # One drawn at random loses 0.19 per call.
    assert per_call(made) < 0.02
    assert per_call(made[1000:]) < 0.015
    assert share(made[300:], "good") > 0.85


@pytest.mark.parametrize("seed", SEEDS)
def test_the_faster_of_equally_reliable_tools_gets_the_calls(seed: int) -> None:
    tools = {"slow": Does(seconds=1.5), "fast": Does(seconds=0.1), "middling": Does(seconds=0.6)}
    made = simulate(lambda _: tools, 1000, seed)
    assert share(made[100:], "fast") > 0.9
    assert per_call(made) < 0.03


@pytest.mark.parametrize("seed", SEEDS)
def test_feedback_prefers_the_tool_that_is_right(seed: int) -> None:
    tools = {"wrong": Does(accuracy=0.4), "right": Does(accuracy=0.9)}
    made = simulate(lambda _: tools, 1500, seed)
    assert share(made[500:], "right") > 0.88


@pytest.mark.parametrize(
    "worse", [Does(success=0.0), Does(success=0.4), Does(seconds=5.0)], ids=repr
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_tool_that_degrades_is_left_within_a_hundred_of_its_calls(seed: int, worse: Does) -> None:
    def does(number: int) -> Mapping[str, Does]:
        return {"first": Does(0.99, 0.1) if number < 1000 else worse, "second": Does(0.95, 0.3)}

    made = simulate(does, 1500, seed)
    assert share(made[200:1000], "first") > 0.85
    assert share(made[1200:], "second") > 0.85
    left = next(
        index for index in range(1000, 1400) if share(made[index : index + 20], "second") > 0.7
    )
    assert left <= 1150


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tool_that_is_well_again_is_found_again(seed: int) -> None:
    def does(number: int) -> Mapping[str, Does]:
        return {"healed": Does(0.0 if number < 500 else 1.0, 0.05), "other": Does(0.8, 0.4)}

    # A call a second: what is not tried becomes uncertain within minutes.
    made = simulate(does, 4000, seed, every=1.0)
    assert share(made[100:500], "healed") < 0.1
    assert share(made[2500:], "healed") > 0.85


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tool_that_hangs_is_left_before_any_of_its_calls_ends(seed: int) -> None:
    chooser, rng = Chooser(), Random(seed)
    simulate(lambda _: {"first": Does(0.99, 0.1), "second": Does(0.9, 0.3)}, 500, seed, chooser)
    hung = []
    for number in range(200):
        now = 50.0 + number * 0.1
        tool = chooser.choose(("first", "second"), rng, now)
        if tool == "first":
            hung.append(now)
        else:
            chooser.ended(tool, 0.3, True, now)
    # A call takes 0.1 s: after 1.4 s without an end those under way count, the more the sooner.
    assert sum(at > 53.0 for at in hung) <= 200 * 0.1
    assert len(hung) < 60
    for at in hung:
        chooser.ended("first", 30.0, None, at + 30.0)
    assert chooser.options(("first",), 80.0)[0].success.mean > 0.9


@pytest.mark.parametrize("explore", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_share_of_exploring_calls_is_bounded(seed: int, explore: float) -> None:
    chooser = Chooser(Choosing(explore=explore))
    tools = {f"tool{number}": Does(0.5) for number in range(12)}
    for number in range(1, 6):
        simulate(lambda _: tools, 200, seed, chooser)
        allowed = explore * chooser.calls + (ALLOWED_AT_START if explore else 0.0)
        assert chooser.explored <= allowed
        assert chooser.calls == 200 * number
    # The bound is reached here: twelve equal tools leave much to learn.
    assert chooser.explored >= 0.5 * explore * chooser.calls


def test_more_evidence_is_more_certain_and_the_bounds_hold_the_truth() -> None:
    held = 0
    for seed in range(100):
        chooser = Chooser(Choosing(memory=10_000))
        few = chooser.options(("a",), 0.0)[0].success
        simulate(lambda _: {"a": Does(0.8)}, 100, seed, chooser, every=0.0)
        (option,) = chooser.options(("a",), 0.0)
        assert option.success.high - option.success.low < 0.4 * (few.high - few.low)
        assert option.accuracy is None
        assert option.seconds is not None
        held += option.success.low <= 0.8 <= option.success.high
    # Nine in ten; that fewer than 82 of 100 hold it has a chance of about one in a hundred.
    assert held >= 82


def test_what_is_known_fades_with_time() -> None:
    chooser = Chooser(Choosing(half_life=10.0))
    for _ in range(50):
        chooser.ended("a", 0.1, True, 0.0)
    sure = chooser.options(("a",), 0.0)[0].success
    unsure = chooser.options(("a",), 100.0)[0].success
    assert sure.low > 0.9
    assert unsure.low < 0.3


def test_options_are_listed_best_first() -> None:
    chooser = Chooser()
    for _ in range(20):
        chooser.ended("a", 0.1, False, 0.0)
        chooser.ended("b", 0.1, True, 0.0)
    assert [option.tool for option in chooser.options(("a", "b", "c"), 0.0)] == ["b", "c", "a"]
    assert chooser.best(("a", "b", "c"), 0.0) == "b"


def test_tools_that_are_gone_are_forgotten_in_the_end() -> None:
    chooser = Chooser()
    for number in range(200):
        chooser.ended(f"tool{number}", 0.1, True, 0.0)
    chooser.keep(("tool199",))
    assert repr(chooser).count("tool") == 65


def test_sums_fade_with_every_value_and_with_time() -> None:
    faded = Faded(memory=100, half_life=10.0)
    for _ in range(5000):
        faded.add(1.0, 0.0)
    assert faded.count == pytest.approx(100.0)
    faded.fade(20.0)
    assert faded.count == faded.total == faded.squares == pytest.approx(25.0)
    # A clock that two threads read may seem to go back; nothing is forgotten or won by it.
    faded.fade(5.0)
    assert faded.count == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"rates": {"explore": 2.0}}, "capabilities.rates: explore 2.0 is not 0 to 1"),
        ({"rates": {"tool": []}}, "unknown key 'tool'; did you mean tools"),
        ({"rates": ["a b"]}, "tool name 'a b'"),
        ({"a b": []}, "capability 'a b'"),
        ({"*": ["a"]}, "tools are of one capability"),
        ({"rates": {"memory": 1}}, "memory 1 is not"),
    ],
)
def test_wrong_settings_are_refused(tables: Mapping[str, object], message: str) -> None:
    with pytest.raises(InvalidCall, match=message):
        Choosings(tables)


def test_a_capabilitys_own_settings_go_before_those_of_all() -> None:
    settings = Choosings({"*": {"explore": 0.2, "patience": 2.0}, "rates": {"explore": 0.0}})
    assert settings.of("rates") == Choosing(explore=0.0, patience=2.0)
    assert settings.of("other") == Choosing(explore=0.2, patience=2.0)
    assert Choosings({"rates": ["a", "b"]}).named() == {"rates": ("a", "b")}
