"""Writes the laboratory's tables into docs/health.md, from sockets.json."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.harness.process import ROOT

RESULTS = ROOT / "benchmarks" / "balance" / "sockets.json"
PAGE = ROOT / "docs" / "health.md"
_BEGIN, _END = "<!-- sockets:begin -->", "<!-- sockets:end -->"


def write() -> None:
    """Replace what stands between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    tables = report(json.loads(RESULTS.read_text(encoding="utf-8")))
    PAGE.write_text(f"{before}{_BEGIN}\n{tables}{_END}{after}", encoding="utf-8")


def report(results: dict[str, Any]) -> str:
    """Return all tables."""
    return "\n".join(
        [
            *_slow(results["slow_pair"]),
            *_broken(results["three_broken"]),
            *_restart(results["rolling_restart"]),
        ]
    )


def _slow(found: dict[str, Any]) -> list[str]:
    lines = [
        f"### {found['title']}",
        "",
        "16 replicas, 500 calls/s of 50 ms each; 800 ms on the slow ones.",
        "",
        "| policy | p50 ms | p99 ms | of round robin's | p99.9 ms | failed | to the slow ones |",
        "|---|---|---|---|---|---|---|",
    ]
    base = found["policies"]["round_robin"]["p99_ms"]
    for name, one in found["policies"].items():
        slow = sum(one["shares"][:2])
        lines.append(
            f"| {name} | {one['p50_ms']:.0f} | {one['p99_ms']:.0f} | {one['p99_ms'] / base:.2f} "
            f"| {one['p999_ms']:.0f} | {one['failed']} | {slow:.1%} |"
        )
    return [*lines, "", _picture("slow_pair", found), ""]


def _broken(found: dict[str, Any]) -> list[str]:
    lines = [f"### {found['title']}", "", "500 calls/s of an idempotent tool, 20 ms each.", ""]
    for name, one in found["policies"].items():
        lines += [
            f"**{name}**: {one['calls']} calls, {one['failed']} failed "
            f"({one['failed_ratio']:.3%}); p50 {one['p50_ms']:.0f} ms, "
            f"p99 {one['p99_ms']:.0f} ms, p99.9 {one['p999_ms']:.0f} ms.",
            "",
            "| replica | calls in the first 2 s | share of calls after 2 s | takes calls again |",
            "|---|---|---|---|",
            *(_fault(each) for each in one["faults"]),
            "",
        ]
    return [*lines, _picture("three_broken", found), ""]


def _picture(name: str, found: dict[str, Any]) -> str:
    return f"![{found['title']}](images/sockets-{name}.png)"


def _fault(one: dict[str, Any]) -> str:
    back = one["back_after"]
    said = "not within the run" if back is None else f"{back:.1f} s after it healed"
    return f"| {one['fault']} | {one['picks_until_noticed']} | {one['share_after']:.2%} | {said} |"


def _restart(one: dict[str, Any]) -> list[str]:
    return [
        "### A rolling restart of all replicas",
        "",
        f"{one['restarted']} replicas, each drained (SIGTERM) and replaced, one every 5 s, under "
        f"{one['calls']} calls and {one['streams']} streams of {one['stream_seconds']:.0f} s: "
        f"{one['failed']} calls and {one['streams_failed']} streams failed.",
        "",
    ]


if __name__ == "__main__":
    write()
