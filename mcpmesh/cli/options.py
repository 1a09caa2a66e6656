"""Every option of every command, for the configuration file's check and the reference."""

from collections.abc import Iterator
from dataclasses import dataclass

from cyclopts import App, Argument

from mcpmesh.cli.sources import key_of, variable


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command: `--max-message-bytes` of `router`."""

    command: str
    argument: Argument

    @property
    def name(self) -> str:
        """The option as written on the command line."""
        return self.argument.name

    @property
    def variable(self) -> str:
        """The environment variable."""
        return variable(self.name)

    @property
    def key(self) -> str:
        """The key in the configuration file."""
        return key_of(self.name)

    @property
    def shown(self) -> bool:
        """Tell whether --help has it."""
        return bool(self.argument.show)

    @property
    def meaning(self) -> str:
        """What --help says."""
        return " ".join((self.argument.parameter.help or "").split())


def options(app: App) -> Iterator[Option]:
    """Yield the options of all commands, in the order of --help."""
    for name in app:
        if name.startswith("-"):
            continue
        for argument in app[name].assemble_argument_collection(parse_docstring=True):
            if argument.name.startswith("--") and argument.parse:
                yield Option(name, argument)
