"""What a resource is: contents that are known by a URI."""

import re
from dataclasses import dataclass

from mcpmesh.errors import InvalidCall
from mcpmesh.model.uri_template import UriTemplate

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]*", re.ASCII)
MAX_URI = 1000


@dataclass(frozen=True, slots=True)
class Resource:
    """Where contents are, and what they are; a template stands for every URI that fits it.

    Units: `size` in bytes, None for unknown.
    Raises: InvalidCall naming what is malformed.
    """

    uri: str
    name: str
    template: bool = False
    mime_type: str = ""
    size: int | None = None
    audience: tuple[str, ...] = ()
    priority: float | None = None

    def __post_init__(self) -> None:
        check_uri(self.uri)
        if not self.name:
            raise InvalidCall(f"resource {self.uri} has no name")
        if self.template:
            UriTemplate(self.uri)


def check_uri(uri: str) -> None:
    """Refuse what is no absolute URI, or could not travel in a header.

    Raises: InvalidCall with the rule.
    """
    if len(uri) > MAX_URI or not _URI.fullmatch(uri):
        raise InvalidCall(
            f"{uri[:140]!r} is not an absolute URI of at most {MAX_URI} visible ASCII characters"
        )
