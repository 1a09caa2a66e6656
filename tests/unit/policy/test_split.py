from typing import Any

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.split import Mirror, Split


def test_shares_follow_one_another_and_the_rest_is_left() -> None:
    split = Split({"2": 0.05, "3": 0.15})
    assert [split.version(drawn) for drawn in (0.0, 0.049, 0.05, 0.199, 0.2001, 0.99)] == [
        "2", "2", "3", "3", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"shares": {"2": 1.5}}, "shares.2 1.5 is not 0 to 1"),
        ({"shares": {"2": 0.6, "3": 0.6}}, "1.2 together"),
        ({"shares": {"no version": 0.1}}, "version"),
        ({"metadata": {"=x": "2"}}, "not name=VALUE"),
        ({"metadata": {"X-Canary": "2"}}, "lower case"),
        ({"key": "user"}, "not metadata:NAME"),
    ],
)
def test_a_split_that_cannot_be_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason):
        Split(**fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "version"),
        ({"version": "3", "share": 2}, "share 2"),
        ({"version": "3", "most": 0}, "most"),
    ],
)
def test_a_mirror_that_cannot_be_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidCall, match=reason):
        Mirror(**fields)
