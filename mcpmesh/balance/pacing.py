"""Sets what replicas are worth to policies that go by calls in flight: less for slow ones."""

from collections.abc import Sequence

from mcpmesh.balance.candidate import Candidate


def keep_pace(peers: Sequence[Candidate], now: float, tolerated: float) -> None:
    """Look at replicas that serve the same tools, and set what each is worth.

    Units: `now` in seconds of one clock; being up to `tolerated` times slower than usual makes no
    difference, so that replicas which are alike stay alike.
    """
    if all(each.is_quiet and each.pace.slower == 1.0 for each in peers):
        return
    for each in peers:
        each.keep_up(now)
    means = sorted(mean for each in peers if (mean := each.pace.mean) is not None)
    # The lower one in the middle: of two replicas, the faster one is as it should be.
    usual = means[(len(means) - 1) // 2] if means else None
    for each in peers:
        slower = 1.0 if usual is None else each.pace.beside(usual)
        each.set_pace(slower if slower > tolerated else 1.0)
