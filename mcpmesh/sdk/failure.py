"""What ends a tool's call without a result: failures for the model, and the wish to ask back."""

from mcpmesh.errors import MeshError


class ToolFailure(Exception):
    """A failure that the tool reports on purpose; the model reads the message as it stands.

    Units: `retry_after_ms` in milliseconds, 0 for not said. `code` is an upper-case word such as
    a gRPC status name.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after_ms: int = 0,
        code: str = "TOOL_ERROR",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable or retry_after_ms > 0
        self.retry_after_ms = retry_after_ms
        self.code = code

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


class WrongArguments(ToolFailure):
    """The arguments don't fit the tool; the message names the field, the reason, the expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="INVALID_ARGUMENT")


class WrongOutput(ToolFailure):
    """The tool returned something that its declared output type refuses."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="INTERNAL")


class Declined(ToolFailure):
    """The user declined, or dismissed, what the tool asked.

    `action` is MCP's word: decline or cancel.
    """

    def __init__(self, message: str, action: str) -> None:
        super().__init__(message, code="FAILED_PRECONDITION")
        self.action = action


class Refused(Exception):
    """The tool did not take the call: it ends with a status of the mesh instead of a result.

    For tools that stand for something else, which is away or overloaded: a router may try another
    replica, as for any error of that class.
    """

    def __init__(self, error: MeshError) -> None:
        super().__init__(error.message)
        self.error = error


class InputNeeded(BaseException):
    """Leaves the tool's code because an answer is missing; the servicer asks the caller.

    Not an Exception, so that a tool's `except Exception` does not swallow it.
    """
