"""Arguments given as one JSON object: read, or refused in one short sentence."""

import os
from io import BytesIO, TextIOWrapper

import pytest

from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.json_input import read_json, read_stdin

DEEP = 60_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "--json is empty; give an object such as"),
        (" \n", "--json is empty; give an object such as"),
        ("{", "--json is not JSON: Expecting property name"),
        ('{"city": "Se', "--json is not JSON: Unterminated string"),
        ("[1]", "--json is not a JSON object; give an object such as"),
        ("5", "--json is not a JSON object"),
        ('{"a": NaN}', "--json is not JSON: NaN is no number of JSON"),
        ('{"a": -Infinity}', "--json is not JSON: -Infinity is no number of JSON"),
        ('{"a": 1e999}', "--json is not JSON: the number 1e999 is too large"),
        ('{"a": %s}' % ("9" * 5000), "the number 9{20}… has 5000 digits, and 64 bits hold 19"),
        ('{"a": "\udcff\udcfe"}', "--json is not UTF-8 text"),
        ('{"a": %s' % ("[" * DEEP), "--json cannot be read: it is nested too deeply"),
        ('{"a":' * DEEP + "1" + "}" * DEEP, "--json cannot be read: it is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_object_of_json_is_refused_in_a_short_sentence(text: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        read_json(text, "--json")
    assert len(refused.value.message) < 200
    assert "\n" not in refused.value.message


def test_an_object_is_read_with_or_without_a_byte_order_mark() -> None:
    assert read_json('{"a": [1, 2.5, "ä"]}', "--json") == {"a": [1, 2.5, "ä"]}
    assert read_json('\ufeff{"a": 1}', "stdin") == {"a": 1}


def piped(data: bytes) -> TextIOWrapper:
    return TextIOWrapper(BytesIO(data), encoding="ascii")


def test_stdin_is_utf_8() -> None:
    assert read_stdin(piped('{"a": "ä"}'.encode())) == '{"a": "ä"}'
    with pytest.raises(CommandError, match=r"^stdin is not UTF-8 text: byte 3 is 0xe4$"):
        read_stdin(piped('{"ä": 1}'.encode("latin-1")))
    with pytest.raises(CommandError, match=r"^stdin is not UTF-8 text: byte 1 is 0xff$"):
        read_stdin(piped(b"\xff\xfe{\0}\0"))


def test_stdin_is_read_up_to_a_bound() -> None:
    assert read_stdin(piped(b"x" * 10), most=10) == "x" * 10
    endless = BytesIO(b"x" * 1000)
    stdin = TextIOWrapper(endless)
    with pytest.raises(CommandError, match=r"^stdin has over 10 bytes, more than one call can"):
        read_stdin(stdin, most=10)
    assert endless.tell() == 11


def test_stdin_that_cannot_be_read_is_told() -> None:
    with pytest.raises(CommandError, match=r"^stdin cannot be read: it is closed$"):
        read_stdin(None)
    reading, writing = os.pipe()
    os.close(reading)
    with (
        TextIOWrapper(os.fdopen(writing, "wb")) as only_written,
        pytest.raises(CommandError, match=r"^stdin cannot be read: "),
    ):
        read_stdin(only_written)
