"""Draws the results and writes their tables: python -m benchmarks.report [RESULTS].

README.md gets the short form, docs/benchmarks.md all of it, each between the markers
`<!-- benchmarks:begin -->` and `<!-- benchmarks:end -->`.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.harness.process import ROOT, Failed
from benchmarks.pictures import draw

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
#: Metric → (what a table calls it, how it is written, what it is multiplied by for that).
COLUMNS = {
    "cpu_us_per_call": ("CPU µs per call", "{:,.0f}", 1.0),
    "cpu_us_per_call_all": ("CPU µs per call, all processes", "{:,.0f}", 1.0),
    "cpu_us_per_message": ("CPU µs per message", "{:,.1f}", 1.0),
    "calls_per_cpu_second": ("calls per CPU second", "{:,.0f}", 1.0),
    "calls_per_second": ("calls per second", "{:,.0f}", 1.0),
    "messages_per_second": ("messages per second", "{:,.0f}", 1.0),
    "p50_us": ("p50 ms", "{:,.2f}", 1e-3),
    "p99_us": ("p99 ms", "{:,.2f}", 1e-3),
    "idle_mib": ("idle MiB", "{:,.1f}", 1.0),
    "peak_growth_mib": ("largest growth, MiB", "{:,.1f}", 1.0),
    "read_mb": ("MB read", "{:,.0f}", 1.0),
    "kib_per_connection": ("KiB per connection", "{:,.1f}", 1.0),
    "kib_per_stream": ("KiB per stream", "{:,.1f}", 1.0),
    "kib_per_request": ("KiB per request", "{:,.1f}", 1.0),
    "growth_after_mib": ("growth afterwards, MiB", "{:,.1f}", 1.0),
    "answer_kb": ("kB of an answer", "{:,.0f}", 1.0),
    "late_p99_ms": ("late p99, ms", "{:,.1f}", 1.0),
    "lost": ("events lost", "{:,.0f}", 1.0),
    "seconds": ("seconds", "{:,.1f}", 1.0),
    "stream_mb_per_second": ("stream, MB/s", "{:,.0f}", 1.0),
    "calls": ("calls", "{:,.0f}", 1.0),
    "failed": ("failed", "{:,.0f}", 1.0),
    "cores": ("cores used", "{:,.2f}", 1.0),
    "rest_before_mib": ("MiB at rest before", "{:,.1f}", 1.0),
    "rest_after_mib": ("MiB at rest after", "{:,.1f}", 1.0),
    "descriptors_left": ("descriptors left", "{:,.0f}", 1.0),
    "tasks_left": ("tasks left", "{:,.0f}", 1.0),
    "objects_left": ("objects left", "{:,.0f}", 1.0),
    "blocks_before": ("memory blocks before", "{:,.0f}", 1.0),
    "blocks_left": ("memory blocks left", "{:,.0f}", 1.0),
}
#: With these a ratio to ours is shown.
COMPARED = ("cpu_us_per_call", "cpu_us_per_call_all", "cpu_us_per_message", "calls_per_cpu_second")
#: Benchmarks of ours alone, in several places: how far these differ is the point.
WITHIN = {"fairness": ("p50_us", "p99_us")}
TITLES = {
    "hop": "A unary call through a hop",
    "server": "A gRPC server",
    "client": "A gRPC client",
    "direct": "A client that calls replicas itself",
    "stream": "A streamed message through a hop",
    "bridge": "tools/call over HTTP",
    "listing": "tools/list of 1,000 tools over HTTP",
    "ticking": "Streams of progress over HTTP",
    "memory": "Memory of the router behind a slow reader",
    "footprint": "Memory of the router under many of everything",
    "fairness": "Small calls beside a huge stream",
    "soak": "The router after a soak at half load",
}
#: What the README shows: benchmark, case, metric.
SHORT = (
    ("hop", "4 connections × 32 streams", "cpu_us_per_call"),
    ("hop", "one call in flight", "cpu_us_per_call"),
    ("hop", "1 MiB each way, 4 at a time", "cpu_us_per_call"),
    ("server", "4 connections × 32 streams", "calls_per_cpu_second"),
    ("client", "64 in flight", "calls_per_cpu_second"),
    ("direct", "16 in flight", "cpu_us_per_call"),
    ("stream", "2 streams at full speed", "cpu_us_per_message"),
    ("stream", "32 streams, each a message per 5 ms", "cpu_us_per_message"),
    ("bridge", "2026-07-28, 16 connections", "cpu_us_per_call"),
    ("bridge", "2026-07-28, 64 connections", "cpu_us_per_call"),
    ("bridge", "2026-07-28, 64 connections", "cpu_us_per_call_all"),
    ("bridge", "2025-11-25, 16 connections", "cpu_us_per_call"),
    ("bridge", "2025-11-25, 64 connections", "cpu_us_per_call"),
    ("listing", "2026-07-28, 16 connections", "cpu_us_per_call"),
    ("ticking", "2,000 streams", "cpu_us_per_message"),
    ("ticking", "2,000 streams", "late_p99_ms"),
    ("memory", "slow to give credit", "peak_growth_mib"),
    ("memory", "slow to read", "peak_growth_mib"),
    ("footprint", "10,000 idle connections after a call", "kib_per_connection"),
    ("footprint", "10,000 open streams, both ways", "kib_per_stream"),
)


def main() -> None:
    """Write pictures and tables of a results file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "benchmarks" / "results.json"
    if not path.exists():
        raise SystemExit(f"nothing to report: {path} is written by a run that is not --quick")
    results = json.loads(path.read_text())
    if results["quick"]:
        raise SystemExit(f"{path} comes from --quick: to see that it works, not to be published")
    pictures = draw(results["benchmarks"], ROOT / "docs" / "images")
    update(ROOT / "README.md", short(results, pictures))
    update(ROOT / "docs" / "benchmarks.md", full(results, pictures))


