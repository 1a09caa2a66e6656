"""Connections at random, one after the other, held against h2 and hpack."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from fuzz.differential.blocks import BlockSession
from fuzz.differential.pair import Difference, Pair
from fuzz.differential.traffic import PeerStream, Traffic, spoiled

_STEPS = 300
_BLOCKS = 60
_MOST_DIFFERENCES = 20


@dataclass
class Counts:
    """What a run compared."""

    frames: int = 0
    connections: int = 0
    blocks: int = 0
    refusals: int = 0
    known: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def report(self, seconds: float) -> str:
        """Write the counts as text."""
        lines = [
            f"{self.frames:,} frames on {self.connections:,} connections and {self.blocks:,} "
            f"header blocks in {seconds:.0f} s; {self.refusals:,} refused by both",
        ]
        lines += [
            f"known difference, {count:,} times: {why}"
            for why, count in sorted(self.known.items(), key=lambda item: -item[1])
        ]
        lines += self.differences
        lines.append(f"{len(self.differences)} differences")
        return "\n".join(lines)


def run(
    seed: int,
    frames: int,
    *,
    only: int | None = None,
    progress: Callable[[int], None] = lambda _frames: None,
) -> Counts:
    """Compare until so many frames were fed to both."""
    counts = Counts()
    number = -1 if only is None else only - 1
    while counts.frames < frames and len(counts.differences) < _MOST_DIFFERENCES:
        number += 1
        rng = Random(f"{seed}:{number}")
        story: list[str] = []
        try:
            if number % 8 == 7:
                _blocks(rng, counts)
            else:
                _connection(rng, counts, story)
        except AssertionError as difference:
            shown = "\n".join(["", *story[-12:], str(difference)])
            counts.differences.append(f"--seed {seed} --only {number}: {shown}")
        progress(counts.frames)
        if only is not None:
            break
    return counts


def _blocks(rng: Random, counts: Counts) -> None:
    session = BlockSession(rng)
    for _ in range(_BLOCKS):
        session.step(spoil=False)
        counts.blocks += 2
    while not session.over:
        session.step(spoil=True)
        counts.blocks += 2
    counts.refusals += session.refused


def _connection(rng: Random, counts: Counts, story: list[str]) -> None:
    client = rng.random() < 0.5
    pair = Pair(client, holds=rng.random() < 0.2)
    traffic = Traffic(rng, client=not client)
    spoils = rng.random() < 0.7
    steps = min(_STEPS, int(rng.expovariate(1 / 40)))
    counts.connections += 1
    try:
        for step in range(steps + 1):
            _act(rng, pair, traffic, story)
            spoil_now = spoils and step == steps
            for good in traffic.next():
                data = spoiled(rng, good) if spoil_now else good
                story.append(f"{'spoilt' if data != good else 'frame'} {data[:60].hex()}")
                pair.hear(data)
                if pair.refusals and not spoils and not pair.holds:
                    raise Difference(f"a valid frame is refused by both: {pair.known}")
            if pair.over:
                break
    finally:
        counts.frames += pair.frames
        counts.refusals += pair.refusals
        for why, count in pair.known.items():
            counts.known[why] = counts.known.get(why, 0) + count


def _act(rng: Random, pair: Pair, traffic: Traffic, story: list[str]) -> None:
    """Have both sides do something of their own."""
    if pair.client and (rng.random() < 0.2 or not traffic.streams):
        number = pair.open()
        if number:
            story.append(f"both open {number}")
            traffic.streams[number] = PeerStream()
    crowded = len(pair.ours.streams) > 20
    if not pair.ours.streams or (rng.random() > 0.2 and not crowded):
        return
    number = next(iter(pair.ours.streams)) if crowded else rng.choice(list(pair.ours.streams))
    if rng.random() < 0.2 or (crowded and pair.client):
        story.append(f"both reset {number}")
        pair.reset(number)
        traffic.ended(number)
    elif pair.client:
        story.append(f"both end {number}")
        pair.finish(number)
    else:
        story.append(f"both answer {number}")
        pair.answer(number, end=True)
