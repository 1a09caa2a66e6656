import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpmesh.errors import RemoteProtocolError
from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder, encode_integer
from mcpmesh.wire.hpack_table import HeaderListTooLarge, Headers, HpackError

INSERT_A = b"\x40\x01a\x011"
INSERT_B = b"\x40\x01b\x012"
NEWEST = b"\xbe"


def literal(name: bytes, value: bytes) -> bytes:
    return b"".join(
        [b"\x00", encode_integer(len(name), 7, 0), name, encode_integer(len(value), 7, 0), value]
    )


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("80", id="index 0"),
        pytest.param("be", id="index past the table"),
        pytest.param("ff80808001", id="large index past the table"),
        pytest.param("7f00 0161", id="name index past the table"),
        pytest.param("ff", id="integer cut short"),
        pytest.param("ffffffffffff7f", id="integer too large"),
        pytest.param("ff808080808000", id="integer too long"),
        pytest.param("40", id="no name"),
        pytest.param("4001", id="name cut short"),
        pytest.param("400161", id="no value"),
        pytest.param("4001610561", id="value cut short"),
        pytest.param("00017fffffffff07", id="length beyond the block"),
        pytest.param("00016185ff", id="huffman value cut short"),
        pytest.param("00016182ffff", id="huffman value without symbols"),
        pytest.param("000084ffffffff", id="huffman value with end of string"),
        pytest.param("8220", id="size update after a field"),
        pytest.param("3f", id="size update cut short"),
        pytest.param("3fe21f", id="size update of 4097"),
    ],
)
def test_a_malformed_block_is_refused(block: str) -> None:
    with pytest.raises(HpackError) as caught:
        Decoder().decode(bytes.fromhex(block))
    assert not isinstance(caught.value, HeaderListTooLarge)
    assert isinstance(caught.value, RemoteProtocolError)


@given(st.lists(st.binary(max_size=60), max_size=4))
@example([INSERT_A, b"\x00\x82\xff"])
def test_any_bytes_decode_or_raise_hpack_error(blocks: list[bytes]) -> None:
    decoder = Decoder(max_list_size=200)
    for block in blocks:
        try:
            decoder.decode(block)
        except HeaderListTooLarge:
            continue
        except HpackError:
            return


@given(st.binary(max_size=60))
def test_a_block_means_the_same_to_a_fresh_decoder_and_to_one_with_memory(block: bytes) -> None:
    def outcome(decoder: Decoder) -> Headers | str:
        try:
            return decoder.decode(block)
        except HpackError as error:
            return error.message

    remembering = Decoder()
    first = outcome(remembering)
    changes = remembering._table.fields != Decoder()._table.fields
    if not changes and not isinstance(first, str):
        assert outcome(remembering) == outcome(remembering) == first


def test_an_empty_block_has_no_fields() -> None:
    assert Decoder().decode(b"") == ()


def test_a_repeated_indexed_block_gives_the_same_tuple() -> None:
    decoder = Decoder()
    assert decoder.decode(b"\x82\x86") is decoder.decode(b"\x82\x86")


def test_a_block_with_literals_gives_the_same_tuple_from_its_second_time_on() -> None:
    decoder = Decoder()
    block = b"\x82" + literal(b"x", b"1")
    decoder.decode(block)
    assert decoder.decode(block) is decoder.decode(block)


def test_the_same_block_decodes_anew_after_the_table_changed() -> None:
    decoder = Decoder()
    decoder.decode(INSERT_A)
    assert decoder.decode(NEWEST) == decoder.decode(NEWEST) == ((b"a", b"1"),)
    decoder.decode(INSERT_B)
    assert decoder.decode(NEWEST) == ((b"b", b"2"),)


def test_a_block_that_inserts_does_so_each_time() -> None:
    decoder = Decoder()
    for count in range(1, 4):
        assert decoder.decode(INSERT_A) == ((b"a", b"1"),)
        assert len(decoder._table.fields) == 62 + count


