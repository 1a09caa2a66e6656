"""Settings of a tool server."""

from dataclasses import dataclass

from mcpmesh.config.checks import check_listen, check_target


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Settings of a tool server.

    Raises: InvalidSetting.
    """

    listen: str = "127.0.0.1:0"
    """Where the tool server takes gRPC: HOST:PORT, or unix:/PATH; port 0 takes a free one."""
    advertise: str = ""
    """Where the router connects to, if elsewhere: HOST:PORT, port 0 for the one it listens on."""
    router: str = "127.0.0.1:7070"
    """The router to register with: HOST:PORT or unix:/PATH; an empty value means: with none."""

    def __post_init__(self) -> None:
        check_listen("listen", self.listen)
        if self.advertise:
            check_listen("advertise", self.advertise)
        if self.router:
            check_target("router", self.router)
