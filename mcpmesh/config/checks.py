"""Checks that settings share; each says what a right value looks like."""

from collections.abc import Iterable
from math import isfinite

from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address

KIB = 1024
MIB = 1024 * KIB


class InvalidSetting(ValueError):
    """A setting has a value that cannot work; `setting` is its name."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(setting, reason)
        self.setting = setting
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


def check_between(setting: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside the limits, which are allowed themselves."""
    if not low <= value <= high:
        raise InvalidSetting(setting, f"{value} is not {low} to {high}")


def check_seconds(setting: str, value: float, low: float = 0.0) -> None:
    """Refuse a length of time that is below the limit or not a number."""
    if not (isfinite(value) and value >= low):
        raise InvalidSetting(setting, f"{value} is not a number of seconds from {low:g} up")


def check_choice(setting: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a word that is not one of the choices."""
    allowed = list(choices)
    if value not in allowed:
        raise InvalidSetting(setting, f"{value!r} is not one of {', '.join(allowed)}")


def check_listen(setting: str, endpoint: str) -> None:
    """Refuse what nobody can listen on; port 0 takes a free one, an empty host all addresses."""
    if _address(setting, endpoint).scheme == "dns":
        raise InvalidSetting(setting, f"{endpoint!r} is a name to connect to; write HOST:PORT")


def check_target(setting: str, endpoint: str) -> None:
    """Refuse what nobody can connect to: a missing host or port 0."""
    if not _address(setting, endpoint).is_complete:
        raise InvalidSetting(setting, f"endpoint {endpoint!r} needs a host and a port above 0")


def _address(setting: str, endpoint: str) -> Address:
    try:
        return Address.parse(endpoint)
    except InvalidCall as error:
        raise InvalidSetting(setting, error.message) from error


def check_origin(setting: str, origin: str) -> None:
    """Refuse what no browser sends as an Origin header, save the wildcard."""
    if origin == "*":
        return
    scheme, separator, host = origin.partition("://")
    if not (scheme and separator and host) or "/" in host:
        raise InvalidSetting(setting, f"{origin!r} is neither * nor SCHEME://HOST[:PORT]")


def check_host(setting: str, host: str) -> None:
    """Refuse what is no host name, save the wildcard."""
    if host != "*" and (not host or any(mark in host for mark in "/:@* ")):
        raise InvalidSetting(setting, f"{host!r} is neither * nor a host name without a port")
