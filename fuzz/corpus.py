"""Inputs that are kept: seeds written by hand, a small corpus, and cases that found a fault."""

import base64
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).parent
#: Where a run keeps what it learns; not committed.
WORK = _HERE.parent / ".fuzz"
TARGETS = sorted(
    path.stem for path in (_HERE / "targets").glob("*.py") if path.stem != "__init__"
)  # fmt: skip
_MOST_KEPT = 60
_MOST_KEPT_BYTES = 12_000


def share(name: str) -> float:
    """Return how much of a run's time a target gets, against 1 for most."""
    return float(getattr(import_module(f"fuzz.targets.{name}"), "SHARE", 1))


def inputs(name: str) -> dict[str, bytes]:
    """Return a target's committed inputs by name."""
    seeds = import_module(f"fuzz.targets.{name}").SEEDS
    known = {f"seed {number}": seed for number, seed in enumerate(seeds)}
    kept = _kept_in(name)
    if kept.exists():
        for number, line in enumerate(kept.read_text().splitlines()):
            known[f"corpus {number}"] = base64.b64decode(line)
    return known | found(name)


def found(name: str) -> dict[str, bytes]:
    """Return the cases that found a fault, by what each shows."""
    return {path.stem: path.read_bytes() for path in sorted((_HERE / "found" / name).glob("*.bin"))}


def working(name: str) -> Path:
    """Return the directory that a run of a target begins with and adds to."""
    directory = WORK / "corpus" / name
    directory.mkdir(parents=True, exist_ok=True)
    for label, data in inputs(name).items():
        (directory / label.replace(" ", "-")).write_bytes(data)
    return directory


def keep(name: str) -> int:
    """Commit a sample of what runs learnt, of all sizes, up to 12 kB; return how many inputs."""
    learnt = sorted((path.read_bytes() for path in working(name).iterdir()), key=len)
    most = _MOST_KEPT
    while sum(map(len, _sample(learnt, most))) > _MOST_KEPT_BYTES:
        most -= 1
    kept = _sample(learnt, most)
    _kept_in(name).parent.mkdir(exist_ok=True)
    _kept_in(name).write_text("".join(base64.b64encode(data).decode() + "\n" for data in kept))
    return len(kept)


def _sample(values: list[bytes], most: int) -> list[bytes]:
    return [values[number * len(values) // most] for number in range(min(most, len(values)))]


def _kept_in(name: str) -> Path:
    return _HERE / "corpus" / f"{name}.txt"
