"""Where options come from besides argv: MCPMESH_ variables, then the configuration file.

One name everywhere: `--max-message-bytes`, `MCPMESH_MAX_MESSAGE_BYTES`, `max_message_bytes`.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cyclopts import App, ArgumentCollection, Token
from cyclopts.config import Dict, Env

from mcpmesh.cli.exits import CommandError
from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.model.nearest import did_you_mean

PREFIX = "MCPMESH_"
DEFAULT_FILE = Path("mcpmesh.toml")
#: The table form of `static`: [[replica]] with endpoint and tools.
REPLICA = "replica"
#: The table form of `tool`: [tools.NAME] with settings.
TOOLS = "tools"
#: The table form of `capability`: [capabilities] with NAME = [tools], or [capabilities.NAME].
CAPABILITIES = "capabilities"
#: The table form of `health`: [health] with settings.
HEALTH = "health"
#: The table form of discovery_file: [discovery] with file.
DISCOVERY = "discovery"
#: The table form of `adopt`: [adopt.NAME] with settings.
ADOPT = "adopt"
#: The table form of `access`: [[access]] with callers and tools.
ACCESS = "access"
#: Settings whose tables have a name that is easily taken for theirs.
_TABLES_OF = {"tool": TOOLS, "capability": CAPABILITIES}
_TABLES = frozenset({REPLICA, TOOLS, CAPABILITIES, HEALTH, DISCOVERY})


class ExactEnv(Env):
    """Variables by their exact names.

    Cyclopts' own reads MCPMESH_ROUTER_PORT as a part of --router; Kubernetes sets just that for a
    service called mcpmesh-router.
    """

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        for argument in arguments:
            if argument.tokens or not argument.name.startswith("--"):
                continue
            name = variable(argument.name)
            if (value := os.environ.get(name)) is None:
                continue
            values = argument.env_var_split(value)
            for index, part in enumerate(values):
                argument.append(Token(keyword=name, value=part, source="env", index=index))


class FileValues:
    """The values of a configuration file; a command takes those that it has options for."""

    def __init__(self, path: Path, values: Mapping[str, object]) -> None:
        self._path = path
        self._values = values
        self._given: set[str] = set()

    def blame(self, setting: str, reason: str) -> str:
        """Return what to say of a value that cannot work; nothing if it is none of the file's."""
        key = key_of(setting)
        if key not in self._given:
            return ""
        return f"{self._path}: {reason if reason.startswith(key) else f'{key}: {reason}'}"

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        mine = {key_of(argument.name) for argument in arguments if argument.name.startswith("--")}
        taken = {k: v for k, v in self._values.items() if k in mine}
        # Cyclopts takes no key that is a command's name too.
        _append(arguments, ADOPT, taken.pop(ADOPT, []), str(self._path))
        values = {k.replace("_", "-"): v for k, v in taken.items()}
        Dict(values, source=str(self._path), use_commands_as_keys=False)(app, commands, arguments)
        self._given = {
            key_of(argument.name)
            for argument in arguments
            if any(token.source == str(self._path) for token in argument.tokens)
        }


def _append(arguments: ArgumentCollection, key: str, values: object, source: str) -> None:
    """Give an option these values, unless it has some."""
    for argument in arguments:
        if key_of(argument.name) != key or argument.tokens or not isinstance(values, list):
            continue
        for index, value in enumerate(values):
            argument.append(Token(keyword=key, value=str(value), source=source, index=index))


def variable(option: str) -> str:
    """Return the variable of an option: --log-level → MCPMESH_LOG_LEVEL."""
    return PREFIX + key_of(option).upper()


def key_of(option: str) -> str:
    """Return the configuration file's key of an option: --log-level → log_level."""
    return option.lstrip("-").replace("-", "_")


def find_file(given: Path | None) -> Path | None:
    """Return the configuration file: the one given, or ./mcpmesh.toml if it is there.

    Raises: CommandError when the one given is not there.
    """
    if given is None:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    try:
        found = given.is_file()
    except OSError as error:  # a folder on the way that must not be entered
        raise CommandError(f"cannot read {given}: {unread(error)}") from error
    if not found and given.is_dir():
        raise CommandError(f"{given} is a folder, no configuration file; look at --config")
    if not found:
        raise CommandError(f"there is no configuration file {given}; look at --config")
    return given


