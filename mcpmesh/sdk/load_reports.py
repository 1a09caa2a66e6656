"""What a server tells routers of its load, in the trailers of its answers.

For tools that are balanced by `weighted`; costs nothing where the server's author says no load.
"""

import logging
from collections.abc import Callable
from math import inf, nan

from mcpmesh.codec.load_report import write_load_report
from mcpmesh.model.load_report import LoadReport

_LOG = logging.getLogger("mcpmesh.tool")
#: Seconds that calls are counted for at a time, and a report is good for.
_WINDOW = 1.0
_FRESH = 0.1


class LoadReports:
    """Asks the author's function how full the server is, and adds calls per second.

    `utilisation` returns a share of the capacity; what fails or is no number is not reported.
    """

    def __init__(self, utilisation: Callable[[], float]) -> None:
        self._utilisation = utilisation
        self._calls = self._failed = 0
        self._qps = self._eps = 0.0
        self._window = float("-inf")
        self._written = b""
        self._fresh_until = float("-inf")
        self._complained = False

    def __repr__(self) -> str:
        return f"<LoadReports of {self._qps:.1f} calls/s>"

    def after(self, now: float, *, failed: bool) -> bytes:
        """Count a call, and return the report for its answer; empty for none.

        Units: seconds.
        """
        self._calls += 1
        self._failed += failed
        if now >= self._fresh_until:
            self._count(now)
            self._written = self._write()
            self._fresh_until = now + _FRESH
        return self._written

    def _count(self, now: float) -> None:
        took = now - self._window
        if took < _WINDOW:
            return
        # After a long silence the rate of that time tells nothing of this one.
        took = took if took < 10 * _WINDOW else _WINDOW
        self._qps, self._eps = self._calls / took, self._failed / took
        self._calls = self._failed = 0
        self._window = now

    def _write(self) -> bytes:
        try:
            said = self._utilisation()
        except Exception as error:
            self._complain(f"failed with {type(error).__name__}: {error}", error)
            return b""
        utilisation = _number(said)
        if not 0 <= utilisation < inf:
            self._complain(f"said {said!r:.100}, which is no share of its capacity", None)
            return b""
        if utilisation == 0:
            # Nothing to divide by: it counts like the average.
            return b""
        return write_load_report(LoadReport(utilisation, self._qps, self._eps))

    def _complain(self, why: str, error: Exception | None) -> None:
        # Once: it would be said with every answer.
        if not self._complained:
            _LOG.error(
                "the server's load function %s; its load is not reported until it is a number from "
                "0 up, 1 for full", why, exc_info=error,
            )  # fmt: skip
            self._complained = True


def _number(said: object) -> float:
    """Return what was said as a number, NaN for what is none; numpy has numbers of its own."""
    try:
        return nan if isinstance(said, str) else float(said)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return nan
