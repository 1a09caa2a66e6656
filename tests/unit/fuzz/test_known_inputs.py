"""Seeds, the small corpus and the cases that found a fault, replayed on every target."""

from importlib import import_module

import pytest

from fuzz.auditor import Auditor
from fuzz.corpus import TARGETS, found, inputs
from fuzz.dice import Dice
from mcpmesh.wire.frame import DATA, GOAWAY, HEADERS, SETTINGS, frame

FOUND = [(target, label) for target in TARGETS for label in found(target)]


@pytest.mark.parametrize(("target", "label"), FOUND)
def test_what_was_found_is_found_no_more(target: str, label: str) -> None:
    import_module(f"fuzz.targets.{target}").check(found(target)[label])


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_corpus_find_nothing(target: str) -> None:
    check = import_module(f"fuzz.targets.{target}").check
    for label, data in inputs(target).items():
        try:
            check(data)
        except BaseException as error:
            error.add_note(f"{target}: {label}: {data!r}")
            raise


def test_dice_that_ran_out_fall_on_the_first_choice() -> None:
    dice = Dice(b"\x07")
    assert dice.below(5) == 2
    assert dice.pick("abc") == "a"
    assert not dice.chance()
    assert dice.bytes(3) == dice.rest() == b""


GREETING = frame(SETTINGS, 0, 0, b"")
OPENED = frame(HEADERS, 4, 1, b"\x82")


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        (frame(DATA, 0, 1, b""), "before SETTINGS"),
        (GREETING + frame(DATA, 0, 1, b""), "before HEADERS"),
        (GREETING + frame(HEADERS, 5, 1, b"\x88") + frame(DATA, 0, 1, b""), "after the end"),
        (GREETING + frame(HEADERS, 4, 3, b"\x88"), "never opened"),
        (GREETING + frame(HEADERS, 0, 1, b"\x88") + GREETING, "inside a header block"),
        (GREETING + frame(HEADERS, 4, 1, b"\x88") + frame(DATA, 0, 1, bytes(65_536)), "a frame of"),
        (GREETING + frame(SETTINGS, 1, 0, b""), "for none"),
        (GREETING + frame(GOAWAY, 0, 0, bytes(7) + b"\1") + GREETING, "after a GOAWAY"),
        (GREETING[:-1], "cut inside a frame"),
        (
            GREETING + frame(HEADERS, 4, 1, b"\x88") + frame(DATA, 0, 1, bytes(16_384)) * 4,
            "over the connection's window",
        ),
    ],
)
def test_the_auditor_objects_to_what_a_strict_peer_would_not_take(
    said: bytes, objection: str
) -> None:
    auditor = Auditor(client=False, greeted=False)
    auditor.received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + GREETING + OPENED)
    auditor._unacked.clear()
    with pytest.raises(AssertionError, match=objection):
        auditor.sent(said)
