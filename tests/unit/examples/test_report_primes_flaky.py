import pytest

from examples import flaky, primes, report
from mcpmesh import CallResult, LogEvent, ProgressEvent, ToolError
from mcpmesh.errors import DeadlineExceeded, MeshError
from tests.eventually import eventually
from tests.unit.examples.serving import calling


async def test_report_tells_its_progress_and_then_the_report():
    async with calling(report.app) as client:
        events = [event async for event in client.stream("temperature_report", {"pause": 0})]
    progress = [event for event in events if isinstance(event, ProgressEvent)]
    assert [step.progress for step in progress] == list(range(1, 13))
    assert progress[0] == ProgressEvent(1, 12, "January is done")
    assert any(isinstance(event, LogEvent) and event.level == "notice" for event in events)
    assert isinstance(events[-1], CallResult)
    assert events[-1].text.startswith("# Seattle, 2010\n\n| month |")
    assert "| July |" in events[-1].text


async def test_report_ends_when_its_caller_leaves():
    async with calling(report.app) as client:
        async with client.stream("temperature_report", {"pause": 10}) as events:
            async for event in events:
                if isinstance(event, ProgressEvent):
                    break

        async def idle():
            return (await client.list_replicas())[0].in_flight == 0

        await eventually(idle)


@pytest.mark.parametrize(
    ("below", "count", "last"),
    [(3, 1, [2]), (4, 2, [2, 3]), (100, 25, [89, 97]), (3_000_000, 216_816, [2999957, 2999999])],
)
async def test_primes_are_counted(below, count, last):
    async with calling(primes.app) as client:
        result = await client.call("primes", {"below": below, "last": 2}, result_type=primes.Primes)
    assert result.data == primes.Primes(count=count, last=last)


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("raise", "TOOL_ERROR", "division"),
        ("refuse", "TOOL_ERROR", "the warehouse is closed on Sundays"),
        ("busy", "TOOL_ERROR", "all lines are busy"),
        ("lie", "INTERNAL", "declared output"),
    ],
)
async def test_flaky_fails_as_asked(how, code, message):
    async with calling(flaky.app) as client:
        with pytest.raises(ToolError, match=message) as caught:
            (await client.call("flaky", {"how": how})).raise_for_error()
    assert caught.value.code == code
    assert caught.value.retryable == (how == "busy")
    assert caught.value.retry_after_ms == (200 if how == "busy" else 0)
    assert "Traceback" not in caught.value.message


async def test_flaky_that_hangs_ends_with_the_deadline():
    async with calling(flaky.app) as client:
        with pytest.raises((DeadlineExceeded, ToolError)) as caught:
            (await client.call("flaky", {"how": "hang"}, timeout=0.2)).raise_for_error()
    assert isinstance(caught.value, MeshError)


async def test_flaky_that_never_fails_answers():
    async with calling(flaky.app) as client:
        assert (await client.call("flaky", {"how": "raise", "ratio": 0})).data == 42


async def test_booking_a_large_table_asks_back():
    async def confirm(question):
        assert question.params["message"] == "Book a table for 12?"
        return {"action": "accept", "content": {"answer": True}}

    async def decline(question):
        return {"action": "decline"}

    async with calling(flaky.app) as client:
        small = await client.call("book_table")
        booked = await client.call("book_table", {"guests": 12}, on_input=confirm)
        declined = await client.call("book_table", {"guests": 12}, on_input=decline)
    assert small.text == "A table for 2 is booked."
    assert booked.text == "A table for 12 is booked."
    assert declined.is_error