def unread(error: OSError | ValueError) -> str:
    """Return why a file cannot be read, without its name."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def read_file(path: Path, known: Iterable[str]) -> FileValues:
    """Read a configuration file.

    Raises: CommandError for what is not TOML, and for a key that no command knows.
    """
    try:
        values: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"cannot read {path}: {unread(error)}") from error
    keys = set(known)
    for key in values:
        if key not in keys | _TABLES:
            raise CommandError(f"{path}: unknown key {key!r}{did_you_mean(key, keys | _TABLES)}")
    static = [
        *_listed(path, values, "static", "HOST:PORT=TOOL,TOOL"),
        *_replicas(path, values.pop(REPLICA, [])),
    ]
    if static:
        values["static"] = static
    tool = [*_listed(path, values, "tool", "NAME={…}"), *_tools(path, values.pop(TOOLS, {}))]
    if tool:
        values["tool"] = tool
    capability = [
        *_listed(path, values, "capability", "NAME=[…]"),
        *_capabilities(path, values.pop(CAPABILITIES, {})),
    ]
    if capability:
        values["capability"] = capability
    if isinstance(adopt := values.get(ADOPT), dict):
        values[ADOPT] = _adopted(path, adopt)
    elif ADOPT in values:
        values[ADOPT] = _listed(path, values, ADOPT, "NAME={…}")
    if ACCESS in values:
        values[ACCESS] = _access(path, values)
    if isinstance(health := values.get(HEALTH), dict):
        values[HEALTH] = _written(path, health, "of health")
    values |= _discovery(path, values.pop(DISCOVERY, {}), keys)
    return FileValues(path, values)


def _listed(path: Path, values: Mapping[str, object], key: str, form: str) -> list[object]:
    listed = values.get(key, [])
    if isinstance(listed, dict) and (tables := _TABLES_OF.get(key)):
        raise CommandError(f"{path}: write [{tables}.NAME] for a table; {key} is a list of {form}")
    if not isinstance(listed, list):
        raise CommandError(f"{path}: {key} is not a list of {form}")
    return [*listed]


def _access(path: Path, values: Mapping[str, object]) -> list[object]:
    """Write [[access]] tables in the form of --access."""
    rules = values[ACCESS]
    if isinstance(rules, dict):
        raise CommandError(f"{path}: write [[access]], with two brackets, for each rule")
    return [
        _written(path, rule, "of a rule") if isinstance(rule, dict) else rule
        for rule in _listed(path, values, ACCESS, "[[access]] tables")
    ]


def _replicas(path: Path, tables: object) -> list[str]:
    """Write [[replica]] tables in the form of --static."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CommandError(f"{path}: write [[replica]], with two brackets, for each replica")
    return [_replica(path, table) for table in tables]


def _replica(path: Path, table: Mapping[str, object]) -> str:
    try:
        return str(StaticReplica.read(table, "a [[replica]]"))
    except InvalidSetting as error:
        raise CommandError(f"{path}: {error.reason}") from error


def _discovery(path: Path, table: object, keys: Iterable[str]) -> dict[str, object]:
    """Write a [discovery] table in the form of --discovery-file."""
    if not isinstance(table, dict):
        raise CommandError(f"{path}: write [discovery], and settings under it")
    known = [key.removeprefix(f"{DISCOVERY}_") for key in keys if key.startswith(f"{DISCOVERY}_")]
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known)
            raise CommandError(f"{path}: unknown key {key!r} in [discovery]{hint}")
    return {f"{DISCOVERY}_{key}": value for key, value in table.items()}


def _tools(path: Path, tables: object) -> list[str]:
    """Write [tools.NAME] tables in the form of --tool."""
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise CommandError(f'{path}: write [tools.NAME], or [tools."*"], and settings under it')
    return [f"{name}={_written(path, table, 'of a tool')}" for name, table in tables.items()]


def _adopted(path: Path, tables: Mapping[str, object]) -> list[str]:
    """Write [adopt.NAME] tables in the form of --adopt."""
    if not all(isinstance(each, dict) for each in tables.values()):
        raise CommandError(f"{path}: write [adopt.NAME], and settings under it")
    return [f"{name}={_written(path, said, 'of adopt')}" for name, said in tables.items()]


def _capabilities(path: Path, table: object) -> list[str]:
    """Write the [capabilities] table in the form of --capability."""
    if not isinstance(table, dict):
        raise CommandError(f'{path}: write [capabilities], and NAME = ["TOOL", "TOOL"] under it')
    return [f"{name}={_written(path, said, 'of a capability')}" for name, said in table.items()]


def _written(path: Path, table: object, what: str) -> str:
    """Write a table as options have it."""
    try:
        return json.dumps(table)
    except TypeError as error:  # a date or a time, which TOML has
        raise CommandError(f"{path}: a setting {what} is no text, number or list") from error
