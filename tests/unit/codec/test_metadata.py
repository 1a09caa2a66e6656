"""Header fields to values, and back; the grpc-message cases are of PROTOCOL-HTTP2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec.metadata import (
    decode_message,
    decode_metadata,
    encode_message,
    encode_metadata,
    format_timeout,
    parse_timeout,
)
from mcpmesh.errors import InvalidCall

KEYS = st.from_regex(r"[0-9a-z_.\-]{1,12}", fullmatch=True).filter(
    lambda key: (
        not key.endswith("-bin")
        and not key.startswith("grpc-")
        and key not in ("te", "content-type", "connection", "upgrade")
    )
)
TEXT = st.from_regex(r"[\x20-\x7e]*", fullmatch=True).map(lambda text: text.strip(" "))
PAIRS = st.tuples(KEYS, TEXT) | st.tuples(KEYS.map(lambda key: key + "-bin"), st.binary())


@given(st.lists(PAIRS))
def test_metadata_comes_back_in_order(pairs):
    assert decode_metadata(encode_metadata(pairs)) == tuple(pairs)


def test_binary_values_are_base64_without_padding_and_read_with_or_without_it():
    assert encode_metadata([("a-bin", b"x")]) == ((b"a-bin", b"eA"),)
    for written in (b"eA", b"eA=="):
        assert decode_metadata([(b"a-bin", written)]) == (("a-bin", b"x"),)


def test_binary_values_joined_by_commas_are_several():
    assert decode_metadata([(b"a-bin", b"eA, eQ==,")]) == (
        ("a-bin", b"x"), ("a-bin", b"y"), ("a-bin", b""),
    )  # fmt: skip


@pytest.mark.parametrize("value", [b"!", b"eA=x", b"\xff", b"e"])
def test_binary_values_that_are_not_base64_are_refused(value):
    with pytest.raises(InvalidCall, match="metadata a-bin: the value is not base64"):
        decode_metadata([(b"a-bin", value)])


def test_fields_of_the_protocol_are_not_metadata():
    fields = [
        (b":path", b"/a"), (b"te", b"trailers"), (b"grpc-timeout", b"1S"), (b"grpc-status", b"0"),
        (b"content-type", b"application/grpc"), (b"user-agent", b"x"),
        (b"grpc-status-details-bin", b"eA"),
    ]  # fmt: skip
    assert decode_metadata(fields) == (("user-agent", "x"), ("grpc-status-details-bin", b"x"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Upper", "x"), ("", "x"), ("a b", "x"), (":path", "/x"), ("ü", "x"), ("a", "ü"),
        ("a", "x\n"), ("a-bin", "text"), ("grpc-timeout", "1S"), ("grpc-status", "0"),
        ("te", "x"), ("content-type", "x"), ("connection", "close"), ("transfer-encoding", "x"),
    ],
)  # fmt: skip
def test_what_grpc_does_not_allow_is_an_invalid_call(key, value):
    with pytest.raises(InvalidCall):
        encode_metadata([(key, value)])


def test_rich_status_details_may_be_sent():
    assert encode_metadata([("grpc-status-details-bin", b"x")])


def test_text_values_may_be_given_as_bytes():
    assert encode_metadata([("a", b"x")]) == ((b"a", b"x"),)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_status_messages_come_back(message):
    raw = encode_message(message)
    assert all(0x20 <= byte <= 0x7E for byte in raw)
    assert decode_message(raw) == message


def test_status_messages_are_percent_encoded_as_grpc_has_it():
    assert encode_message("100% süß\n") == b"100%25 s%C3%BC%C3%9F%0A"
    assert encode_message("\ud800") == b"?"


@pytest.mark.parametrize(
    ("raw", "message"), [(b"%", "%"), (b"%2", "%2"), (b"%zz", "%zz"), (b"%ff", "�")]
)
def test_broken_escapes_stay_as_they_are(raw, message):
    assert decode_message(raw) == message


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [(b"1H", 3600.0), (b"2M", 120.0), (b"3S", 3.0), (b"250m", 0.25), (b"5u", 5e-6), (b"0n", 0.0),
     (b"99999999H", 99_999_999 * 3600.0)],
)  # fmt: skip
def test_timeouts_have_a_unit(raw, seconds):
    assert parse_timeout(raw) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("raw", [b"", b"1", b"S", b"1s", b"-1S", b"123456789S", b"1.5S", b"1S "])
def test_timeouts_that_are_malformed_are_refused(raw):
    with pytest.raises(InvalidCall):
        parse_timeout(raw)


@given(st.floats(0, 10**8))
def test_a_timeout_is_never_written_longer_and_little_shorter(seconds):
    read = parse_timeout(format_timeout(seconds))
    assert read <= seconds * (1 + 1e-12)
    assert seconds - read <= (1e-6 if seconds < 10 else 1e-3 if seconds < 99_999 else 1) * 1.001


@pytest.mark.parametrize(("seconds", "raw"), [(-1, b"0u"), (10**12, b"99999999S")])
def test_timeouts_out_of_range_are_written_as_the_nearest(seconds, raw):
    assert format_timeout(seconds) == raw
