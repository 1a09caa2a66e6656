"""What a replica says of its own load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A replica's load at one moment.

    Units: `utilisation` as a share of its capacity, above 1 when overloaded; `qps` and `eps` in
    calls and failed calls per second.
    Source: ORCA, xds.data.orca.v3.OrcaLoadReport.
    """

    utilisation: float = 0.0
    qps: float = 0.0
    eps: float = 0.0
