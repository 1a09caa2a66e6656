"""What is held against h2spec: the mesh's gRPC ports, each as its command serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
        with command(folder, *self.argv) as started:
            yield started.grpc


ENDPOINTS = (
    Endpoint("router", ("router", "--grpc", _ANY_PORT)),
    Endpoint("tool server", ("serve", TOOLS, "--listen", _ANY_PORT, "--router", "")),
)
