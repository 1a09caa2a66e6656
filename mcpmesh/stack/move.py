"""Tries attempts elsewhere whose replica does not answer."""

from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.lost import Unanswered
from mcpmesh.stack.retry import is_repeatable


def move_elsewhere(attempt: Attempt) -> None:
    """Give an attempt up so that the call is tried elsewhere; leave it when that cannot be.

    Whoever cannot be tried again waits on: the replica may only be busy, and answer yet.
    """
    call = attempt.call
    route = call.route
    if call.over or call.current is not attempt or attempt.committed or route is None:
        return
    if not is_repeatable(call) or call.attempts >= route.policy.retry.attempts:
        return
    candidate = attempt.candidate
    others = (each for each in route.picker.candidates if each is not candidate)
    if any(each.connection is not None and not each.health.silent for each in others):
        attempt.interrupt(Unanswered(f"{candidate.name} does not answer"))
