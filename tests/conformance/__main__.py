"""`make conformance`: every endpoint of ours against h2spec, as a table.

Ends with 0 when all passed, 1 when something failed, 2 when there is no h2spec.
"""

import sys
import tempfile
from pathlib import Path

from tests.conformance import h2spec
from tests.conformance.endpoints import ENDPOINTS
from tests.conformance.h2spec import Outcome


def main() -> int:
    try:
        program = h2spec.find()
    except h2spec.Missing as missing:
        print(f"conformance was not tested: {missing}", file=sys.stderr)
        return 2
    results: dict[str, list[Outcome]] = {}
    for endpoint in ENDPOINTS:
        with tempfile.TemporaryDirectory() as folder, endpoint.serve(Path(folder)) as address:
            host, _, port = address.rpartition(":")
            results[endpoint.name] = h2spec.run(program, host, int(port), tls=endpoint.tls)
    print("\n".join(table(results)))
    failed = failures(results)
    print("\n".join(failed))
    return 1 if failed[:-1] else 0


def table(results: dict[str, list[Outcome]]) -> list[str]:
    """Write passed/all for each endpoint and group of sections."""
    groups = list(dict.fromkeys(o.group for outcomes in results.values() for o in outcomes))
    rows = [["", *results]]
    for group in [*groups, "all"]:
        row = [group]
        for outcomes in results.values():
            of_group = [o for o in outcomes if group in (o.group, "all")]
            passed = sum(not o.problem for o in of_group)
            row.append(f"{passed}/{len(of_group)}")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]


def failures(results: dict[str, list[Outcome]]) -> list[str]:
    """Write what failed, line by line, and one line that sums up."""
    lines = [
        f"FAILED {name}: {o.spec} {o.section} {o.title}: {o.problem}"
        for name, outcomes in results.items()
        for o in outcomes
        if o.problem
    ]
    lines += [
        f"FAILED {name}: no test of {spec} ran"
        for name, outcomes in results.items()
        for spec in h2spec.SPECS
        if spec not in {o.spec for o in outcomes}
    ]
    count = sum(map(len, results.values()))
    return [*lines, f"{len(lines)} failed" if lines else f"all {count} passed"]


if __name__ == "__main__":
    sys.exit(main())