def test_a_remembered_block_is_refused_after_its_field_was_evicted() -> None:
    decoder = Decoder()
    decoder.decode(INSERT_A)
    decoder.decode(NEWEST)
    decoder.decode(b"\x20")
    with pytest.raises(HpackError):
        decoder.decode(NEWEST)


def test_a_stream_of_unique_blocks_leaves_the_repeating_one_remembered() -> None:
    decoder = Decoder()
    repeating = b"\x82" + literal(b"x", b"1")
    decoder.decode(repeating)
    remembered = decoder.decode(repeating)
    for number in range(5000):
        decoder.decode(b"\x82" + literal(b"traceparent", b"%055d" % number))
    assert decoder.decode(repeating) is remembered
    assert len(decoder._blocks) == 1


def test_memory_stays_bounded_when_every_block_comes_twice() -> None:
    decoder = Decoder()
    for number in range(3000):
        block = literal(b"x", b"%0500d" % number)
        decoder.decode(block)
        decoder.decode(block)
    assert sum(map(len, decoder._blocks)) < 256 * 1024
    assert len(decoder._seen) <= 512


def test_memory_of_strings_stays_bounded() -> None:
    decoder = Decoder()
    encoder = Encoder()
    for number in range(40):
        for name in range(20):
            decoder.decode(encoder.encode(((b"n%d" % name, b"value-%d" % number),)))
    assert len(decoder._strings) <= 256


def test_a_list_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    limit = 2 * 32 + 2 + 10
    block = literal(b"a", b"12345") + literal(b"b", b"12345")
    assert len(Decoder(max_list_size=limit).decode(block)) == 2
    with pytest.raises(HeaderListTooLarge):
        Decoder(max_list_size=limit - 1).decode(block)


def test_after_a_list_over_the_limit_the_table_is_in_step() -> None:
    decoder = Decoder(max_list_size=300)
    decoder.decode(INSERT_A)
    bomb = literal(b"x", b"y" * 100) * 50 + INSERT_B + b"\x82" * 100
    for _ in range(2):
        with pytest.raises(HeaderListTooLarge):
            decoder.decode(bomb)
    assert decoder.decode(b"\xbe\xbf\xc0") == ((b"b", b"2"), (b"b", b"2"), (b"a", b"1"))


def test_an_indexed_bomb_is_refused() -> None:
    decoder = Decoder()
    decoder.decode(b"\x40\x01a" + encode_integer(4000, 7, 0) + b"x" * 4000)
    with pytest.raises(HeaderListTooLarge):
        decoder.decode(NEWEST * 16000)


def test_a_malformed_end_wins_over_the_size_limit() -> None:
    with pytest.raises(HpackError) as caught:
        Decoder(max_list_size=40).decode(literal(b"x", b"y" * 100) + b"\x80")
    assert not isinstance(caught.value, HeaderListTooLarge)


def test_a_lowered_setting_must_be_answered_by_a_size_update() -> None:
    decoder = Decoder()
    decoder.decode(INSERT_A)
    decoder.decode(NEWEST)
    decoder.set_max_table_size(100)
    with pytest.raises(HpackError):
        decoder.decode(NEWEST)
    assert decoder.decode(b"\x3f\x45" + NEWEST) == ((b"a", b"1"),)


def test_a_raised_setting_needs_no_answer_and_allows_a_larger_table() -> None:
    decoder = Decoder()
    decoder.set_max_table_size(10000)
    assert decoder.decode(b"\x82") == ((b":method", b"GET"),)
    assert decoder.decode(encode_integer(10000, 5, 0x20)) == ()
    with pytest.raises(HpackError):
        decoder.decode(encode_integer(10001, 5, 0x20))


def test_a_field_larger_than_the_table_empties_it() -> None:
    decoder = Decoder(max_table_size=100)
    decoder.decode(INSERT_A)
    assert decoder.decode(b"\x40\x01b\x46" + b"x" * 70) == ((b"b", b"x" * 70),)
    assert len(decoder._table.fields) == 62
    assert decoder._table.size == 0
