"""Pages of several processes are one page, whose counters never fall."""

from mcpmesh.telemetry.page_sum import PageSum

ONE = b"""\
# HELP target_info The process that these metrics are of
# TYPE target_info gauge
target_info{service_instance_id="1"} 1
# HELP calls_total Calls
# TYPE calls_total counter
calls_total{tool="a b"} 3
calls_total{tool="c"} 1
# HELP in_flight Calls now
# TYPE in_flight gauge
in_flight 2
# HELP time_seconds Time
# TYPE time_seconds histogram
time_seconds_bucket{le="0.1"} 1
time_seconds_bucket{le="+Inf"} 2
time_seconds_sum 0.5
time_seconds_count 2
"""
OTHER = ONE.replace(b'tool="c"', b'tool="d"').replace(b"0.5", b"1e-05")


def lines(page: bytes) -> list[str]:
    return [line for line in page.decode().splitlines() if not line.startswith("#")]


def test_samples_are_summed_by_their_labels_each_metric_in_one_place() -> None:
    total: PageSum[str] = PageSum()
    total.take(["one", "other"], {"one": ONE, "other": OTHER})
    assert lines(total.page()) == [
        'calls_total{tool="a b"} 6',
        'calls_total{tool="c"} 1',
        'calls_total{tool="d"} 1',
        "in_flight 4",
        'time_seconds_bucket{le="0.1"} 2',
        'time_seconds_bucket{le="+Inf"} 4',
        "time_seconds_sum 0.50001",
        "time_seconds_count 4",
    ]
    assert total.page().count(b"# TYPE time_seconds histogram\n") == 1


def test_a_process_that_is_gone_leaves_what_it_counted_and_not_what_it_held() -> None:
    total: PageSum[str] = PageSum()
    total.take(["one", "other"], {"one": ONE, "other": OTHER})
    total.take(["other", "new"], {"other": OTHER})
    assert 'calls_total{tool="c"} 1' in lines(total.page())
    assert 'calls_total{tool="a b"} 6' in lines(total.page())
    assert "in_flight 2" in lines(total.page())
    total.take(["new"], {"new": ONE})
    assert 'calls_total{tool="a b"} 9' in lines(total.page())
    assert "in_flight 2" in lines(total.page())
    assert lines(total.page()) == lines(total.page())


def test_a_process_that_does_not_answer_counts_as_it_was() -> None:
    total: PageSum[str] = PageSum()
    total.take(["one"], {"one": ONE})
    total.take(["one"], {})
    assert "in_flight 2" in lines(total.page())


def test_without_processes_the_page_is_empty() -> None:
    assert PageSum().page() == b""
