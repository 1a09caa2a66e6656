"""Settings of a router."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from mcpmesh.config.checks import (
    InvalidSetting,
    check_between,
    check_choice,
    check_listen,
    check_seconds,
    check_target,
)
from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import check_name
from mcpmesh.policy.choosing import Choosings
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.table import read_table
from mcpmesh.policy.tool_policy import ToolPolicies

#: What endpoints have and a replica id cannot.
_BRACKETS = re.compile(r"[\[\]]")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")
CallLog = Literal["off", "errors", "sampled", "all"]


@dataclass(frozen=True, slots=True)
class StaticReplica:
    """A replica that does not register itself: any gRPC server with ToolService.

    Without names, the tools are asked of the replica's own DiscoveryService. A name that begins
    with a slash is no tool but a gRPC service, whose calls are relayed by their path.
    Raises: InvalidSetting.
    """

    endpoint: str
    """Where it answers: HOST:PORT, unix:/PATH, or dns:///NAME:PORT for all a name stands for."""
    tools: tuple[str, ...] = ()
    """Names of its tools, and of services as /PACKAGE.SERVICE; empty asks the replica."""
    server_name: str = ""
    """Name that its certificate has, when that is not the endpoint's host."""

    def __post_init__(self) -> None:
        check_target("static", self.endpoint)
        object.__setattr__(self, "tools", tuple(self.tools))
        try:
            Replica(self.id, self.endpoint, services=self.services)
            for tool in self.tool_names:
                check_name("tool name", tool)
        except InvalidCall as error:
            raise InvalidSetting("static", error.message) from error

    @classmethod
    def parse(cls, text: str) -> "StaticReplica":
        """Read HOST:PORT or HOST:PORT=TOOL,TOOL."""
        endpoint, _, names = text.partition("=")
        return cls(endpoint, tuple(name.strip() for name in names.split(",") if name.strip()))

    @property
    def tool_names(self) -> tuple[str, ...]:
        """What it serves as tools."""
        return tuple(name for name in self.tools if name[:1] != "/")

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of other gRPC services that it serves."""
        return tuple(name[1:] for name in self.tools if name[:1] == "/")

    def __str__(self) -> str:
        return f"{self.endpoint}={','.join(self.tools)}" if self.tools else self.endpoint

    @property
    def address(self) -> Address:
        """The endpoint, read."""
        return Address.parse(self.endpoint)

    def at(self, address: Address) -> "StaticReplica":
        """Return the replica at one of the addresses that its name stands for."""
        return replace(self, endpoint=str(address), server_name=self.address.host)

    @property
    def id(self) -> str:
        """The replica id: made of the endpoint, so it stays the same over restarts."""
        return "static-" + _NOT_IN_IDS.sub(_dashes, _BRACKETS.sub("", self.endpoint))


def _dashes(found: re.Match[str]) -> str:
    # One each: an IPv6 address would lose what tells it from another.
    return "-" * len(found[0])


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Settings of a router.

    Raises: InvalidSetting.
    """

    grpc: str = "127.0.0.1:7070"
    """Where the router takes gRPC: HOST:PORT, or unix:/PATH; port 0 takes a free one."""
    default_timeout: float = 30.0
    """Seconds a call may take when neither the caller nor the tool says."""
    lease: float = 10.0
    """Seconds a replica that stopped renewing stays registered, unless it asks otherwise."""
    call_log: CallLog = "sampled"
    """Which calls get a log line: none, failures, sampled traces and up to 50 failures a second, \
or all."""
    static: tuple[str, ...] = ()
    """Replicas that do not register themselves: HOST:PORT or HOST:PORT=TOOL,/PACKAGE.SERVICE;
    dns:///NAME:PORT stands for every address of the name."""

    zone: str = ""
    """Zone that the router is in, for tools that prefer replicas whose label zone is the same."""
    tool: tuple[str, ...] = ()
    """Settings of tools: NAME={"balance": "p2c"}, with * for the name of all tools."""
    capability: tuple[str, ...] = ()
    """Capabilities: NAME=["TOOL", "TOOL"] or NAME={"explore": 0.1}, with * for all of them."""
    search_model: str = ""
    """Model that search knows meanings by: a model2vec folder or name; empty: search by words."""
    health: str = ""
    """When replicas are left out and come back: {"panic_ratio": 0.5}."""

    def __post_init__(self) -> None:
        check_listen("grpc", self.grpc)
        check_seconds("default_timeout", self.default_timeout, 0.001)
        check_between("lease", self.lease, 1.0, 300.0)
        check_choice("call_log", self.call_log, get_args(CallLog))
        self.static_replicas()
        self.tool_policies()
        self.choosings()
        self.health_policy()

    def static_replicas(self) -> tuple[StaticReplica, ...]:
        """Return the replicas that do not register themselves."""
        return tuple(StaticReplica.parse(text) for text in self.static)

    def tool_policies(self) -> ToolPolicies:
        """Return the settings of tools."""
        try:
            return ToolPolicies(_tables("tool", self.tool))
        except InvalidCall as error:
            raise InvalidSetting("tool", error.message) from error

    def choosings(self) -> Choosings:
        """Return the settings of capabilities."""
        try:
            return Choosings(_tables("capability", self.capability))
        except InvalidCall as error:
            raise InvalidSetting("capability", error.message) from error

    def health_policy(self) -> HealthPolicy:
        """Return the settings of the replicas' health."""
        if not self.health:
            return HealthPolicy()
        try:
            return read_table(HealthPolicy, json.loads(self.health), "health")
        except ValueError as error:
            shown = self.health[:100]
            raise InvalidSetting("health", f'{shown!r} is not {{"SETTING": VALUE}}') from error
        except InvalidCall as error:
            raise InvalidSetting("health", error.message) from error


def _tables(setting: str, texts: tuple[str, ...]) -> dict[str, Any]:
    """Read tables of settings by what they are for."""
    tables = {}
    for text in texts:
        name, _, table = text.partition("=")
        try:
            tables[name] = json.loads(table)
        except ValueError as error:
            shown = text[:100]
            raise InvalidSetting(setting, f'{shown!r} is not NAME={{"SETTING": VALUE}}') from error
    return tables
