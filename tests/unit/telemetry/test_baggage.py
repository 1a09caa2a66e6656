"""Baggage: what stands in the header, and what the limits cut off."""

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.telemetry.baggage import (
    MAX_BYTES,
    Member,
    baggage_with_correlation,
    correlation_of,
    parse_baggage,
)

KEYS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_*", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8"), max_size=20)


def test_members_keep_their_order_values_and_properties():
    header = "userId=al%20ice , tenant = 7;ttl=3;p,bad key=1,=2,none"
    assert parse_baggage(header) == (
        Member("userId", "al ice"),
        Member("tenant", "7", "ttl=3;p"),
    )


@given(st.lists(st.builds(Member, KEYS, VALUES), max_size=8))
def test_values_are_read_as_others_quote_them(members: list[Member]):
    header = ",".join(f"{member.key}={quote(member.value)}" for member in members)
    assert parse_baggage(header) == tuple(members)


@given(VALUES)
def test_a_correlation_id_survives_the_header(correlation_id: str):
    header = baggage_with_correlation("", correlation_id)
    assert header.isascii()
    assert correlation_of(header) == correlation_id


def test_correlation_id_stands_in_front_and_replaces_an_older_one():
    header = baggage_with_correlation("a=1;x, mcpmesh.correlation_id=old,b=%20", "or der,7")
    assert header == "mcpmesh.correlation_id=or%20der%2C7,a=1;x,b=%20"
    assert correlation_of(header) == "or der,7"
    assert correlation_of("a=1") == ""


@given(st.text(st.characters(codec="utf-8"), max_size=300).map(lambda text: text * 60))
def test_baggage_stays_within_its_limits_and_keeps_the_correlation_id(baggage: str):
    header = baggage_with_correlation(baggage, "c-1")
    assert len(header.encode()) <= MAX_BYTES
    assert correlation_of(header) == "c-1"


def test_members_beyond_180_are_left_out():
    header = baggage_with_correlation(",".join(f"k{i}=1" for i in range(300)), "c")
    assert header.count(",") == 179
