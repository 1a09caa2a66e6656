"""The conversations in tests/wire, line by line.

`peer` lines are received, `us` lines are what left, `sink N` lines what the stream's sink was
told, `do` lines what its owner does; a block of `us` and `sink` lines answers what stands before.
"""

import shlex
from pathlib import Path

import pytest

from mcpmesh.wire.error_code import ErrorCode
from tests.unit.wire.talk import Sink, Talk

TRACES = sorted((Path(__file__).parents[2] / "wire").glob("*.txt"))


class Player:
    """Plays one side's lines and gathers the other's."""

    def __init__(self, role):
        self.talk = Talk(client=role == "client", greet=False)
        self.opened = []
        self.told = {}

    def peer(self, line):
        self.talk.hear(line)

    def do(self, line):
        what, *words = shlex.split(line)
        end = words[-1:] == ["END"]
        if what in ("drain", "stop_accepting"):
            getattr(self.talk.connection, what)(*["draining"] if what == "drain" else [])
        elif what == "open":
            sink = Sink()
            sink.stream, _ = self.talk.open(end, sink, fields(words))
            self.opened.append(sink)
        elif words[0] == "headers":
            self.stream(what).send_headers(fields(words[1:]), (), end)
        else:
            self.stream(what).send_data(words[1].encode(), end)

    def stream(self, number):
        return self.sinks()[int(number)].stream

    def sinks(self):
        return {sink.stream.id: sink for sink in self.opened if sink.stream.id} | (
            self.talk.owner.sinks
        )

    def heard(self):
        """Return what left and what the sinks were told since the last time."""
        lines = [f"us {line}" for line in self.talk.said()]
        for number, sink in sorted(self.sinks().items()):
            known = self.told.get(number, 0)
            lines += [f"sink {number} {shown(event)}" for event in sink.events[known:]]
            self.told[number] = len(sink.events)
        return lines


def fields(words):
    pairs = (word.rpartition("=") if word[0] != ":" else split(word) for word in words)
    return tuple((name.encode(), value.encode()) for name, eq, value in pairs if eq)


def split(word):
    at = word.index("=")
    return word[:at], "=", word[at + 1 :]


def shown(event):
    kind, what, *end = event
    if kind == "headers":
        text = " ".join(f"{name.decode()}={value.decode()}" for name, value in what)
    elif kind == "data":
        text = f'"{what.decode()}"'
    else:
        text = ErrorCode[what].name
    return f"{kind} {text}" + (" END" if end and end[0] else "")


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    role = lines.pop(0).split()[1]
    player = Player(role)
    expected = []
    for line in [*lines, "end"]:
        who, _, what = line.partition(" ")
        what = what.strip()
        if who in ("us", "sink"):
            expected.append(f"{who} {what}")
            continue
        if expected:
            assert sorted(player.heard()) == sorted(expected), f"before: {line}"
            expected = []
        if who != "end":
            getattr(player, who)(what)
    assert player.heard() == []


def test_there_are_traces():
    assert len(TRACES) >= 5
