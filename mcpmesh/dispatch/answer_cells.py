"""Where calls that were answered well are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpmesh.balance.candidate import Candidate
    from mcpmesh.telemetry.instruments import Instruments

#: Takes in how long a call took, in seconds.
Record = Callable[[float], None]

_REMEMBERED = 4096
_OK = "OK"


class AnswerCells:
    """The two cells of each method, tool and replica: of calls, and of attempts there.

    Found by the replica itself, which is cheaper than to name it for every call.
    """

    __slots__ = ("_found", "_instruments", "known")

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._found: dict[tuple[str, str, Candidate], tuple[Record, Record]] = {}
        #: As `at`; None where that has to look.
        self.known = self._found.get

    def __repr__(self) -> str:
        return f"<AnswerCells {len(self._found)}>"

    def at(self, key: tuple[str, str, Candidate]) -> tuple[Record, Record]:
        """Return what records a call, and its attempt, of a method and tool at a replica."""
        method, tool, candidate = key
        if len(self._found) >= _REMEMBERED:
            # Also so that replicas that are gone are not kept.
            self._found.clear()
        instruments = self._instruments
        found = self._found[key] = (
            instruments.rpc_server.at((method, tool, _OK)).record,
            instruments.rpc_client.at((method, tool, _OK, *candidate.address)).record,
        )
        return found
