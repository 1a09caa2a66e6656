"""How the replica of an attempt is chosen: which policy, and its numbers."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.affinity import check_key

BalancePolicy = Literal["p2c", "ewma", "prequal", "round_robin", "weighted", "hash"]
MAX_CHOICES = 16
MAX_PROBES = 16.0
MAX_POOL = 64


@dataclass(frozen=True, slots=True)
class Balancing:
    """Settings of a tool's balancing; each policy reads its own.

    Units: seconds.
    Raises: InvalidCall naming the setting.
    """

    #: `balance = "ewma"` stands for `balance = { policy = "ewma" }`.
    SHORT: ClassVar[str] = "policy"

    policy: BalancePolicy = "p2c"
    """Which replica an attempt goes to: the less loaded of two drawn ones (p2c), the one of two \
that should answer sooner (ewma), the best of those that were asked lately (prequal), each in its \
turn (round_robin), in turns by reported load (weighted), the one that a key belongs to (hash)."""
    choices: int = 2
    """p2c, ewma: how many replicas are drawn, 1 to 16; 1 is a random one (for ewma like 2)."""
    decay: float = 10.0
    """ewma: seconds in which an old round trip loses most of its say."""
    first_rtt: float = 0.03
    """ewma: seconds that a replica is taken to need before it has answered."""
    probes: float = 3.0
    """prequal: replicas asked with each call; 0.5 asks one with every second call."""
    pool_size: int = 16
    """prequal: answers kept."""
    probe_age: float = 1.0
    """prequal: seconds an answer is good for."""
    hot_quantile: float = 0.6
    """prequal: the share of replicas with fewer calls that makes one hot, and so a last resort."""
    blackout: float = 10.0
    """weighted: seconds from a replica's first report until its reports count."""
    expiry: float = 180.0
    """weighted: seconds without a report after which a replica counts like the average."""
    error_penalty: float = 1.0
    """weighted: how much of a replica's load a share of failed calls counts as."""
    key: str = ""
    """hash: what calls have in common that meet at one replica: metadata:NAME, argument:NAME, or \
session."""
    load_bound: float = 1.25
    """hash: how many times the average load a replica bears before its keys move on."""
    zone_first: bool = False
    """Prefer replicas whose label zone is the router's own."""
    zone_spill: float = 4.0
    """zone_first: how many times the load of one elsewhere a near replica may have."""
    subset: int = 0
    """How many replicas this router uses, of a very large cluster; 0 for all."""

    def __post_init__(self) -> None:
        if self.policy not in get_args(BalancePolicy):
            allowed = ", ".join(get_args(BalancePolicy))
            raise InvalidCall(f"policy {self.policy!r} is not one of {allowed}")
        _check_between("choices", self.choices, 1, MAX_CHOICES)
        _check_between("probes", self.probes, 0.01, MAX_PROBES)
        _check_between("pool_size", self.pool_size, 2, MAX_POOL)
        _check_between("hot_quantile", self.hot_quantile, 0.0, 1.0)
        _check_between("load_bound", self.load_bound, 1.01, 100.0)
        _check_between("zone_spill", self.zone_spill, 1.0, 1000.0)
        _check_between("subset", self.subset, 0, 100_000)
        _check_between("error_penalty", self.error_penalty, 0.0, 1000.0)
        for name in ("decay", "first_rtt", "probe_age", "expiry"):
            _check_between(name, getattr(self, name), 0.001, 86_400.0)
        _check_between("blackout", self.blackout, 0.0, 86_400.0)
        if self.policy == "hash" and not self.key:
            raise InvalidCall("policy hash needs a key: metadata:NAME, argument:NAME or session")
        if self.key:
            check_key(self.key)


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidCall(f"{name} {value} is not {low:g} to {high:g}")
