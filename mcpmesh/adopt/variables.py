"""${NAME} in a configuration: values of the environment, so that secrets stand in no file."""

import re
from collections.abc import Mapping
from typing import Any

from mcpmesh.config import InvalidSetting

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.ASCII)


def filled_in(value: Any, environ: Mapping[str, str], where: str) -> Any:
    """Return a value of a configuration with the variables in its texts filled in.

    Raises: InvalidSetting naming a variable that is not set, and where it is wanted.
    """
    if isinstance(value, str):

        def of(found: re.Match[str]) -> str:
            name = found[1]
            if name not in environ:
                raise InvalidSetting("adopt", f"{where}: the variable {name} is not set")
            return environ[name]

        return _VARIABLE.sub(of, value)
    if isinstance(value, Mapping):
        return {key: filled_in(each, environ, f"{where}.{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled_in(each, environ, where) for each in value]
    return value


def read_variables(text: str) -> dict[str, str]:
    """Read the lines NAME=VALUE of a .env file; quotes around a value are taken off."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        name, value = match.groups()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found
