import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.retry import Retry


@pytest.mark.parametrize(
    ("attempt", "unsent", "idempotent", "again"),
    [
        (1, False, False, False),
        (1, True, False, True),
        (1, False, True, True),
        (2, True, True, True),
        (3, True, True, False),
    ],
)
def test_what_was_not_acted_on_or_does_no_harm_twice_is_tried_again(
    attempt, unsent, idempotent, again
):
    assert Retry(attempts=3).again(attempt, unsent=unsent, idempotent=idempotent) is again


def test_no_attempt_at_all_is_refused():
    with pytest.raises(InvalidCall, match="retry attempts 0 is not above 0"):
        Retry(attempts=0)
