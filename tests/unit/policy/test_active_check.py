import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.active_check import ActiveCheck, Answer


def test_not_serving_takes_a_replica_out_at_once() -> None:
    assert ActiveCheck().against(Answer.NOT_SERVING, 0) == "its health service says NOT_SERVING"


def test_it_takes_some_checks_without_an_answer() -> None:
    check = ActiveCheck(failures=3)
    assert [check.against(Answer.FAILED, failures) for failures in (1, 2)] == [None, None]
    assert check.against(Answer.FAILED, 3) == "its health service did not answer 3 times"


@pytest.mark.parametrize("answer", [Answer.SERVING, Answer.UNKNOWN])
def test_one_that_serves_or_cannot_say_has_nothing_against_it(answer: Answer) -> None:
    assert ActiveCheck().against(answer, 0) == ""


@pytest.mark.parametrize(
    "setting", [{"interval": -1.0}, {"timeout": 0.0}, {"failures": 0}, {"interval": float("nan")}]
)
def test_settings_that_cannot_work_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidCall):
        ActiveCheck(**setting)  # type: ignore[arg-type]
