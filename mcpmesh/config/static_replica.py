"""A replica that the configuration names, or a name that stands for several."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mcpmesh.config.checks import InvalidSetting, check_target
from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address
from mcpmesh.model.kubernetes_service import KubernetesService
from mcpmesh.model.replica import Replica
from mcpmesh.model.srv_name import SrvName
from mcpmesh.model.tool import check_name
from mcpmesh.policy.table import read_table

#: Schemes of endpoints that stand for many, and how those are read.
_NAMES: Mapping[str, Callable[[str], object]] = {
    "srv": SrvName.parse,
    "kubernetes": KubernetesService.parse,
}
#: What endpoints have and a replica id cannot.
#: Stands for an address that is looked up later.
_ANY = "0.0.0.0:1"
_BRACKETS = re.compile(r"[\[\]]")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class StaticReplica:
    """A replica that does not register itself: any gRPC server with ToolService.

    Without names, the tools are asked of the replica's own DiscoveryService. A name that begins
    with a slash is no tool but a gRPC service, whose calls are relayed by their path.
    Raises: InvalidSetting.
    """

    endpoint: str
    """Where it answers: HOST:PORT, unix:/PATH, or dns:///NAME:PORT, srv:///NAME or
    kubernetes:///SERVICE.NAMESPACE:PORT for all a name stands for."""
    tools: tuple[str, ...] = ()
    """Names of its tools, and of services as /PACKAGE.SERVICE; empty asks the replica."""
    server_name: str = ""
    """Name that its certificate has, when that is not the endpoint's host."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Its labels; `zone` is the one that tools which prefer their own zone look at."""
    weight: int = 1
    """Its share of the calls beside others, 1 to 1000."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tools", tuple(self.tools))
        read = _NAMES.get(self.scheme)
        if read is None:
            check_target("static", self.endpoint)
        try:
            if read is None:
                self.replica()
            else:
                read(self.endpoint)
                replace(self, endpoint=_ANY)
            for tool in self.tool_names:
                check_name("tool name", tool)
        except InvalidCall as error:
            raise InvalidSetting("static", error.message) from error

    def __str__(self) -> str:
        if self.server_name or self.labels or self.weight != 1:
            return json.dumps(self.table)
        return f"{self.endpoint}={','.join(self.tools)}" if self.tools else self.endpoint

    @classmethod
    def parse(cls, text: str) -> "StaticReplica":
        """Read HOST:PORT, HOST:PORT=TOOL,TOOL or a table as JSON.

        Raises: InvalidSetting.
        """
        if text.startswith("{"):
            try:
                return cls.read(json.loads(text), "replica")
            except ValueError as error:
                if isinstance(error, InvalidSetting):
                    raise
                raise InvalidSetting("static", f"{text[:100]!r} is no JSON: {error}") from error
        endpoint, _, names = text.partition("=")
        return cls(endpoint, tuple(name.strip() for name in names.split(",") if name.strip()))

    @classmethod
    def read(cls, table: object, where: str) -> "StaticReplica":
        """Read a table such as {"endpoint": "10.0.0.7:50051", "tools": ["ocr"]}.

        Raises: InvalidSetting naming the key that is unknown or has a wrong value.
        """
        if not isinstance(table, Mapping) or not isinstance(table.get("endpoint"), str):
            raise InvalidSetting("static", f'{where} needs endpoint = "HOST:PORT"')
        try:
            return read_table(cls, table, where)
        except InvalidCall as error:
            raise InvalidSetting("static", error.message) from error

    @property
    def table(self) -> Mapping[str, object]:
        """What it says, without what is as ever."""
        said = {
            "endpoint": self.endpoint,
            "tools": list(self.tools),
            "server_name": self.server_name,
            "labels": dict(self.labels),
            "weight": self.weight if self.weight != 1 else None,
        }
        return {key: value for key, value in said.items() if value}

    @property
    def tool_names(self) -> tuple[str, ...]:
        """What it serves as tools."""
        return tuple(name for name in self.tools if name[:1] != "/")

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of other gRPC services that it serves."""
        return tuple(name[1:] for name in self.tools if name[:1] == "/")

    @property
    def scheme(self) -> str:
        """How the endpoint is found; empty for an address as it stands."""
        scheme = self.endpoint.partition(":")[0]
        return scheme if scheme == "dns" or scheme in _NAMES else ""

    @property
    def address(self) -> Address:
        """The endpoint, read."""
        return Address.parse(self.endpoint)

    def at(self, address: Address) -> "StaticReplica":
        """Return the replica at one of the addresses that its name stands for."""
        name = self.server_name or self.address.host
        return replace(self, endpoint=str(address), server_name=name)

    @property
    def id(self) -> str:
        """The replica id: made of the endpoint, so it stays the same over restarts."""
        return "static-" + _NOT_IN_IDS.sub(_dashes, _BRACKETS.sub("", self.endpoint))

    def replica(self) -> Replica:
        """Return it as the registry has it.

        Raises: InvalidCall.
        """
        return Replica(
            self.id,
            self.endpoint,
            labels=self.labels,
            weight=self.weight,
            services=self.services,
            server_name=self.server_name,
        )


def _dashes(found: re.Match[str]) -> str:
    # One each: an IPv6 address would lose what tells it from another.
    return "-" * len(found[0])
