"""Where calls that were answered well are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpmesh.balance.candidate import Candidate, Record
    from mcpmesh.telemetry.instruments import Instruments

#: Of one replica; services may have any number of methods.
_REMEMBERED = 1024
_OK = "OK"


class AnswerCells:
    """The two cells of each method, tool and replica: of calls, and of attempts there.

    What was found is kept with the replica (`Candidate.cells`), and gone with it: that is cheaper
    than to name it for every call.
    """

    __slots__ = ("_instruments",)

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def at(self, candidate: Candidate, key: tuple[str, str]) -> tuple[Record, Record]:
        """Return what records a call, and its attempt, of a method and tool at a replica."""
        cells = candidate.cells
        if len(cells) >= _REMEMBERED:
            cells.clear()
        instruments = self._instruments
        found = cells[key] = (
            instruments.rpc_server.at((*key, _OK)).record,
            instruments.rpc_client.at((*key, _OK, *candidate.address)).record,
        )
        return found
