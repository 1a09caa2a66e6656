"""Settings of an MCP server that is adopted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from mcpmesh.config.adopted import check_http_url, check_names, read_adopted
from mcpmesh.config.checks import InvalidSetting, check_between, check_choice, check_seconds

Era = Literal["auto", "legacy", "modern"]
Transport = Literal["auto", "http", "sse"]
MAX_COPIES = 64


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """An MCP server whose tools, prompts and resources become the mesh's: a command or a URL.

    Raises: InvalidSetting.
    """

    command: tuple[str, ...] = ()
    """The command that speaks MCP on stdin and stdout, and its arguments."""
    url: str = ""
    """Where it speaks MCP over HTTP."""
    urls: tuple[str, ...] = ()
    """Several servers with the same tools."""
    copies: int = 1
    """Processes of the command, or sessions with each URL; each is a replica."""
    namespace: str = ""
    """What names begin with: fs makes read_file fs_read_file."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the command's environment, besides a few harmless ones."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """HTTP headers of every request, such as Authorization."""
    cwd: str = ""
    """Folder that the command runs in; empty: the current one."""
    transport: Transport = "auto"
    """http, sse for the older HTTP+SSE, or auto: sse where the path ends with /sse."""
    era: Era = "auto"
    """legacy for servers that cannot bear being asked for the modern protocol first."""
    roots: tuple[str, ...] = ()
    """file:// URIs that a server of the legacy era is told to work in."""
    only: tuple[str, ...] = ()
    """Patterns of names of tools and prompts and URIs of resources, as it has them; empty: all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its tools."""
    connect_timeout: float = 60.0
    """Seconds to start and to say what it offers; npx may have to download it first."""
    call_timeout: float = 0.0
    """Seconds that a call of its tools may take; 0: as long as the caller allows."""

    def __post_init__(self) -> None:
        for name in ("command", "urls", "roots", "only"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if bool(self.command) == bool(self.addresses):
            raise InvalidSetting("adopt", "needs either a command or a url")
        for url in self.addresses:
            check_http_url(url, query=True)
        check_between("copies", self.copies, 1, MAX_COPIES)
        check_choice("transport", self.transport, get_args(Transport))
        check_choice("era", self.era, get_args(Era))
        check_seconds("connect_timeout", self.connect_timeout, 0.1)
        check_seconds("call_timeout", self.call_timeout)
        if any("\0" in each for each in (*self.command, *self.env, *self.env.values())):
            raise InvalidSetting("adopt", "a command and its environment cannot hold NUL")
        check_names(self.namespace, self.labels)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All URLs."""
        return (*((self.url,) if self.url else ()), *self.urls)

    @classmethod
    def read(cls, table: object, where: str) -> "UpstreamSettings":
        """Read a table such as {"command": ["npx", "-y", "some-server"], "copies": 3}.

        Raises: InvalidSetting naming the key that is unknown or has a wrong value.
        """
        return read_adopted(cls, table, where)
