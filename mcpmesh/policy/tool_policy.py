"""How calls of one tool are treated: its settings, from defaults, the tool and the operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool, check_name
from mcpmesh.policy.admission import Admission
from mcpmesh.policy.balancing import Balancing
from mcpmesh.policy.cache import Cache
from mcpmesh.policy.deadline import DeadlinePolicy
from mcpmesh.policy.fallback import Fallback
from mcpmesh.policy.hedge import Hedge
from mcpmesh.policy.retry import Retry
from mcpmesh.policy.split import Mirror, Split
from mcpmesh.policy.table import Table, read_table, spelled_out

#: Stands for every tool in the operator's tables; no tool can be called so.
ALL = "*"


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """The settings of a tool; a route carries them.

    Each field is a table of the configuration file's [tools.NAME], and of a registration.
    """

    balance: Balancing = field(default_factory=Balancing)
    """How the replica of each attempt is chosen."""
    split: Split | None = None
    """Which version serves the calls that name none; absent: the newest that is ready."""
    mirror: Mirror | None = None
    """The version that gets copies of calls, for trying it out; absent: none."""
    retry: Retry = field(default_factory=Retry)
    """When a failed attempt is tried again."""
    deadline: DeadlinePolicy = field(default_factory=DeadlinePolicy)
    """When a call is refused for want of time."""
    hedge: Hedge | None = None
    """When a call that takes long gets a second attempt beside the first; absent: never."""
    fallback: Fallback | None = None
    """Which tool, or version, stands in when this one cannot answer; absent: none."""
    cache: Cache | None = None
    """Whether answers are used for more calls than one; absent: never."""
    admission: Admission = field(default_factory=Admission)
    """Which calls are taken, which wait, and which are refused for load."""


DEFAULT = ToolPolicy()


def wishes(tool: str, table: Table) -> Table:
    """Return what a tool wishes, without short forms.

    Raises: InvalidCall naming tool and setting that nobody can do.
    """
    if table:
        _check(tool, read_table(ToolPolicy, table, f"tool {tool}: policy"), f"tool {tool}: policy")
    return spelled_out(ToolPolicy, table)


@dataclass(frozen=True, slots=True)
class ToolPolicies:
    """The operator's tables, and how they go with what tools wish.

    The first of these that has a setting decides all of it: the operator's table of the tool, the
    tool's own registration, the operator's table of all tools, the default.
    Shape: tool or * → setting → value.
    Raises: InvalidCall naming the tool and the setting that is unknown or wrong.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    #: The tables, read; what most tools have needs no reading anew.
    _read: Mapping[str, ToolPolicy] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        read = {}
        common = self.tables.get(ALL, {})
        for name, table in self.tables.items():
            if name != ALL:
                check_name("tool name", name)
            if not isinstance(table, Mapping):
                raise InvalidCall(f"tools.{name} is not a table of settings")
            read_table(ToolPolicy, table, f"tools.{name}")
            if isinstance(common, Mapping):
                read[name] = read_table(ToolPolicy, {**common, **table}, f"tools.{name}")
                _check(name if "fallback" in table else "", read[name], f"tools.{name}")
        object.__setattr__(self, "_read", read)

    @property
    def fallbacks(self) -> Mapping[str, Fallback]:
        """The fallbacks of tools that the operator names, by tool."""
        found = {
            name: read_table(ToolPolicy, table, f"tools.{name}").fallback
            for name, table in self.tables.items()
            if name != ALL
        }
        return {name: fallback for name, fallback in found.items() if fallback is not None}

    def of(self, tool: Tool) -> ToolPolicy:
        """Return a tool's settings; its wishes were checked when it registered."""
        if not tool.policy:
            return self._read.get(tool.name) or self._read.get(ALL, DEFAULT)
        own, common = self.tables.get(tool.name, {}), self.tables.get(ALL, {})
        return read_table(ToolPolicy, {**common, **tool.policy, **own}, f"tools.{tool.name}")

    def said_of(self, tool: Tool) -> ToolPolicy:
        """Return what is said of this very tool, by itself or the operator, and not of all."""
        own = self.tables.get(tool.name, {})
        return read_table(ToolPolicy, {**tool.policy, **own}, f"tools.{tool.name}")


def _check(tool: str, policy: ToolPolicy, where: str) -> None:
    """Refuse settings that speak against each other.

    Not in ToolPolicy: what a tool wishes goes together with what an operator says of all tools, and
    neither can be refused for the other.
    """
    fallback, mirror, split = policy.fallback, policy.mirror, policy.split
    if fallback is not None and fallback.tool == tool and not fallback.version:
        raise InvalidCall(
            f"{where}.fallback: {tool} cannot stand in for itself; name another tool, or a version"
        )
    if mirror is None or split is None:
        return
    if mirror.version in {*split.shares, *split.metadata.values()}:
        raise InvalidCall(
            f"{where}: version {mirror.version} is to get copies of calls (mirror) and calls "
            "(split); leave it out of one of them"
        )
