"""What is held against h2spec: the mesh's gRPC ports, each as its command serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority
from tests.e2e.commands import TOOLS, command

_ANY_PORT = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One command's gRPC port."""

    name: str
    argv: tuple[str, ...]
    tls: bool = False

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        """Run the command; gives HOST:PORT once it serves."""
        argv = self.argv
        if self.tls:
            files = Authority(folder).sign("server", "127.0.0.1")
            argv += ("--tls-cert", files.cert, "--tls-key", files.key)
        with command(folder, *argv) as started:
            yield started.grpc


_ROUTER = ("router", "--grpc", _ANY_PORT)
_TOOL_SERVER = ("serve", TOOLS, "--listen", _ANY_PORT, "--router", "")
ENDPOINTS = (
    Endpoint("router", _ROUTER),
    Endpoint("tool server", _TOOL_SERVER),
    Endpoint("router, TLS", _ROUTER, tls=True),
    Endpoint("tool server, TLS", _TOOL_SERVER, tls=True),
)
