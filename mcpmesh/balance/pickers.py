"""From a tool's settings to the picker that follows them."""

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.balance.picker import Picker
from mcpmesh.policy.balancing import Balancing


def picker_of(_balancing: Balancing, candidates: tuple[Candidate, ...]) -> Picker:
    """Return a picker among candidates that are ready."""
    return P2CPicker(candidates)
