import hpack.huffman
import hpack.huffman_constants
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.wire import huffman
from mcpmesh.wire.hpack_table import HpackError


@given(st.binary(max_size=200))
def test_what_was_encoded_decodes_to_itself(text: bytes) -> None:
    assert huffman.decode(huffman.encode(text)) == text


@given(st.binary(max_size=200))
def test_the_encoding_is_that_of_an_independent_encoder(text: bytes) -> None:
    encoder = hpack.huffman.HuffmanEncoder(
        hpack.huffman_constants.REQUEST_CODES, hpack.huffman_constants.REQUEST_CODES_LENGTH
    )
    assert huffman.encode(text) == encoder.encode(text)


def test_every_single_byte_survives() -> None:
    for byte in range(256):
        assert huffman.decode(huffman.encode(bytes((byte,)))) == bytes((byte,))


@pytest.mark.parametrize(
    ("text", "coded"),
    [
        (b"", ""),
        (b"www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),
        (b"Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
    ],
)
def test_the_strings_of_the_rfc_come_out_as_printed(text: bytes, coded: str) -> None:
    assert huffman.encode(text).hex() == coded
    assert huffman.decode(bytes.fromhex(coded)) == text


@pytest.mark.parametrize(
    "coded",
    [
        pytest.param("18", id="padding of zeros"),
        pytest.param("07ff", id="padding longer than seven bits"),
        pytest.param("ff", id="nothing but padding, eight bits of it"),
        pytest.param("ffffffff", id="end of string"),
        pytest.param("fffffffc00", id="end of string, then more"),
        pytest.param("fe", id="cut inside a symbol"),
    ],
)
def test_wrong_padding_and_end_of_string_are_refused(coded: str) -> None:
    with pytest.raises(HpackError):
        huffman.decode(bytes.fromhex(coded))


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_raise_as_an_independent_decoder_says(coded: bytes) -> None:
    from hpack.exceptions import HPACKDecodingError
    from hpack.huffman_table import decode_huffman

    try:
        expected = decode_huffman(coded)
    except HPACKDecodingError:
        with pytest.raises(HpackError):
            huffman.decode(coded)
    else:
        assert huffman.decode(coded) == expected
