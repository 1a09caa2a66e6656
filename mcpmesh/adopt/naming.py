"""What the entries of an upstream are called in the mesh: as it says, under a namespace."""

import re
from dataclasses import dataclass

from mcpmesh.model.tool import check_name

_NOT_IN_SCHEMES = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True, slots=True)
class Naming:
    """A namespace: `fs` makes read_file fs_read_file, and file:///a fs+file:///a.

    An underscore, because models' interfaces take no dot and no slash in the names of tools. Two
    upstreams may have the same URI for different things, so those need the namespace too.
    Raises: InvalidCall for a namespace that no name can begin with.
    """

    namespace: str = ""

    def __post_init__(self) -> None:
        if self.namespace:
            check_name("namespace", self.namespace)

    def name(self, name: str) -> str:
        """Return the name of a tool or prompt."""
        return f"{self.namespace}_{name}" if self.namespace else name

    def uri(self, uri: str) -> str:
        """Return the URI of a resource, or of a template of resources."""
        return self._scheme + uri

    def original_uri(self, uri: str) -> str:
        """Return the URI as the upstream knows it."""
        return uri.removeprefix(self._scheme)

    @property
    def _scheme(self) -> str:
        if not self.namespace:
            return ""
        scheme = _NOT_IN_SCHEMES.sub("-", self.namespace)
        # A scheme begins with a letter.
        return f"{scheme if scheme[0].isalpha() else 'x' + scheme}+"
