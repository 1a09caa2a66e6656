"""How much a replica can take by its own reports: calls per second for the load they make.

Source: gRFC A58.
"""

from mcpmesh.model.load_report import LoadReport
from mcpmesh.policy.balancing import Balancing

#: Nobody has reported, or too long ago.
_NEVER = float("-inf")


class ReportedWeight:
    """What a replica reported last, and since when it does."""

    __slots__ = ("_report", "_reported", "_since")

    def __init__(self) -> None:
        self._report = LoadReport()
        self._reported = _NEVER
        self._since = _NEVER

    def __repr__(self) -> str:
        return f"<ReportedWeight {self._report}>"

    def take(self, report: LoadReport, now: float) -> None:
        """Take a report; one without calls or load says nothing."""
        if report.qps <= 0 or report.utilisation <= 0:
            return
        self._report = report
        self._reported = now
        if self._since == _NEVER:
            self._since = now

    def at(self, now: float, settings: Balancing) -> float:
        """Return the weight, 0 when it cannot be relied on.

        It cannot for the blackout after the first report, when caches and code are still cold, nor
        when the last one is too old; then the blackout begins anew.
        """
        if now - self._reported >= settings.expiry:
            self._since = _NEVER
            return 0.0
        if now - self._since < settings.blackout:
            return 0.0
        report = self._report
        return report.qps / (report.utilisation + report.eps / report.qps * settings.error_penalty)
