"""What the settings of everything that is adopted have in common, whatever its kind."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from mcpmesh.config.checks import InvalidSetting
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import check_labels, check_name
from mcpmesh.policy.table import read_table

ADOPT = "adopt"
T = TypeVar("T")


def read_adopted(kind: type[T], table: object, where: str) -> T:
    """Read the table of one thing that is adopted.

    Raises: InvalidSetting naming the table, and the key that is unknown or has a wrong value.
    """
    try:
        return read_table(kind, table, where)
    except InvalidCall as error:
        raise InvalidSetting(ADOPT, error.message) from error
    except InvalidSetting as error:
        wrong = error.reason if error.setting == ADOPT else str(error)
        raise InvalidSetting(ADOPT, f"{where}: {wrong}") from error


def check_names(namespace: str, labels: Mapping[str, str]) -> None:
    """Refuse names that the mesh does not take."""
    try:
        if namespace:
            check_name("namespace", namespace)
        check_labels("its labels", labels)
    except InvalidCall as error:
        raise InvalidSetting(ADOPT, error.message) from error


def check_http_url(url: str, *, query: bool = False) -> None:
    """Refuse what is no URL of an HTTP server; one with a query, unless it may have one."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        sound = sound and (query or not (parts.query or parts.fragment))
    except ValueError:
        sound = False
    if not sound:
        without = "" if query else " without a query"
        raise InvalidSetting(ADOPT, f"{url[:100]!r} is no http:// or https:// URL{without}")
