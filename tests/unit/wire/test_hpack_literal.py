"""Fields written out without tables, read by python-hyper's decoder and by ours."""

import hpack
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder
from mcpmesh.wire.hpack_literal import literal_name, literal_sizes, literal_value

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=100)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=5000)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=4))
def test_written_fields_read_as_what_they_were(fields):
    block = "".join(literal_name(name) + literal_value(value) for name, value in fields)
    block = block.encode("latin-1")
    expected = [(name.encode(), value.encode()) for name, value in fields]
    theirs = hpack.Decoder(max_header_list_size=1 << 20).decode(block, raw=True)
    assert [tuple(field) for field in theirs] == expected
    assert list(Decoder(max_list_size=1 << 20).decode(block)) == expected
    assert literal_sizes(block) == [len(name) + len(value) for name, value in fields]


def test_written_fields_stand_after_those_of_the_table():
    encoder, decoder = Encoder(), Decoder()
    own = (literal_name("x-id") + literal_value("7" * 200)).encode("latin-1")
    for _ in range(3):
        block = encoder.encode(((b":path", b"/a"), (b"k", b"v")), own)
        assert decoder.decode(block) == ((b":path", b"/a"), (b"k", b"v"), (b"x-id", b"7" * 200))
