"""A short attack on a bridge with requests of all kinds, and what longer ones found before."""

import asyncio
from random import Random

import pytest

from fuzz.bridge import messages
from fuzz.bridge.attack import FOUND, Report, attack, served
from fuzz.bridge.from_hypothesis import examples
from fuzz.bridge.lines import on_stdio
from fuzz.bridge.talk import Answer, ask, verdict
from mcpmesh.bridge.methods import Bridge
from tests.unit.bridge.test_any_json import Loopback

SECONDS = 4.0


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    with served(tmp_path_factory.mktemp("bridge")) as running:
        yield running


def test_nothing_of_an_attack_over_http_remains(bridge):
    report = Report()
    examples(bridge, SECONDS / 4, report)
    attack(bridge, SECONDS, Random().randrange(2**32), report)
    assert not report.problems()
    assert report.requests > 50
    assert report.statuses[200]
    assert report.statuses[400]


def test_a_bridge_on_stdio_answers_after_lines_of_all_kinds(bridge):
    lines = on_stdio(bridge, 1.0, Random())
    assert not lines.problems
    assert lines.said


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.bin")), ids=lambda path: path.stem)
def test_what_was_found_stays_mended(bridge, path):
    _, wrong = asyncio.run(ask(bridge.port, path.read_bytes(), whole=False))
    assert not wrong
    assert not bridge.complaints()


def test_every_method_of_both_eras_is_attacked():
    methods = Bridge(Loopback())._methods
    assert messages.MODERN.keys() == methods[True].keys()
    assert messages.LEGACY.keys() == methods[False].keys()


def test_a_bad_answer_is_seen():
    json = {b"content-type": b"application/json"}
    assert "status 500" in verdict(Answer(500))
    internal = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603}}'
    assert "internal" in verdict(Answer(200, json, internal, True))
    assert "no JSON" in verdict(Answer(200, json, b"{", True))
    assert "neither" in verdict(Answer(200, json, b'{"jsonrpc":"2.0"}', True))
    assert not verdict(Answer(200, json, b'{"jsonrpc":"2.0","result":{}}', True))
