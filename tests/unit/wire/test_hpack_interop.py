"""Both directions against python-hyper's hpack, and against each other, over many blocks."""

import hpack
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder
from mcpmesh.wire.hpack_table import STATIC_FIELDS, Headers

NAMES = st.sampled_from(
    [b":path", b":status", b"te", b"authorization", b"cookie", b"x-a", b"x-b", b"grpc-timeout"]
) | st.binary(max_size=12)
VALUES = (
    st.sampled_from([b"", b"200", b"trailers", b"application/grpc", b"/a.B/C", b"x" * 130])
    | st.binary(max_size=20)
    | st.integers(0, 1200).map(lambda size: b"v" * size)
)
FIELDS = st.tuples(NAMES, VALUES) | st.sampled_from(STATIC_FIELDS)
LISTS = st.lists(FIELDS, max_size=8).map(tuple)
# A small pool, so that blocks come again and memos are hit.
SESSIONS = st.lists(LISTS, min_size=1, max_size=4).flatmap(
    lambda pool: st.lists(
        st.tuples(st.sampled_from(pool), LISTS | st.just(()), st.none() | st.sampled_from(SIZES)),
        max_size=12,
    )
)
SIZES = [0, 33, 64, 200, 1000, 4096, 65536]
UNLIMITED = 1 << 20


def hyper_decoder() -> hpack.Decoder:
    decoder = hpack.Decoder(max_header_list_size=UNLIMITED)
    decoder.max_allowed_table_size = 4096
    return decoder


@given(SESSIONS)
def test_hyper_reads_what_we_write(session: list[tuple[Headers, Headers, int | None]]) -> None:
    encoder, decoder = Encoder(), hyper_decoder()
    for headers, volatile, resize in session:
        if resize is not None:
            encoder.set_max_table_size(resize)
            decoder.max_allowed_table_size = resize
        block = encoder.encode(headers, volatile)
        assert tuple(map(tuple, decoder.decode(block, raw=True))) == headers + volatile


@given(SESSIONS, st.booleans())
def test_we_read_what_hyper_writes(
    session: list[tuple[Headers, Headers, int | None]], huffman: bool
) -> None:
    encoder, decoder = hpack.Encoder(), Decoder(max_list_size=UNLIMITED)
    for headers, volatile, resize in session:
        if resize is not None:
            decoder.set_max_table_size(resize)
            encoder.header_table_size = resize
        block = encoder.encode([*headers, *volatile], huffman=huffman)
        assert decoder.decode(block) == headers + volatile


@given(SESSIONS)
def test_we_read_what_we_write(session: list[tuple[Headers, Headers, int | None]]) -> None:
    encoder, decoder = Encoder(), Decoder(max_list_size=UNLIMITED)
    for headers, volatile, resize in session:
        if resize is not None:
            decoder.set_max_table_size(resize)
            encoder.set_max_table_size(resize)
        assert decoder.decode(encoder.encode(headers, volatile)) == headers + volatile


@given(SESSIONS)
def test_both_tables_hold_the_same_fields(
    session: list[tuple[Headers, Headers, int | None]],
) -> None:
    encoder, decoder = Encoder(max_table_size=200), Decoder(max_list_size=UNLIMITED)
    for headers, volatile, _ in session:
        decoder.decode(encoder.encode(headers, volatile))
        assert encoder._table.fields == decoder._table.fields
        live = set(encoder._table.fields[62:])
        assert set(encoder._field_serial) == live
        assert set(encoder._name_serial) == {name for name, _ in live}
