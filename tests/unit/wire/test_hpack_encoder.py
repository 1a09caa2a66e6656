import pytest

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder, encode_integer
from mcpmesh.wire.hpack_table import Headers

REQUEST: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/mcpmesh.v1.ToolService/Invoke"),
    (b":authority", b"localhost:50051"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)


def table_of(encoder: Encoder) -> list[tuple[bytes, bytes]]:
    return encoder._table.fields[62:]


def test_stable_fields_are_all_indexed_from_the_second_block_on() -> None:
    encoder = Encoder()
    encoder.encode(REQUEST)
    assert encoder.encode(REQUEST).hex() == "8386c1c0bfbe"


def test_a_repeated_tuple_gives_the_same_block_object() -> None:
    encoder = Encoder()
    encoder.encode(REQUEST)
    assert encoder.encode(REQUEST) is encoder.encode((*REQUEST[:3], *REQUEST[3:]))


def test_any_iterable_will_do() -> None:
    assert Encoder().encode(iter(REQUEST)) == Encoder().encode(REQUEST)


def test_a_remembered_block_is_encoded_anew_after_the_table_changed() -> None:
    encoder, decoder = Encoder(), Decoder()
    for headers in (REQUEST, REQUEST, ((b"x-a", b"1"),), REQUEST):
        assert decoder.decode(encoder.encode(headers)) == headers


def test_volatile_fields_are_raw_literals_that_leave_the_table_alone() -> None:
    encoder = Encoder()
    block = encoder.encode(((b":status", b"200"),), ((b"traceparent", b"00-abc"), (b"age", b"7")))
    assert block == b"\x88\x00\x0btraceparent\x0600-abc\x0f\x06\x017"
    assert table_of(encoder) == []


def test_a_volatile_field_takes_its_name_from_the_dynamic_table_while_it_is_there() -> None:
    encoder, decoder = Encoder(), Decoder()
    decoder.decode(encoder.encode(((b"grpc-timeout", b"1S"),)))
    assert encoder.encode((), ((b"grpc-timeout", b"2S"),)) == b"\x0f\x2f\x022S"
    for headers in (((b"x-a", b"1"),), ((b"x-b", b"1"),)):
        block = encoder.encode(headers, ((b"grpc-timeout", b"3S"),))
        assert decoder.decode(block) == (*headers, (b"grpc-timeout", b"3S"))


@pytest.mark.parametrize("length", [0, 126, 127, 128, 300, 20000])
def test_volatile_values_of_any_length_survive(length: int) -> None:
    volatile = ((b"x", b"v" * length),)
    assert Decoder(max_list_size=1 << 16).decode(Encoder().encode((), volatile)) == volatile


@pytest.mark.parametrize(
    "name",
    [b"authorization", b"cookie", b"set-cookie", b"proxy-authorization", b"proxy-authenticate"],
)
def test_sensitive_fields_are_never_indexed(name: bytes) -> None:
    field = (name, b"secret")
    for block in (Encoder().encode((field,)), Encoder().encode((), (field,))):
        assert block[0] & 0xF0 == 0x10
        assert b"secret" in block
    encoder = Encoder()
    encoder.encode((field,), (field,))
    assert table_of(encoder) == []


def test_a_field_over_a_quarter_of_the_table_stays_out_of_it() -> None:
    encoder = Encoder()
    encoder.encode(((b"x", b"v" * (1024 - 33)), (b"y", b"v" * (1025 - 33))))
    assert [name for name, _ in table_of(encoder)] == [b"x"]


def test_a_name_whose_values_keep_changing_loses_its_place_in_the_table() -> None:
    encoder, decoder = Encoder(), Decoder()
    for number in range(1000):
        headers = (*REQUEST, (b"x-request-id", b"%d" % number))
        assert decoder.decode(encoder.encode(headers)) == headers
    assert encoder._inserted == 4 + 16
    assert encoder._blocks_cost <= 256 * 1024


def test_ever_new_names_stop_changing_the_table() -> None:
    encoder = Encoder()
    for number in range(1000):
        encoder.encode(((b"x-%d" % number, b"1"),), ((b"y-%d" % number, b"1"),))
    assert encoder._inserted == 256
    assert len(encoder._value_counts) == 256
    assert len(encoder._prefixes) <= 256


def test_a_demoted_name_gets_another_chance_later() -> None:
    encoder = Encoder()
    for number in range(8192 + 20):
        encoder.encode(((b"x", b"%d" % number),))
    assert 16 < encoder._inserted <= 32


def test_remembered_blocks_stay_within_their_budget() -> None:
    encoder = Encoder()
    for number in range(3000):
        encoder.encode(((b"x", b"%0400d" % number),))
    assert sum(map(len, encoder._blocks.values())) < 256 * 1024


def test_a_smaller_table_is_signalled_once_and_evicts() -> None:
    encoder = Encoder()
    encoder.encode(REQUEST)
    encoder.set_max_table_size(60)
    assert encoder.encode(()) == encode_integer(60, 5, 0x20)
    assert table_of(encoder) == [REQUEST[-1]]
    assert encoder.encode(()) == b""


def test_the_smallest_size_in_between_is_signalled_before_the_last() -> None:
    encoder = Encoder()
    for size in (1000, 0, 2000, 100, 3000):
        encoder.set_max_table_size(size)
    assert encoder.encode(()) == b"\x20" + encode_integer(3000, 5, 0x20)


def test_growing_back_is_signalled_by_one_update() -> None:
    encoder = Encoder()
    encoder.set_max_table_size(100)
    encoder.encode(())
    encoder.set_max_table_size(4096)
    assert encoder.encode(()) == encode_integer(4096, 5, 0x20)


def test_a_dip_and_back_to_the_same_size_is_signalled_and_empties_the_table() -> None:
    encoder, decoder = Encoder(), Decoder()
    decoder.decode(encoder.encode(REQUEST))
    encoder.set_max_table_size(0)
    encoder.set_max_table_size(4096)
    block = encoder.encode(REQUEST)
    assert block.startswith(b"\x20\x3f\xe1\x1f")
    assert decoder.decode(block) == REQUEST


def test_a_peer_that_allows_more_than_we_use_hears_nothing() -> None:
    encoder = Encoder()
    encoder.set_max_table_size(65536)
    assert encoder.encode(()) == b""


def test_using_less_than_the_protocol_s_size_is_signalled_at_the_start() -> None:
    encoder = Encoder(max_table_size=256)
    assert encoder.encode(()) == encode_integer(256, 5, 0x20)
    assert encoder.encode(()) == b""


def test_without_a_table_everything_still_arrives() -> None:
    encoder, decoder = Encoder(max_table_size=0), Decoder()
    for _ in range(3):
        assert decoder.decode(encoder.encode(REQUEST)) == REQUEST
    assert table_of(encoder) == []
