import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.admission import Admission, expected_wait


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"in_flight": 0}, "in_flight 0 is not 1 to 1000000"),
        ({"queue": -1}, "queue -1 is not 0 to"),
        ({"queue_wait": float("inf")}, "queue_wait inf is not 0 to"),
        ({"caller_rate": -0.5}, "caller_rate -0.5"),
        ({"adaptive": True, "in_flight": 5}, "least_in_flight 8 is above in_flight 5"),
        ({"caller_header": "X-User"}, "not in lower case"),
    ],
)
def test_settings_that_cannot_work_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidCall, match=message):
        Admission(**setting)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "setting", [{"rate": 1.0}, {"caller_in_flight": 1}, {"caller_rate": 1.0}, {"adaptive": True}]
)
def test_a_tool_whose_calls_are_only_counted_is_told_apart(setting: dict[str, object]) -> None:
    assert Admission(in_flight=5, queue=0).only_counts
    assert not Admission(**setting).only_counts  # type: ignore[arg-type]


def test_a_call_waits_for_those_ahead_and_for_one_more_to_end() -> None:
    assert expected_wait(9, 100.0) == pytest.approx(0.1)
    assert expected_wait(9, 0.0) == 0.0
