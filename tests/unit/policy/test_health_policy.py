import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.table import read_table

NAN = float("nan")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"panic_ratio": 2.0}, "health: panic_ratio 2.0 is not 0 to 1"),
        ({"slower": 0.5}, "health: slower 0.5 is not 0, nor 1 or more"),
        ({"slower": NAN}, "health: slower nan is not 0"),
        ({"silence": NAN}, "health: silence nan is not a number of seconds from 0 up"),
        ({"silence": 20.0}, "health: keepalive 10.0 is not longer than silence, which is 20.0"),
        ({"keepalive": NAN}, "health: keepalive nan is not longer"),
        ({"slow_start": -1}, "health.slow_start: window -1.0 is not a number of seconds from 0"),
        ({"slow_start": NAN}, "health.slow_start: window nan is not"),
        ({"slow_start": {"least": 0}}, "health.slow_start: least 0.0 is not above 0 and up to 1"),
        ({"check": NAN}, "health.check: interval nan is not"),
        ({"outlier": {"ejection": 0}}, "health.outlier: ejection 0.0 is not a number of seconds"),
        ({"outlier": {"interval": NAN}}, "health.outlier: interval nan is not a number of seconds"),
        ({"outlier": {"longest": 3}}, "longest 3.0 is below ejection, which is 30.0"),
        ({"outlier": {"trials": 0}}, "health.outlier: trials 0 is not 1 or more"),
        ({"outlier": {"least_calls": -1}}, "health.outlier: least_calls -1 is not 0 or more"),
        ({"outlier": {"tolerance": NAN}}, "health.outlier: tolerance nan is not 0 or more"),
        ({"outlier": {"failure_ratio": 0}}, "failure_ratio 0.0 is not above 0 and up to 1"),
        ({"outlier": {"max_ejected_ratio": 3}}, "max_ejected_ratio 3.0 is not 0 to 1"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(table: dict, reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason) as refused:
        read_table(HealthPolicy, table, "health")
    # The sentence is for people: not a class with all of its fields.
    assert "Outlier(" not in refused.value.message
    assert "SlowStart(" not in refused.value.message
