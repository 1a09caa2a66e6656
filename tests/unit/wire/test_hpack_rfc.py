"""The examples of RFC 7541, appendix C, as printed there."""

import pytest

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder, encode_integer
from mcpmesh.wire.hpack_table import FIRST_DYNAMIC, STATIC_FIELDS, Headers


def fields(text: str) -> Headers:
    """Read "name=value" lines."""
    lines = (line.strip().encode() for line in text.strip().splitlines())
    return tuple((name, value) for name, _, value in (line.partition(b"= ") for line in lines))


def dynamic(decoder: Decoder) -> list[tuple[bytes, bytes]]:
    return decoder._table.fields[FIRST_DYNAMIC:]


GET = """
    :method= GET
    :scheme= http
    :path= /
    :authority= www.example.com"""
GET_NO_CACHE = GET + "\n cache-control= no-cache"
GET_CUSTOM = """
    :method= GET
    :scheme= https
    :path= /index.html
    :authority= www.example.com
    custom-key= custom-value"""
REDIRECT = """
    :status= 302
    cache-control= private
    date= Mon, 21 Oct 2013 20:13:21 GMT
    location= https://www.example.com"""
NOT_FOUND_YET = REDIRECT.replace("302", "307")
WITH_COOKIE = """
    :status= 200
    cache-control= private
    date= Mon, 21 Oct 2013 20:13:22 GMT
    location= https://www.example.com
    content-encoding= gzip
    set-cookie= foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"""


def test_the_static_table_has_61_fields_at_their_places() -> None:
    assert len(STATIC_FIELDS) == 61
    assert STATIC_FIELDS[1] == (b":method", b"GET")
    assert STATIC_FIELDS[15] == (b"accept-encoding", b"gzip, deflate")
    assert STATIC_FIELDS[60] == (b"www-authenticate", b"")


@pytest.mark.parametrize(
    ("value", "bits", "coded"), [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a")]
)
def test_c1_integers(value: int, bits: int, coded: str) -> None:
    assert encode_integer(value, bits, 0).hex() == coded


def test_c2_a_literal_with_indexing_enters_the_table() -> None:
    decoder = Decoder()
    block = bytes.fromhex("400a637573746f6d2d6b65790d637573746f6d2d686561646572")
    assert decoder.decode(block) == ((b"custom-key", b"custom-header"),)
    assert dynamic(decoder) == [(b"custom-key", b"custom-header")]
    assert decoder._table.size == 55


@pytest.mark.parametrize(
    ("coded", "field"),
    [
        ("040c2f73616d706c652f70617468", (b":path", b"/sample/path")),
        ("100870617373776f726406736563726574", (b"password", b"secret")),
        ("82", (b":method", b"GET")),
    ],
)
def test_c2_the_other_representations_leave_the_table_alone(
    coded: str, field: tuple[bytes, bytes]
) -> None:
    decoder = Decoder()
    assert decoder.decode(bytes.fromhex(coded)) == (field,)
    assert dynamic(decoder) == []


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(
            [
                "828684410f7777772e6578616d706c652e636f6d",
                "828684be58086e6f2d6361636865",
                "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            ],
            id="c3 raw",
        ),
        pytest.param(
            [
                "828684418cf1e3c2e5f23a6ba0ab90f4ff",
                "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            ],
            id="c4 huffman",
        ),
    ],
)
def test_c3_c4_requests(blocks: list[str]) -> None:
    decoder = Decoder()
    for block, request in zip(blocks, [GET, GET_NO_CACHE, GET_CUSTOM], strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields(request)
    assert dynamic(decoder) == [
        (b"custom-key", b"custom-value"),
        (b"cache-control", b"no-cache"),
        (b":authority", b"www.example.com"),
    ]
    assert decoder._table.size == 164


def test_c4_our_encoder_writes_the_requests_as_printed() -> None:
    encoder = Encoder()
    assert encoder.encode(fields(GET)).hex() == "828684418cf1e3c2e5f23a6ba0ab90f4ff"
    assert encoder.encode(fields(GET_NO_CACHE)).hex() == "828684be5886a8eb10649cbf"
    assert (
        encoder.encode(fields(GET_CUSTOM)).hex()
        == "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"
    )


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(
            [
                "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231"
                "20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                "4803333037c1c0bf",
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a6970"
                "7738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d61"
                "67653d333630303b2076657273696f6e3d31",
            ],
            id="c5 raw",
        ),
        pytest.param(
            [
                "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad"
                "171863c78f0b97c8e9ae82ae43d3",
                "4883640effc1c0bf",
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2"
                "e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            ],
            id="c6 huffman",
        ),
    ],
)
def test_c5_c6_responses_evict_from_a_table_of_256_bytes(blocks: list[str]) -> None:
    decoder = Decoder(max_table_size=256)
    for block, response in zip(blocks, [REDIRECT, NOT_FOUND_YET, WITH_COOKIE], strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields(response)
    assert [name for name, _ in dynamic(decoder)] == [b"set-cookie", b"content-encoding", b"date"]
    assert decoder._table.size == 215
