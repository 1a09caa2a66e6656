"""How a command ends: its exit code, and the sentence that goes with it."""

from enum import IntEnum

from mcpmesh import errors


class Exit(IntEnum):
    """Exit codes; `meaning` is their text in --help."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "success"
    FAILED = 1, "the tool failed, or answered with is_error"
    USAGE = 2, "wrong command, option, setting or argument"
    UNAVAILABLE = 3, "nobody to connect to, no replica, or too busy"
    NOT_FOUND = 4, "no such tool or version"
    DEADLINE = 5, "the time was over before the answer came"
    DENIED = 6, "not allowed, or not known who you are"
    INTERRUPTED = 130, "stopped by Ctrl-C before the end"


class CommandError(Exception):
    """A command cannot go on; the message is one sentence that says what to do."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


#: First match counts, so a class stands before its base.
_CODES: tuple[tuple[type[errors.MeshError], Exit], ...] = (
    (errors.ToolNotFound, Exit.NOT_FOUND),
    (errors.DeadlineExceeded, Exit.DEADLINE),
    (errors.NoReplica, Exit.UNAVAILABLE),
    (errors.ReplicaLost, Exit.UNAVAILABLE),
    (errors.Draining, Exit.UNAVAILABLE),
    (errors.Overloaded, Exit.UNAVAILABLE),
    (errors.PermissionDenied, Exit.DENIED),
    (errors.Unauthenticated, Exit.DENIED),
    (errors.InvalidCall, Exit.USAGE),
)


def exit_of(error: errors.MeshError) -> Exit:
    """Return the exit code that an error of the mesh ends a command with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


def exit_table() -> str:
    """Write the exit codes as lines for --help."""
    return "\n".join(f"{code:>4}  {code.meaning}" for code in Exit)
