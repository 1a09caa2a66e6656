"""The command `mcpmesh`."""

import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from mcpmesh.cli import about, callers, routers, servers, upstreams
from mcpmesh.cli.app import app
from mcpmesh.cli.exits import CommandError, Exit, exit_of
from mcpmesh.cli.json_input import shown
from mcpmesh.cli.options import options
from mcpmesh.cli.output import print_note
from mcpmesh.cli.sources import PREFIX, ExactEnv, find_file, read_file, variable
from mcpmesh.cli.standard_streams import fill_standard_streams
from mcpmesh.config import InvalidSetting
from mcpmesh.errors import DeadlineExceeded, MeshError

#: Importing a module of commands adds them to the app.
#: What turns a switch on in the environment.
_TRUE = ("1", "true", "yes", "y", "t")
COMMANDS = (routers, servers, upstreams, callers, about)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    debug: bool = False,
) -> int:
    """Read the other sources of options, then run the command.

    Parameters
    ----------
    config
        TOML file with options by their names; ./mcpmesh.toml is read if it is there.
    debug
        Show where an error came from.
    """
    path = find_file(config)
    known = {option.key for option in options(app)} | {"debug"}
    file = None if path is None else read_file(path, known)
    if config is not None:  # for child processes
        os.environ[variable("config")] = str(config.absolute())
    app.config = (ExactEnv(PREFIX, command=False), *([file] if file else []))
    try:
        return _run(app, tokens)
    except InvalidSetting as error:
        message = "" if file is None else file.blame(error.setting, error.reason)
        if not message:
            raise
        raise CommandError(message) from error


def _run(command: App, tokens: Iterable[str]) -> int:
    """Run a command; errors come out as they are. Help returns None."""
    code = command(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    return int(code or Exit.OK)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; an error is one sentence on stderr."""
    fill_standard_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(app.meta, arguments or ["--help"])
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:
        if "--debug" in arguments or os.environ.get(variable("debug"), "").lower() in _TRUE:
            traceback.print_exception(error)
        message, code = describe(error)
        print_note(f"mcpmesh: {message}")
        return code


def describe(error: Exception) -> tuple[str, Exit]:
    """Return the sentence and the exit code of an error."""
    if isinstance(error, CommandError):
        return error.message, error.code
    if isinstance(error, DeadlineExceeded):
        return (
            f"no answer in time ({error.message}); --timeout allows more, up to the tool's own "
            "limit, which `mcpmesh tools NAME --json-output` shows",
            Exit.DEADLINE,
        )
    if isinstance(error, MeshError):
        return error.message, exit_of(error)
    if isinstance(error, InvalidSetting):
        option = "--" + error.setting.replace("_", "-")
        return f"{option} (or {variable(option)}): {error.reason}", Exit.USAGE
    if isinstance(error, UnusedCliTokensError):
        return (
            f"{' '.join(error.unused_tokens or ())}: more than the command takes. See --help.",
            Exit.USAGE,
        )
    if isinstance(error, CycloptsError):
        return " ".join(str(error).split()) + " See --help.", Exit.USAGE
    if isinstance(error, UnicodeEncodeError):
        # Other bytes of a command line are halves of surrogates in Python, which nothing can send.
        return f"{shown(str(error.object))} is not UTF-8 text", Exit.USAGE
    if isinstance(error, ExceptionGroup):
        return describe(error.exceptions[0])
    return f"a bug: {type(error).__name__}: {error}; --debug shows where", Exit.FAILED
