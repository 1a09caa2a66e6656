"""Which calls are recorded: the decision of the SDK's samplers, taken before a span is built.

The SDK asks its sampler inside `start_span`, when most of the cost is paid. Here the same rule is
two comparisons, and the provider gets the SDK's own sampler, so that spans a tool's author starts
agree with ours.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from mcpmesh.model.trace import TraceContext

_log = logging.getLogger(__name__)
_PARENT_BASED = "parentbased_"
_EVERY = 1 << 64
DEFAULT_SAMPLER = "parentbased_always_on"
SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Whether the caller's decision is followed, and the share of traces recorded otherwise.

    Units: `ratio` of all traces, 0 to 1, by the low 64 bits of the trace id.
    """

    parent_based: bool = True
    ratio: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.ratio <= 1.0:
            raise ValueError(f"a sampling ratio is 0 to 1, not {self.ratio}")

    def bound(self) -> int:
        """Return the number below which the low 64 bits of a recorded trace id are."""
        return TraceIdRatioBased.get_bound_for_rate(self.ratio)

    def sampler(self) -> Sampler:
        """Build the SDK's sampler of the same rule."""
        root = TraceIdRatioBased(self.ratio)
        return ParentBased(root) if self.parent_based else root


class Decision:
    """The rule made ready for the hot path."""

    __slots__ = ("_always", "_bound", "_parent_based")

    def __init__(self, sampling: Sampling) -> None:
        self._parent_based = sampling.parent_based
        bound = sampling.bound()
        self._always = bound == _EVERY if bound in (0, _EVERY) else None
        self._bound = f"{bound:016x}"

    def continues(self, parent: TraceContext) -> bool:
        """Tell whether a call under that parent is recorded."""
        if self._parent_based:
            return parent.sampled
        return self.begins(parent.trace_id)

    def begins(self, trace_id: str) -> bool:
        """Tell whether a trace that starts here is recorded."""
        if self._always is not None:
            return self._always
        # Hex digits of one width and case compare like their numbers, at half the price.
        return trace_id[16:] < self._bound


def sampling_from(environ: Mapping[str, str]) -> Sampling:
    """Read OTEL_TRACES_SAMPLER and its ARG; a wrong value is logged and the default taken.

    Source: OpenTelemetry specification, "General SDK configuration".
    """
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or DEFAULT_SAMPLER
    if name not in SAMPLERS:
        _log.warning(
            "OTEL_TRACES_SAMPLER: unknown sampler %r, using %s; known are %s",
            name,
            DEFAULT_SAMPLER,
            ", ".join(SAMPLERS),
        )
        name = DEFAULT_SAMPLER
    root = name.removeprefix(_PARENT_BASED)
    ratio = _ratio(environ) if root == "traceidratio" else float(root == "always_on")
    return Sampling(name.startswith(_PARENT_BASED), ratio)


def _ratio(environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    try:
        ratio = float(text or "1")
    except ValueError:
        ratio = -1.0
    if 0.0 <= ratio <= 1.0:
        return ratio
    _log.warning("OTEL_TRACES_SAMPLER_ARG: %r is no ratio from 0 to 1, using 1", text)
    return 1.0
