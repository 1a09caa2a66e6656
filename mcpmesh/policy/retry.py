"""Whether a failed attempt may be tried again on another replica."""

from dataclasses import dataclass

from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again what was certainly not acted on, and lost attempts of idempotent tools.

    Units: `attempts` counts the first one.
    """

    attempts: int = 3

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidCall(f"retry attempts {self.attempts} is not above 0")

    def again(self, attempt: int, *, unsent: bool, idempotent: bool) -> bool:
        """Tell whether to try again after that attempt failed.

        Units: attempt from 1.
        """
        return attempt < self.attempts and (unsent or idempotent)
