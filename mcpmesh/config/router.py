"""Settings of a router."""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mcpmesh.config.checks import (
    InvalidSetting,
    check_between,
    check_choice,
    check_listen,
    check_seconds,
)
from mcpmesh.config.static_replica import StaticReplica
from mcpmesh.errors import InvalidCall
from mcpmesh.policy.choosing import Choosings
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.table import read_table
from mcpmesh.policy.tool_policy import ToolPolicies

CallLog = Literal["off", "errors", "sampled", "all"]


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
    """Which calls get a log line: none, failures, sampled traces and up to 5 failures a second \
(100 at once), or all."""
    static: tuple[str, ...] = ()
    """Replicas that do not register themselves: HOST:PORT or HOST:PORT=TOOL,/PACKAGE.SERVICE;
    dns:///NAME:PORT, srv:///NAME and kubernetes:///SERVICE.NAMESPACE:PORT stand for many."""
    discovery_file: str = ""
    """File with more replicas, in [[replica]] tables; taken anew whenever it changes."""

    zone: str = ""
    """Zone that the router is in, for tools that prefer replicas whose label zone is the same."""
    tool: tuple[str, ...] = ()
    """Settings of tools: NAME={"balance": "p2c"}, with * for the name of all tools."""
    capability: tuple[str, ...] = ()
    """Capabilities: NAME=["TOOL", "TOOL"] or NAME={"explore": 0.1}, with * for all of them."""
    search_model: str = ""
    """Model that search knows meanings by: a model2vec folder or name; empty: search by words."""
    mcp_grpc: bool = False
    """Serve MCP's protobuf form too, model_context_protocol.Mcp; needs mcpmesh[mcp-grpc]."""
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
