"""Whether a process takes work, for its `/readyz`; read from another thread."""

from collections.abc import Iterator
from contextlib import contextmanager


class Readiness:
    """Not ready while the process starts and while it drains."""

    def __init__(self) -> None:
        self._missing = "it starts"

    def __repr__(self) -> str:
        return f"<Readiness {self._missing or 'ready'}>"

    def missing(self) -> str:
        """Say what is not ready; nothing when all is."""
        return self._missing

    @contextmanager
    def while_serving(self) -> Iterator[None]:
        """Be ready until left, which begins the drain."""
        self._missing = ""
        try:
            yield
        finally:
            self._missing = "it drains"
