"""How the replica of an attempt is chosen: which policy, and its numbers."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from mcpmesh.errors import InvalidCall

BalancePolicy = Literal["p2c"]


@dataclass(frozen=True, slots=True)
class Balancing:
    """Settings of a tool's balancing.

    Raises: InvalidCall naming the setting.
    """

    #: `balance = "p2c"` stands for `balance = { policy = "p2c" }`.
    SHORT: ClassVar[str] = "policy"

    policy: BalancePolicy = "p2c"
    """How a replica is chosen: p2c takes the less loaded of two drawn ones."""

    def __post_init__(self) -> None:
        if self.policy not in get_args(BalancePolicy):
            allowed = ", ".join(get_args(BalancePolicy))
            raise InvalidCall(f"policy {self.policy!r} is not one of {allowed}")
