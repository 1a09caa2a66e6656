"""What `make conformance` makes of h2spec's report."""

from tests.conformance.__main__ import failures, table
from tests.conformance.h2spec import read

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="6.1. DATA" package="http2/6.1" id="6.1">
    <testcase package="http2/6.1" classname="good" time="0.1"></testcase>
    <testcase package="http2/6.1" classname="bad" time="0.1">
      <failure>Expect: \x1b[32mGOAWAY\x1b[0m\nActual: <nothing> & more</failure>
    </testcase>
    <testcase package="http2/6.1" classname="left out" time="0.1">
      <skipped>no data</skipped>
    </testcase>
  </testsuite>
</testsuites>"""


def test_what_failed_or_was_skipped_is_named_and_counted():
    results = {"router": read(REPORT)}
    assert table(results) == ["         router", "http2 6     1/3", "all         1/3"]
    assert failures(results) == [
        "FAILED router: http2 6.1 bad: failure: Expect: GOAWAY Actual: <nothing> & more",
        "FAILED router: http2 6.1 left out: skipped: no data",
        "FAILED router: no test of generic ran",
        "FAILED router: no test of hpack ran",
        "4 failed",
    ]


def test_a_report_without_tests_is_a_failure():
    assert failures({"router": []})[-1] == "3 failed"
