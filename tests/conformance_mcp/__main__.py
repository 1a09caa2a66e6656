"""`make conformance-mcp`: a mesh with its bridge against the official MCP suite, as a table.

Ends with 0 when every scenario passed but those that are known not to, 1 when another one failed,
a wanted one did not run or a known one passed, 2 when there is no npm.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.conformance_mcp import suite
from tests.conformance_mcp.not_yet import NOT_YET, WANTED
from tests.conformance_mcp.suite import REVISIONS, Scenario
from tests.e2e.commands import command
from tests.installed import Missing

FIXTURES = "tests.conformance_mcp.fixtures:app"
_ANY_PORT = "127.0.0.1:0"
#: Have streams give their connections back soon, for the scenario that wants to see it.
_POLLING = ("--heartbeat", "1", "--poll-after", "1")
_SHOWN = 300


def main() -> int:
    try:
        suite.find()
    except Missing as missing:
        print(f"MCP conformance was not tested: {missing}", file=sys.stderr)
        return 2
    results: dict[str, list[Scenario]] = {}
    with tempfile.TemporaryDirectory() as folder:
        mesh = ("up", FIXTURES, "--grpc", _ANY_PORT, "--http", _ANY_PORT, *_POLLING)
        with command(Path(folder), *mesh) as up:
            for revision in sys.argv[1:] or REVISIONS:
                told = Path(folder) / revision
                told.mkdir()
                results[revision] = suite.run(f"{up.url}/mcp", revision, told)
    print("\n".join(table(results)))
    print("\n".join(problems(results)))
    wrong = verdict(results, NOT_YET, WANTED)
    print("\n".join(wrong))
    return 1 if wrong[:-1] else 0


def table(results: Mapping[str, list[Scenario]]) -> list[str]:
    """Write a line for each scenario: what it came to under each revision."""
    names = list(dict.fromkeys(each.name for scenarios in results.values() for each in scenarios))
    rows = [["", *results]]
    for name in names:
        row = [name]
        for scenarios in results.values():
            found = next((each for each in scenarios if each.name == name), None)
            row.append(_word(found))
        rows.append(row)
    for what, wanted in (("required", True), ("not scored", False)):
        row = [what]
        for scenarios in results.values():
            of_kind = [each for each in scenarios if each.required is wanted]
            row.append(f"{sum(each.passed for each in of_kind)}/{len(of_kind)}")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]


def _word(scenario: Scenario | None) -> str:
    if scenario is None:
        return ""
    passed = sum(check.status in ("SUCCESS", "INFO", "SKIPPED") for check in scenario.checks)
    word = "passed" if scenario.passed else "FAILED"
    mark = "" if scenario.required else "not scored, "
    return f"{mark}{word} {passed}/{len(scenario.checks)}"


def problems(results: Mapping[str, list[Scenario]]) -> list[str]:
    """Write what failed and what the suite warns of, line by line."""
    return [
        f"{check.status} {revision} {each.name} {check.id}: {' '.join(check.said.split())[:_SHOWN]}"
        for revision, scenarios in results.items()
        for each in scenarios
        for check in each.problems
    ]


def verdict(
    results: Mapping[str, list[Scenario]],
    not_yet: Mapping[str, frozenset[str]],
    wanted: Mapping[str, frozenset[str]],
) -> list[str]:
    """Write what is not as it should be, and one line that sums up."""
    lines = []
    for revision, scenarios in results.items():
        known = not_yet[revision]
        for each in scenarios:
            if each.name in known and each.passed:
                lines.append(f"{revision} {each.name} passes: take it out of not_yet.py")
            elif not each.passed and each.name not in known:
                word = "is required and failed" if each.required else "failed"
                lines.append(f"{revision} {each.name} {word}")
        ran = {each.name for each in scenarios}
        lines += [
            f"{revision} {name} is wanted and did not run"
            for name in sorted(wanted.get(revision, frozenset()) - ran)
        ]
        if not any(each.required for each in scenarios):
            lines.append(f"{revision}: no required scenario ran")
    known_count = sum(len(not_yet[revision]) for revision in results)
    fine = "all scenarios passed"
    if known_count:
        fine = f"all scenarios passed but {known_count} that are known not to"
    return [*lines, f"{len(lines)} wrong" if lines else fine]


if __name__ == "__main__":
    sys.exit(main())
