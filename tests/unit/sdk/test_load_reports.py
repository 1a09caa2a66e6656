import logging
from base64 import b64encode
from fractions import Fraction

import pytest

from mcpmesh import ToolServer
from mcpmesh.codec.load_report import read_load_report
from mcpmesh.model.load_report import LoadReport
from mcpmesh.rpc.channel import Channel
from mcpmesh.sdk.load_reports import LoadReports
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc


def read(report: bytes) -> LoadReport | None:
    return read_load_report(b64encode(report))


def test_calls_are_counted_by_the_second() -> None:
    reports = LoadReports(lambda: 0.5)
    reports.after(100.0, failed=False)
    for number in range(1, 21):
        report = reports.after(100.0 + number / 20, failed=number % 10 == 0)
    assert read(report) == LoadReport(0.5, 20.0, 2.0)


def test_the_function_is_asked_ten_times_a_second_at_most() -> None:
    asked = []
    reports = LoadReports(lambda: asked.append(1) or 0.5)  # type: ignore[func-returns-value]
    for number in range(100):
        reports.after(100.0 + number / 1000, failed=False)
    assert len(asked) == 1
    reports.after(100.11, failed=False)
    assert len(asked) == 2


def test_no_load_is_not_reported_and_nothing_is_wrong_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert LoadReports(lambda: 0.0).after(0.0, failed=False) == b""
    assert not caplog.records


def test_any_number_will_do() -> None:
    for value in (1, Fraction(1, 2), True):
        report = read(LoadReports(lambda value=value: value).after(0.0, failed=False))  # type: ignore[misc]
        assert report is not None
        assert report.utilisation == float(value)


@pytest.mark.parametrize("value", [None, "0.5", -1.0, float("nan"), float("inf")])
def test_what_is_no_share_is_told_of_once_in_words(
    value: object, caplog: pytest.LogCaptureFixture
) -> None:
    reports = LoadReports(lambda: value)  # type: ignore[arg-type, return-value]
    assert [reports.after(float(n), failed=False) for n in range(3)] == [b""] * 3
    (record,) = caplog.records
    assert record.getMessage().startswith(f"the server's load function said {value!r}, which is no")
    assert record.exc_info is None


def test_a_function_that_fails_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    reports = LoadReports(lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "mcpmesh.tool"):
        assert [reports.after(float(n), failed=False) for n in range(3)] == [b""] * 3
    assert len(caplog.records) == 1


async def test_answers_carry_the_report_for_routers() -> None:
    app = ToolServer("loaded", load=lambda: 0.7)

    @app.tool(name="echo")
    async def echo() -> str:
        return "hi"

    replica = await app.start("127.0.0.1:0")
    try:
        # grpcio takes this trailer for itself.
        async with Channel(replica.endpoint) as channel:
            call = invoke_pb2_grpc.ToolServiceStub(channel).Invoke(
                invoke_pb2.InvokeRequest(tool="echo")
            )
            await call
            report = read(dict(await call.trailing_metadata())["endpoint-load-metrics-bin"])
            assert report is not None
            assert report.utilisation == 0.7
    finally:
        await app.stop(0)
