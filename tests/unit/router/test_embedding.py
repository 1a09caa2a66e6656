"""Search by meaning with a real model, made here: a vector for each of a few words."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from mcpmesh import Client, ToolServer
from mcpmesh.config import InvalidSetting, RouterSettings
from mcpmesh.router.embedding import load_meaning
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.unit.router.test_capability_calls import ANY

#: Words of one list mean the same.
MEANINGS = (("weather", "rain", "sunny"), ("money", "price", "currency"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    words = ["[UNK]", "[PAD]", *(word for same in MEANINGS for word in same)]
    vectors = np.zeros((len(words), 4), dtype=np.float32)
    for row, word in enumerate(words):
        for axis, same in enumerate(MEANINGS):
            vectors[row, axis] = word in same
    vectors[:, 3] = 0.1
    tokenizer = Tokenizer(WordLevel({word: row for row, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    StaticModel(vectors=vectors, tokenizer=tokenizer).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_a_model_knows_what_is_near(model: str) -> None:
    meaning = load_meaning(model)
    meaning.put([("forecast", "weather sunny"), ("rates", "currency"), ("other", "entirely")])
    (near, likeness), *rest = meaning.nearest("rain", 3)
    assert near == "forecast"
    assert likeness > 0.9
    assert rest[0][1] < 0.5


async def test_the_router_finds_by_meaning_and_says_so(model: str) -> None:
    app = ToolServer("some")

    @app.tool
    def forecast(city: str) -> str:
        """Say what the weather will be in a city."""
        return city

    @app.tool
    def rates(coin: str) -> str:
        """Exchange a currency."""
        return coin

    settings = RouterSettings(grpc=ANY, search_model=model)
    router = Router(settings, without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        await app.start(ANY, endpoint)
        await app.registered()
        async with Client(endpoint, default_timeout=20) as client:
            hits = await client.search_tools("rain")
            assert [hit.info.name for hit in hits] == ["forecast"]
            assert hits[0].words == 0.0
            assert hits[0].meaning is not None
            assert hits[0].meaning > 0.5
            assert hits[0].reason == f"meaning {hits[0].meaning:.2f}"
    finally:
        await app.stop(0)
        await router.stop(0)


@pytest.mark.parametrize("made", [False, True])
def test_what_is_no_model_is_refused(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "none"
    if made:
        folder.mkdir()
    with pytest.raises(InvalidSetting, match=r"search_model: cannot load the model '.*none'"):
        load_meaning(str(folder))
