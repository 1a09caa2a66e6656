"""What a benchmark gets: how much to do, where to say what it does, who is missing."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.peers import how_to_get
from benchmarks.harness.rounds import Contestants, compare


@dataclass(slots=True)
class Bench:
    """One run of one benchmark."""

    name: str
    rounds: int
    quick: bool
    skipped: dict[str, str] = field(default_factory=dict)
    cases: dict[str, Any] = field(default_factory=dict)

    def amount(self, full: int, quick: int) -> int:
        """Return how much to do."""
        return quick if self.quick else full

    def say(self, text: str) -> None:
        """Tell how it goes."""
        print(f"{self.name}: {text}", flush=True)

    def skip(self, peer: str, program: str) -> None:
        """Leave out a peer that is not installed."""
        self.skipped[peer] = how_to_get(program)
        self.say(f"{peer} is skipped: {program} is not installed; {self.skipped[peer]}")

    def compare(self, case: str, contestants: Contestants, *, ours: str) -> None:
        """Measure one case, in rounds."""
        self.say(f"case {case}")
        self.cases[case] = compare(contestants, self.rounds, ours=ours, say=self.say)
