"""What calls are told that are not tried, for their tool cannot answer."""

from mcpmesh.codec.status import status_of
from mcpmesh.errors import NoReplica


class Untried:
    """Written once for as many calls as are told it."""

    __slots__ = ("error", "status")

    def __init__(self, error: NoReplica) -> None:
        #: To be read: who raises one raises its own, by `again`.
        self.error = error
        self.status = status_of(error)

    def __repr__(self) -> str:
        return f"<Untried {self.error.message!r}>"

    def again(self) -> NoReplica:
        """Return the error for one call: what is raised keeps where it was."""
        return NoReplica(self.error.message, retry_after_ms=self.error.retry_after_ms)
