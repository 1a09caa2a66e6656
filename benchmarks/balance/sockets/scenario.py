"""What is run: calls that come, replicas that answer, faults over time; read from TOML.

The form is that of the simulation's scenarios; a fault can stop a process besides.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcpmesh.policy.table import read_table

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Service:
    """How long a call takes on a replica that is well; it takes any number at once.

    Units: `mean` in seconds.
    """

    mean: float = 0.05
    shape: Literal["constant", "exponential"] = "exponential"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with some replicas for a while.

    Units: times in seconds; `slower` a factor; `errors` a share of calls, which end after `takes`.
    """

    replicas: tuple[int, ...]
    begins: float = 0.0
    ends: float = 1e9
    #: Every call takes so many times as long.
    slower: float = 1.0
    #: Calls fail, INTERNAL, without doing anything.
    errors: float = 0.0
    takes: float = 0.001
    #: Bytes are taken and not passed on, either way.
    black_hole: bool = False
    #: The process is stopped (SIGSTOP).
    stopped: bool = False

    def __str__(self) -> str:
        kinds = {
            "16× slower" if self.slower == 16 else f"{self.slower:g}× slower": self.slower != 1,
            f"INTERNAL after {self.takes * 1e3:g} ms": bool(self.errors),
            "black hole": self.black_hole,
            "SIGSTOP": self.stopped,
        }
        return ", ".join(kind for kind, is_so in kinds.items() if is_so)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario, run with each of its policies.

    Units: `rate` in calls per second; seconds.
    """

    title: str
    about: str = ""
    #: Name → settings of the tool, as under [tools.NAME] of a router's file.
    policies: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 16
    rate: float = 500.0
    seconds: float = 30.0
    warmup: float = 5.0
    timeout: float = 30.0
    idempotent: bool = True
    service: Service = field(default_factory=Service)
    fault: tuple[Fault, ...] = ()


def read_scenario(path: Path) -> Scenario:
    """Read a scenario."""
    return read_table(Scenario, tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
