"""JSON as people write it on a command line or pipe it in: read strictly, refused in a sentence."""

import json
from math import isfinite
from typing import Any, NoReturn, TextIO

from mcpmesh.cli.exits import CommandError
from mcpmesh.transport.reason import reason_of

#: More than any mesh takes as one message; without a bound an endless input would fill the memory.
MOST_STDIN_BYTES = 256 * 1024 * 1024
#: 64 bits hold 19 digits, and a sign stands before them.
_MOST_DIGITS = 20
_SHOWN = 60


class TooDeep(ValueError):
    """JSON that is nested deeper than can be read."""


def shown(text: str) -> str:
    """Return a text as an error may repeat it: quoted, and not all of a long one."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def read_value(text: str) -> Any:
    """Read JSON; what Python takes beyond it, such as NaN, is refused: it could not be sent.

    Raises: ValueError saying why not; TooDeep.
    """
    try:
        return json.loads(
            text, parse_constant=_no_number, parse_float=_finite, parse_int=_short_enough
        )
    except RecursionError as error:
        raise TooDeep("it is nested too deeply") from error


def read_json(text: str, where: str) -> dict[str, Any]:
    """Read all arguments as one JSON object; a byte order mark before it is passed over.

    Raises: CommandError.
    """
    if not is_text(text):
        raise CommandError(f"{where} is not UTF-8 text")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise CommandError(f"{where} is empty; {_SUCH_AS}")
    try:
        arguments = read_value(text)
    except TooDeep as error:
        raise CommandError(f"{where} cannot be read: {error}") from error
    except ValueError as error:
        raise CommandError(f"{where} is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise CommandError(f"{where} is not a JSON object; {_SUCH_AS}")
    return arguments


def read_stdin(stdin: TextIO | None, most: int = MOST_STDIN_BYTES) -> str:
    """Read all of stdin, which is UTF-8 whatever the locale says.

    Raises: CommandError.
    """
    if stdin is None:
        raise CommandError("stdin cannot be read: it is closed")
    try:
        data = stdin.buffer.read(most + 1)
    except OSError as error:
        raise CommandError(f"stdin cannot be read: {reason_of(error)}") from error
    if len(data) > most:
        raise CommandError(f"stdin has over {most} bytes, more than one call can send")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} is 0x{data[error.start]:02x}"
        raise CommandError(f"stdin is not UTF-8 text: {place}") from error


def is_text(text: str) -> bool:
    """Tell whether an argument was UTF-8: Python keeps other bytes as halves of surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_SUCH_AS = 'give an object such as {"city": "Seattle"}'


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"the number {digits[:_SHOWN]} is too large")
    return number


def _short_enough(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(
            f"the number {digits[:_MOST_DIGITS]}… has {len(digits)} digits, and 64 bits hold 19; "
            "send it as a string"
        )
    return int(digits)
