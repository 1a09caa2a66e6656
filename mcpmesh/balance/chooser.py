"""Chooses among the tools that provide one capability: Thompson sampling, its exploring bounded.

For each call one worth is drawn of what is believed of each tool (`evidence.py`), and the tool
with the greatest draw gets the call. So a tool is tried as often as it is likely to be the best:
one of which little is known now and then, one known to be worse hardly ever.

Not UCB, though its regret has the same order: (1) UCB's choice is the same until an outcome comes,
so all calls that are under way together, and all routers that know the same, would try the same
doubtful tool at once; draws differ. (2) Feedback comes late and in lots, which costs random choices
less. (3) A worth of several measured factors needs no formula of its own for a confidence bound:
each factor is drawn. (4) In practice its regret is smaller.

What is known fades, with calls and with time (`faded.py`), so that a tool that got worse is left
after a bounded number of calls, and one that got better is found again.

How much is explored is bounded: a draw that goes against the tool with the greatest expected worth
is followed only while there is allowance for it, `explore` of one call per call and a little at the
start. Without it a capability whose tools are all little known would spread its calls over them.

Source: Thompson, Biometrika 25 (1933); Chapelle and Li, "An Empirical Evaluation of Thompson
Sampling" (NIPS 2011), for delays and regret in practice; Raj and Kalyani, "Taming Non-stationary
Bandits: A Bayesian Approach" (2017), for evidence that fades.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.evidence import Belief, Evidence, beliefs
from mcpmesh.model.estimate import Estimate
from mcpmesh.policy.choosing import DEFAULT, Choosing

#: Calls that may explore before calls have earned it.
ALLOWED_AT_START = 10.0
#: Tools whose evidence is kept while they are away; the capability's own come on top.
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Option:
    """A tool that can be chosen, as it is known now.

    Units: `seconds` in seconds; the others 0 to 1.
    """

    tool: str
    calls: int
    worth: Estimate
    success: Estimate
    accuracy: Estimate | None
    seconds: Estimate | None


class Chooser:
    """What is known of the tools of one capability.

    Units: `now` in seconds of one clock that does not go back.
    """

    __slots__ = ("_allowance", "_known", "calls", "explored", "settings")

    def __init__(self, settings: Choosing = DEFAULT) -> None:
        self.settings = settings
        #: Choices made, and those of them that went against the best tool.
        self.calls = 0
        self.explored = 0
        self._allowance = ALLOWED_AT_START if settings.explore > 0 else 0.0
        self._known: dict[str, Evidence] = {}

    def __repr__(self) -> str:
        return f"<Chooser {self.calls} calls, {self.explored} explored, {sorted(self._known)}>"

    def choose(self, tools: Sequence[str], rng: Random, now: float) -> str:
        """Return the tool that the next call goes to; there must be one."""
        self.calls += 1
        self._allowance = min(ALLOWED_AT_START, self._allowance + self.settings.explore)
        chosen = tools[0] if len(tools) == 1 else self._drawn(tools, rng, now)
        self._evidence(chosen).began(now)
        return chosen

    def ended(self, tool: str, seconds: float, good: bool | None, now: float) -> None:
        """Take in how a call ended that went to this tool, and after how long.

        `good` is None for an end that is not the tool's doing.
        """
        self._evidence(tool).ended(seconds, good, now)

    def rated(self, tool: str, score: float, now: float) -> Estimate:
        """Take in a caller's judgement of an answer, 0 to 1; return the tool's accuracy."""
        evidence = self._evidence(tool)
        evidence.rated(score, now)
        accuracy = beliefs([evidence], self.settings, now)[0].estimates()[1]
        assert accuracy is not None
        return accuracy

    def best(self, tools: Sequence[str], now: float) -> str:
        """Return the tool with the greatest expected worth."""
        return max(zip(self._beliefs(tools, now), tools, strict=True), key=_expected)[1]

    def options(self, tools: Sequence[str], now: float) -> tuple[Option, ...]:
        """Return what is known of the tools, the one with most worth first."""
        found = [
            Option(tool, self._calls(tool), belief.worth(), *belief.estimates())
            for tool, belief in zip(tools, self._beliefs(tools, now), strict=True)
        ]
        return tuple(sorted(found, key=lambda option: (-option.worth.mean, option.tool)))

    def keep(self, tools: Sequence[str]) -> None:
        """Forget tools that are not of this capability any more, beyond some."""
        gone = [tool for tool in self._known if tool not in tools]
        for tool in gone[: max(0, len(gone) - _REMEMBERED)]:
            del self._known[tool]

    def _drawn(self, tools: Sequence[str], rng: Random, now: float) -> str:
        found = self._beliefs(tools, now)
        best, drawn = 0, 0
        most = most_drawn = -1.0
        for index, belief in enumerate(found):
            mean, draw = belief.mean, belief.draw(rng)
            if mean > most:
                best, most = index, mean
            if draw > most_drawn:
                drawn, most_drawn = index, draw
        if drawn == best:
            return tools[best]
        if found[drawn].mean < most:
            if self._allowance < 1.0:
                return tools[best]
            self._allowance -= 1.0
            self.explored += 1
        return tools[drawn]

    def _beliefs(self, tools: Sequence[str], now: float) -> list[Belief]:
        return beliefs([self._evidence(tool) for tool in tools], self.settings, now)

    def _evidence(self, tool: str) -> Evidence:
        found = self._known.get(tool)
        if found is None:
            found = self._known[tool] = Evidence(self.settings)
        return found

    def _calls(self, tool: str) -> int:
        return self._known[tool].calls if tool in self._known else 0


def _expected(each: tuple[Belief, str]) -> tuple[float, str]:
    return each[0].mean, each[1]
