"""Which version of a tool serves the calls that name none: by share, by metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import check_name
from mcpmesh.policy.affinity import check_key


@dataclass(frozen=True, slots=True)
class Split:
    """Sends a part of a tool's calls to certain versions, such as a canary's.

    A version that is named here gets no other calls, be it the newest; what is left goes to the
    newest of the others.
    Raises: InvalidCall naming the setting.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    """Version → share of the calls that name no version, 0 to 1."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """NAME=VALUE, or NAME for any value → version: calls with this metadata go there."""
    key: str = ""
    """What calls have in common that see the same version, as in balance: metadata:NAME, \
argument:NAME or session; without one, chance decides for each call."""

    def __post_init__(self) -> None:
        for version, share in self.shares.items():
            check_name("version", version)
            if not 0 <= share <= 1:
                raise InvalidCall(f"shares.{version} {share} is not 0 to 1")
        if sum(self.shares.values()) > 1 + 1e-9:
            raise InvalidCall(f"shares are {sum(self.shares.values()):g} together, more than 1")
        for name, version in self.metadata.items():
            check_name("version", version)
            key = name.partition("=")[0]
            if not key or key != key.lower():
                raise InvalidCall(f"metadata {name!r} is not name=VALUE or name, in lower case")
        if self.key:
            check_key(self.key)

    def version(self, drawn: float) -> str:
        """Return the version for a number drawn from 0 to 1; empty for those that are left."""
        for version, share in self.shares.items():
            if drawn < share:
                return version
            drawn -= share
        return ""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Sends copies of a tool's calls to a version whose answers nobody sees.

    That version gets no other calls, but those that name it.
    Raises: InvalidCall naming the setting.
    """

    version: str = ""
    """The version that gets the copies."""
    share: float = 1.0
    """The share of calls that are copied, 0 to 1."""
    most: int = 100
    """Copies under way at once, at most; calls beyond are not copied."""

    def __post_init__(self) -> None:
        check_name("version", self.version)
        if not 0 <= self.share <= 1:
            raise InvalidCall(f"share {self.share} is not 0 to 1")
        if not 1 <= self.most <= 100_000:
            raise InvalidCall(f"most {self.most} is not 1 to 100000")