def update(path: Path, section: str) -> None:
    """Put a section between the markers of a file; a file without them stays as it is."""
    text = path.read_text() if path.exists() else ""
    if BEGIN not in text:
        print(f"{path.relative_to(ROOT)} has no {BEGIN}: left as it is")
        return
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise Failed(f"{path}: {BEGIN} without {END}")
    path.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}")
    print(f"{path.relative_to(ROOT)} written")


def short(results: Any, pictures: dict[str, Path]) -> str:
    """Write the README's section: for each comparison the figure that it is about."""
    rows = []
    for benchmark, case, metric in SHORT:
        found = results["benchmarks"].get(benchmark, {}).get("cases", {}).get(case)
        if not found:
            continue
        for name, measured in found.items():
            if (value := measured["median"][metric]) or metric not in COMPARED:
                ratio = f"{measured['ratio'].get(metric, 0.0):.2f}" if metric in COMPARED else ""
                what = f"{TITLES[benchmark]}, {case}"
                rows.append((what, name, COLUMNS[metric][0], cell(metric, value), ratio))
    lines = [measured_on(results), ""]
    if "hop" in pictures:
        lines += [f"![CPU per call through a hop](docs/images/{pictures['hop'].name})", ""]
    lines += table(("what", "who", "measured", "median", "ours = 1"), once(rows))
    return "\n".join(lines)


def full(results: Any, pictures: dict[str, Path]) -> str:
    """Write every case of every benchmark."""
    lines = [measured_on(results)]
    for name, title in TITLES.items():
        if (benchmark := results["benchmarks"].get(name)) is None:
            continue
        lines += ["", f"### {title}"]
        if name in pictures:
            lines += ["", f"![{title}](images/{pictures[name].name})"]
        for case, contestants in benchmark["cases"].items():
            shown = (*COMPARED, *WITHIN.get(name, ()))
            lines += ["", f"**{case}**", "", *case_table(contestants, shown)]
        for peer, how in benchmark["skipped"].items():
            lines += ["", f"Not measured, because it was not installed: {peer} ({how})."]
    return "\n".join(lines)


def case_table(contestants: Any, compared: Iterable[str] = COMPARED) -> list[str]:
    """Write the medians of a case; in brackets how many times our value it is."""
    metrics = list(next(iter(contestants.values()))["median"])
    rows = []
    for name, measured in contestants.items():
        cells = [name]
        for metric in metrics:
            text = cell(metric, measured["median"][metric])
            ratio = measured["ratio"].get(metric)
            shown = metric in compared and ratio and len(contestants) > 1
            cells.append(f"{text} ({ratio:.2f})" if shown else text)
        rows.append(cells)
    return table(("", *(COLUMNS[each][0] for each in metrics)), rows)


def cell(metric: str, value: float) -> str:
    """Write one value; nothing for a cost where there is nobody to have it."""
    _, form, factor = COLUMNS[metric]
    if not value and metric in COMPARED:
        return ""
    return form.format(value * factor)


def once(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out what the row above says already in its first column."""
    told, last = [], ""
    for row in rows:
        told.append(("" if row[0] == last else row[0], *row[1:]))
        last = row[0]
    return told


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Write a Markdown table, numbers to the right."""
    columns = list(head)
    words = {"", "what", "who", "measured"}
    rule = ["---" if each in words else "---:" for each in columns]
    return [f"| {' | '.join(row)} |" for row in (columns, rule, *rows)]


def measured_on(results: Any) -> str:
    """Say when, on what and with what."""
    machine, versions = results["machine"], results["versions"]
    days = sorted({each["when"][:10] for each in results["benchmarks"].values()})
    rounds = max(each["rounds"] for each in results["benchmarks"].values())
    # Benchmarks that were run alone, later, have the commit that they measured.
    ours = {each.get("mcpmesh", versions["mcpmesh"]) for each in results["benchmarks"].values()}
    named = {**versions, "mcpmesh": " and ".join(sorted(ours))}
    listed = ", ".join(f"{name} {version}" for name, version in named.items())
    return (
        f"Measured {' and '.join(days)} on {machine['cores']} cores of {machine['model']}, "
        f"Linux {machine['kernel']}, Python {machine['python']}; medians of "
        f"{rounds} interleaved rounds. {listed}."
    )


if __name__ == "__main__":
    main()
