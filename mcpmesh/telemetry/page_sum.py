"""Several processes' pages for Prometheus as one: each sample is the sum of theirs.

A process that is gone leaves its counters and histograms behind, as they were last seen. Else
the sum would fall, and Prometheus would take that for a restart of everything.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_SAMPLE_OF_A_PROCESS = "target_info"


@dataclass(slots=True)
class _Family:
    """One metric: its HELP and TYPE lines, and its samples by name and labels."""

    head: list[str] = field(default_factory=list)
    kind: str = ""
    samples: dict[str, int | float] = field(default_factory=dict)


_Page = dict[str, _Family]


class PageSum(Generic[Key]):
    """The sum of pages over the life of the processes they come from."""

    def __init__(self) -> None:
        self._last: dict[Key, _Page] = {}
        self._gone: _Page = {}

    def __repr__(self) -> str:
        return f"PageSum({len(self._last)} processes)"

    def take(self, running: Iterable[Key], pages: Mapping[Key, bytes]) -> None:
        """Take the pages of processes that run; one that gave none now counts as it was last.

        Shape: `exposition` of each.
        """
        self._last |= {process: _read(page) for process, page in pages.items()}
        for process in self._last.keys() - set(running):
            _add(self._gone, self._last.pop(process), lasting=True)

    def page(self) -> bytes:
        """Write the sum."""
        total: _Page = {}
        for each in (self._gone, *self._last.values()):
            _add(total, each, lasting=False)
        lines: list[str] = []
        for family in total.values():
            lines += family.head
            lines += (f"{name} {value!r}" for name, value in family.samples.items())
        return "".join(f"{line}\n" for line in lines).encode()


def _read(page: bytes) -> _Page:
    families: _Page = {}
    current = _Family()
    for line in page.decode().splitlines():
        if line.startswith("#"):
            _, word, name, rest = line.split(" ", 3)
            current = families.setdefault(name, _Family())
            current.head.append(line)
            if word == "TYPE":
                current.kind = rest
        else:
            name, _, value = line.rpartition(" ")
            current.samples[name] = float(value) if not value.isdigit() else int(value)
    families.pop(_SAMPLE_OF_A_PROCESS, None)
    return families


def _add(total: _Page, more: _Page, *, lasting: bool) -> None:
    """Add a page to another; `lasting`, only what stays when its process is gone."""
    for name, family in more.items():
        if lasting and family.kind == "gauge":
            continue
        known = total.setdefault(name, _Family(family.head, family.kind))
        for sample, value in family.samples.items():
            known.samples[sample] = known.samples.get(sample, 0) + value
