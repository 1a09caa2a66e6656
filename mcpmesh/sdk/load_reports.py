"""What a server tells routers of its load, in the trailers of its answers.

For tools that are balanced by `weighted`; costs nothing where the server's author says no load.
"""

import logging
from collections.abc import Callable
from math import isfinite

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
            utilisation = float(self._utilisation())
        except Exception:
            # Once: it would be said with every answer.
            if not self._complained:
                _LOG.exception("the server's load function failed; its load is not reported")
                self._complained = True
            return b""
        if not (isfinite(utilisation) and utilisation > 0):
            return b""
        return write_load_report(LoadReport(utilisation, self._qps, self._eps))
