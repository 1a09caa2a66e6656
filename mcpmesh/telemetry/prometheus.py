"""The page that a Prometheus server scrapes.

Source: Prometheus text exposition format 0.0.4, and the OpenTelemetry specification, "Prometheus
and OpenMetrics compatibility", for how names and units are turned.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from mcpmesh.telemetry.metrics import Counter, Gauge, Histogram, Instrument, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]+")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "1": "ratio"}


def exposition(metrics: Metrics) -> bytes:
    """Write all instruments as Prometheus reads them."""
    lines: list[str] = []
    for instrument in metrics:
        lines.extend(_lines_of(instrument))
    return target_info(metrics.resource) + _joined(lines)


def target_info(resource: Mapping[str, str]) -> bytes:
    """Write what the process calls itself."""
    return _joined(_target(resource))


def prometheus_name(instrument: Instrument) -> str:
    """Turn an OpenTelemetry name and unit into a Prometheus name."""
    name = _ILLEGAL.sub("_", instrument.about.name)
    unit = _UNITS.get(instrument.about.unit, "")
    if unit and (unit != "ratio" or isinstance(instrument, Gauge)):
        name = f"{name}_{unit}"
    return f"{name}_total" if isinstance(instrument, Counter) else name


def _lines_of(instrument: Instrument) -> Iterator[str]:
    name = prometheus_name(instrument)
    kind = type(instrument).__name__.lower()
    yield f"# HELP {name} {instrument.about.text.translate(_HELP_ESCAPES)}"
    yield f"# TYPE {name} {kind}"
    if isinstance(instrument, Histogram):
        yield from _histogram(name, instrument)
        return
    for point in instrument.points():
        yield f"{name}{_braced(_labels(point.attributes))} {point.value!r}"


def _histogram(name: str, histogram: Histogram) -> Iterator[str]:
    bounds = [*(repr(bound) for bound in histogram.bounds), "+Inf"]
    for point in histogram.points():
        labels = _labels(point.attributes)
        count = 0
        for bound, count in zip(bounds, accumulate(point.counts), strict=True):
            le = f'le="{bound}"'
            yield f"{name}_bucket{_braced(f'{labels},{le}' if labels else le)} {count}"
        yield f"{name}_sum{_braced(labels)} {point.total!r}"
        yield f"{name}_count{_braced(labels)} {count}"


def _target(resource: Mapping[str, str]) -> Iterator[str]:
    if resource:
        yield "# HELP target_info The process that these metrics are of"
        yield "# TYPE target_info gauge"
        yield f"target_info{_braced(_labels(resource))} 1"


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _labels(attributes: Mapping[str, str | int | bool]) -> str:
    return ",".join(
        f'{_ILLEGAL.sub("_", key)}="{_text(value).translate(_ESCAPES)}"'
        for key, value in attributes.items()
    )


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
