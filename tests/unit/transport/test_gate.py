"""Who is let in, and what is said of those who are not."""

import logging

import pytest

from mcpmesh.transport.gate import Gate, peer_of
from mcpmesh.transport.refusals import Refusals


def test_a_peer_may_not_have_all_connections() -> None:
    gate = Gate(3, 2)
    assert [gate.enter("a"), gate.enter("a"), gate.enter("a")] == ["", "", "connections_of_peer"]
    assert gate.enter("b") == ""
    assert gate.enter("c") == "connections"


def test_who_leaves_makes_room() -> None:
    gate = Gate(1, 1)
    assert not gate.enter("a")
    gate.leave("a")
    assert not gate.enter("b")
    assert gate.count == 1


@pytest.mark.parametrize(("address", "peer"), [
    (("10.1.2.3", 4), "10.1.2.3"),
    (("::ffff:10.1.2.3", 4, 0, 0), "10.1.2.3"),
    (("2001:db8:1:2:3:4:5:6", 4, 0, 0), "2001:db8:1:2::/64"),
    (("2001:db8:1:2:ffff::1%eth0", 4, 0, 0), "2001:db8:1:2::/64"),
    ("/run/socket", "unix"),
    (None, "unix"),
    (("host", 1), "host"),
])  # fmt: skip
def test_whom_an_address_belongs_to(address: object, peer: str) -> None:
    assert peer_of(address) == peer


def test_all_refusals_count_and_few_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    refusals = Refusals(counted.append)
    with caplog.at_level(logging.WARNING, "mcpmesh.transport"):
        for number in range(100):
            refusals.note("floods", "peer", "connection closed", 5.0 + number / 100)
        assert len(caplog.records) == 5
        refusals.note("floods", "peer", "connection closed", 15.0)
        refusals.note("other", "peer", "connection closed", 15.0)
    assert len(counted) == 102
    assert [record.getMessage() for record in caplog.records[5:]] == [
        "95 more refusals for floods", "peer: connection closed", "peer: connection closed",
    ]  # fmt: skip
