import pytest
from grpc import StatusCode

from mcpmesh.policy.blame import Verdict, verdict


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
        StatusCode.DATA_LOSS,
    ],
)
def test_a_replica_that_is_broken_or_does_not_answer_failed(code):
    assert verdict(code) is Verdict.FAILURE


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.OK,
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.PERMISSION_DENIED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.UNIMPLEMENTED,
    ],
)
def test_what_a_caller_can_bring_about_alone_is_no_failure_of_the_replica(code):
    assert verdict(code) is Verdict.SUCCESS


def test_a_cancelled_attempt_tells_nothing():
    assert verdict(StatusCode.CANCELLED) is Verdict.NEITHER
