import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec.load_report import read_load_report, write_load_report
from mcpmesh.model.load_report import LoadReport


def double(number: int, value: float) -> bytes:
    return bytes((number << 3 | 1,)) + struct.pack("<d", value)


def text(message: bytes, *, padded: bool = False) -> bytes:
    encoded = b64encode(message)
    return encoded if padded else encoded.rstrip(b"=")


@pytest.mark.parametrize("padded", [True, False])
def test_what_counts_is_read_and_the_rest_skipped(padded: bool) -> None:
    message = (
        double(1, 0.9) + double(2, 0.1)  # cpu, memory
        + b"\x18\x64"  # rps as a number, of old
        + b"\x22\x0c\x0a\x01a\x11" + bytes(8)  # request_cost
        + double(6, 120.0) + double(7, 1.5) + double(9, 0.4)
    )  # fmt: skip
    assert read_load_report(text(message, padded=padded)) == LoadReport(0.4, 120.0, 1.5)


def test_cpu_counts_when_the_application_says_nothing_of_itself() -> None:
    assert read_load_report(text(double(1, 0.9) + double(6, 10.0))) == LoadReport(0.9, 10.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_numbers_that_cannot_be_are_not_taken(value: float) -> None:
    assert read_load_report(text(double(9, value))) is None


def test_what_is_written_is_read() -> None:
    report = LoadReport(0.4, 120.0, 1.5)
    assert read_load_report(text(write_load_report(report))) == report


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    for value in (noise, text(noise)):
        report = read_load_report(value)
        assert report is None or report.qps >= 0
