"""How one of several equivalent tools is chosen: the settings of a capability."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import check_name
from mcpmesh.policy.table import Table, read_table

#: Stands for every capability in the operator's tables; none can be called so.
ALL = "*"


@dataclass(frozen=True, slots=True)
class Choosing:
    """Settings of a capability.

    Units: seconds; shares 0 to 1.
    Raises: InvalidCall naming the setting.
    """

    #: `rates = ["a", "b"]` stands for `rates = { tools = ["a", "b"] }`.
    SHORT: ClassVar[str] = "tools"

    tools: tuple[str, ...] = ()
    """The tools that provide it, whatever they say themselves; empty: those that say so."""
    explore: float = 0.1
    """Largest share of calls that go to another tool than the best one, to learn of it."""
    patience: float = 1.0
    """Seconds of waiting that halve what an answer is worth."""
    memory: int = 200
    """Calls of a tool after which an old one has lost most of its say."""
    half_life: float = 300.0
    """Seconds in which what was measured loses half of its say."""

    def __post_init__(self) -> None:
        for tool in self.tools:
            check_name("tool name", tool)
        if not 0 <= self.explore <= 1:
            raise InvalidCall(f"explore {self.explore} is not 0 to 1")
        if not 0 < self.patience < float("inf"):
            raise InvalidCall(f"patience {self.patience} is not above 0")
        if not 1 < self.memory <= 1_000_000:
            raise InvalidCall(f"memory {self.memory} is not 2 to 1000000")
        if not 0 < self.half_life < float("inf"):
            raise InvalidCall(f"half_life {self.half_life} is not above 0")


DEFAULT = Choosing()


@dataclass(frozen=True, slots=True)
class Choosings:
    """The operator's tables: capability or * → settings.

    Raises: InvalidCall naming the capability and the setting that is unknown or wrong.
    """

    tables: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            if name != ALL:
                check_name("capability", name)
            settings = read_table(Choosing, table, f"capabilities.{name}")
            if name == ALL and settings.tools:
                raise InvalidCall(f'capabilities."{ALL}": tools are of one capability, not of all')

    def of(self, capability: str) -> Choosing:
        """Return a capability's settings: its own, else those of all, else the defaults."""
        return read_table(
            Choosing,
            {**_table(self.tables.get(ALL)), **_table(self.tables.get(capability))},
            f"capabilities.{capability}",
        )

    def named(self) -> Mapping[str, tuple[str, ...]]:
        """Return the capabilities whose tools the operator names."""
        found = {name: self.of(name).tools for name in self.tables if name != ALL}
        return {name: tools for name, tools in found.items() if tools}


def _table(said: object) -> Table:
    if said is None:
        return {}
    return said if isinstance(said, Mapping) else {Choosing.SHORT: said}
