"""What a prompt takes."""

from dataclasses import dataclass

from mcpmesh.errors import InvalidCall

MAX_ARGUMENTS = 64
_MAX_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """One argument; its value is a string."""

    name: str
    title: str = ""
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """The arguments of a prompt, in the order that people should be asked for them.

    Raises: InvalidCall naming the argument that is malformed.
    """

    arguments: tuple[PromptArgument, ...] = ()

    def __post_init__(self) -> None:
        names = [argument.name for argument in self.arguments]
        if len(names) > MAX_ARGUMENTS or len(set(names)) < len(names):
            raise InvalidCall(
                f"a prompt has at most {MAX_ARGUMENTS} arguments, each of its own name"
            )
        for name in names:
            if not 0 < len(name) <= _MAX_CHARACTERS:
                raise InvalidCall(
                    f"argument {name[:140]!r} is not 1 to {_MAX_CHARACTERS} characters"
                )
