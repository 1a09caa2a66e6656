"""Settings that every long-running command has, and those of every caller."""

from dataclasses import dataclass
from typing import Literal, get_args

from mcpmesh.config.checks import check_choice, check_seconds, check_target

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """Settings of a process: how it logs, how it stops, what it dares.

    Raises: InvalidSetting.
    """

    drain_grace: float = 30.0
    """Seconds that calls in flight get to finish when the process is told to stop."""
    log_format: LogFormat = "auto"
    """Log lines as JSON or as text; auto takes text on a terminal, JSON elsewhere."""
    log_level: LogLevel = "info"
    """The least important log lines to write."""
    insecure: bool = False
    """Listen without TLS where other machines reach it, which is refused otherwise."""

    def __post_init__(self) -> None:
        check_seconds("drain_grace", self.drain_grace)
        check_choice("log_format", self.log_format, get_args(LogFormat))
        check_choice("log_level", self.log_level, get_args(LogLevel))


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Settings of whoever calls the mesh.

    Raises: InvalidSetting.
    """

    router: str = "127.0.0.1:7070"
    """The router (or one replica) to ask: HOST:PORT, unix:/PATH or dns:///NAME:PORT."""

    def __post_init__(self) -> None:
        check_target("router", self.router)
