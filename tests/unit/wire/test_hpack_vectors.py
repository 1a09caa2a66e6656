"""The published vectors of hpack-test-case: what other encoders wrote, and what we write.

The stories, how each encoder wrote them, and their licence are in `hpack-test-case/`.
"""

import json
import lzma
from pathlib import Path

import hpack
import pytest

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder
from mcpmesh.wire.hpack_table import Headers

_FILE = Path(__file__).parent / "hpack-test-case" / "vectors.json.xz"
VECTORS = json.loads(lzma.decompress(_FILE.read_bytes()))
STORIES: dict[str, list[Headers]] = {
    story: [tuple((name.encode(), value.encode()) for name, value in fields) for fields in lists]
    for story, lists in VECTORS["stories"].items()
}
WRITTEN = [
    pytest.param(story, blocks, id=f"{encoder}-{story}")
    for encoder, stories in VECTORS["encoders"].items()
    for story, blocks in stories.items()
]
UNLIMITED = 1 << 20


@pytest.mark.parametrize(("story", "blocks"), WRITTEN)
def test_we_read_what_others_wrote(story: str, blocks: list[tuple[int, str]]) -> None:
    decoder = Decoder(max_list_size=UNLIMITED)
    allowed = 4096
    for (table_size, block), headers in zip(blocks, STORIES[story], strict=True):
        if table_size != allowed:
            allowed = table_size
            decoder.set_max_table_size(table_size)
        assert decoder.decode(bytes.fromhex(block)) == headers


@pytest.mark.parametrize("table_size", [0, 256, 4096, 65_536])
@pytest.mark.parametrize("story", STORIES)
def test_hyper_and_we_read_what_we_write(story: str, table_size: int) -> None:
    encoder = Encoder()
    hyper, ours = hpack.Decoder(UNLIMITED), Decoder(max_list_size=UNLIMITED)
    encoder.set_max_table_size(table_size)
    hyper.max_allowed_table_size = table_size
    ours.set_max_table_size(table_size)
    for headers in STORIES[story]:
        for _ in range(2):  # the second block of a list is all indexed, and remembered
            block = encoder.encode(headers)
            assert ours.decode(block) == headers
            assert tuple(map(tuple, hyper.decode(block, raw=True))) == headers


@pytest.mark.parametrize("huffman", [False, True])
@pytest.mark.parametrize("story", STORIES)
def test_we_read_what_hyper_writes(story: str, huffman: bool) -> None:
    encoder, decoder = hpack.Encoder(), Decoder(max_list_size=UNLIMITED)
    for headers in STORIES[story]:
        assert decoder.decode(encoder.encode(headers, huffman=huffman)) == headers


def test_the_selection_is_whole() -> None:
    assert len(STORIES) == 32
    assert len(VECTORS["encoders"]) == 7
    assert sum(len(blocks) for _, blocks in (param.values for param in WRITTEN)) > 4_000
