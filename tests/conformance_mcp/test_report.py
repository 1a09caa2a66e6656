"""What `make conformance-mcp` makes of the suite's results."""

import json

from tests.conformance_mcp.__main__ import problems, table, verdict
from tests.conformance_mcp.suite import read

GOOD = {"id": "good", "status": "SUCCESS", "description": "is good"}
BAD = {"id": "bad", "status": "FAILURE", "errorMessage": "it is\nbad"}


def results(tmp_path, **checks):
    for name, told in checks.items():
        folder = tmp_path / f"server-{name}-2026-11-22T10-00-00-000Z"
        folder.mkdir()
        (folder / "checks.json").write_text(json.dumps(told))
    return {"2026-07-28": read(tmp_path, ["fine", "broken", "missing"])}


def test_a_scenario_passes_when_all_its_checks_do(tmp_path):
    told = results(tmp_path, fine=[GOOD], broken=[GOOD, BAD], extra=[BAD])
    assert [" ".join(line.split()) for line in table(told)] == [
        "2026-07-28",
        "fine passed 1/1",
        "broken FAILED 1/2",
        "missing FAILED 0/0",
        "extra not scored, FAILED 0/1",
        "required 1/3",
        "not scored 0/1",
    ]
    assert problems(told) == [
        "FAILURE 2026-07-28 broken bad: it is bad",
        "FAILURE 2026-07-28 extra bad: it is bad",
    ]


def test_a_required_scenario_that_failed_or_did_not_run_is_wrong(tmp_path):
    told = results(tmp_path, fine=[GOOD], broken=[BAD])
    assert verdict(told, {"2026-07-28": frozenset(("missing",))}, {}) == [
        "2026-07-28 broken is required and failed",
        "1 wrong",
    ]
    wanted = {"2026-07-28": frozenset(("fine", "gone"))}
    assert verdict(told, {"2026-07-28": frozenset(("missing", "broken"))}, wanted) == [
        "2026-07-28 gone is wanted and did not run",
        "1 wrong",
    ]


def test_a_known_failure_that_passes_must_leave_the_list(tmp_path):
    told = results(tmp_path, fine=[GOOD], broken=[GOOD], missing=[GOOD])
    assert verdict(told, {"2026-07-28": frozenset(("fine",))}, {}) == [
        "2026-07-28 fine passes: take it out of not_yet.py",
        "1 wrong",
    ]
    last = verdict(told, {"2026-07-28": frozenset()}, {})
    assert last == ["all scenarios passed"]


def test_no_results_are_a_failure(tmp_path):
    assert verdict({"2026-07-28": read(tmp_path, [])}, {"2026-07-28": frozenset()}, {}) == [
        "2026-07-28: no required scenario ran",
        "1 wrong",
    ]
