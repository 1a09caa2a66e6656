"""MODULE:APP on a command line → the ToolServer it names."""

import importlib
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from mcpmesh.cli.exits import CommandError
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.sdk.tool_server import ToolServer

DEFAULT_APP = "app"
#: The folder of this package.
_OURS = Path(__file__).parents[1]


def split_target(target: str) -> tuple[str, str]:
    """Split MODULE:APP; without APP it is `app`.

    Raises: CommandError.
    """
    module, _, app = target.partition(":")
    app = app or DEFAULT_APP
    if module.endswith(".py") or "/" in module:
        dotted = module.removesuffix(".py").strip("./").replace("/", ".")
        raise CommandError(f"{target}: name the module, not its file: {dotted}:{app}")
    if not all(part.isidentifier() for part in (*module.split("."), *app.split("."))):
        raise CommandError(f"{target!r} is not MODULE:APP, such as examples.weather:app")
    return module, app


def load_target(target: str) -> ToolServer:
    """Import the module, from the current folder too, and return its ToolServer.

    Raises: CommandError saying what is missing or where the module's own code failed.
    """
    name, app = split_target(target)
    module = _import(target, name)
    found: object = module
    for part in app.split("."):
        found = getattr(found, part, None)
    if isinstance(found, ToolServer):
        return found
    servers = [key for key, value in vars(module).items() if isinstance(value, ToolServer)]
    if found is None:
        hint = did_you_mean(app, servers) or _first(name, servers)
        raise CommandError(f"{target}: module {name} has no {app}{hint}")
    kind = type(found).__name__
    raise CommandError(f"{target} is a {kind}, not a ToolServer{_first(name, servers)}")


def watched_folders(targets: list[str]) -> list[Path]:
    """Return the folders with the code of the targets: the current one, and others on sys.path."""
    folders = {Path.cwd()}
    for target in targets:
        top = split_target(target)[0].partition(".")[0]
        for entry in sys.path:
            folder = Path(entry or ".").resolve()
            if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
                folders.add(folder / top if (folder / top).is_dir() else folder)
                break
    return sorted(f for f in folders if not any(other in f.parents for other in folders))


def _first(module: str, servers: list[str]) -> str:
    return f"; its ToolServer is {module}:{servers[0]}" if servers else ""


def _import(target: str, name: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(missing + "."):
            raise CommandError(
                f"{target}: there is no module {missing} in {here}; go to the folder that has it, "
                "or install it"
            ) from error
        raise CommandError(
            f"{target} needs the module {missing}, which is not installed; install it into this "
            "environment"
        ) from error
    except (Exception, SystemExit) as error:
        raise CommandError(f"{target} fails when imported: {where(error)}") from error


def where(error: BaseException) -> str:
    """Say what went wrong and in which line of which file, theirs rather than ours."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return what  # names file and line itself
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [each for each in frames if not Path(each.filename).is_relative_to(_OURS)]
    last = [*frames, *theirs][-1:]
    return what + "".join(f" ({each.filename}:{each.lineno})" for each in last)
