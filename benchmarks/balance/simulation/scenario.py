"""What is simulated: calls that come, replicas that answer, faults over time; read from TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcpmesh.policy.table import read_table

SCENARIOS = Path(__file__).parents[1] / "scenarios"


@dataclass(frozen=True, slots=True)
class Service:
    """How long a call takes on a replica that is well.

    Units: `mean` in seconds; `workers` calls are served at once, the others wait in turn; 0 for
    any number (I/O-bound).
    """

    mean: float = 0.05
    shape: Literal["constant", "exponential", "lognormal"] = "exponential"
    sigma: float = 0.5
    workers: int = 0


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
    #: Calls are taken and never answered.
    black_hole: bool = False
    #: Connections are refused; those that there are break.
    down: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario, run with each of its policies.

    Units: `rate` in calls per second over all routers; seconds.
    """

    title: str
    about: str = ""
    #: Name → settings of the tool, as under [tools.NAME] of a router's file; `ejection = false`
    #: takes ejection and slow start away, which a router does by default; so does `pace = false`
    #: what it makes of replicas that are slower than their peers.
    policies: Mapping[str, Any] = field(default_factory=dict)
    #: Settings of the tool that hold for all policies.
    tool: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 16
    routers: int = 1
    rate: float = 500.0
    seconds: float = 60.0
    warmup: float = 10.0
    timeout: float = 30.0
    #: One way between router and replica.
    network: float = 0.00025
    idempotent: bool = True
    #: Replicas of the routers' own zone; the others are in another one.
    near: int = 0
    #: Replicas whose share of calls the table shows.
    shown: tuple[int, ...] = ()
    seed: int = 1
    service: Service = field(default_factory=Service)
    fault: tuple[Fault, ...] = ()


def read_scenario(path: Path) -> Scenario:
    """Read a scenario."""
    return read_table(Scenario, tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
