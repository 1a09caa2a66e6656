"""A tool that asks its caller, over loopback, each round a new call."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

import grpc
import orjson
import pytest
from pydantic import BaseModel

from mcpmesh import ToolContext, ToolServer
from mcpmesh.errors import InvalidCall
from mcpmesh.sdk.failure import Declined
from mcpmesh.sdk.request_state import Asked, StateSeal, call_digest
from mcpmesh.v1 import invoke_pb2
from tests.unit.sdk.stub import stub_of


class Booking(BaseModel):
    seats: int
    window: bool = False


def booking_desk() -> ToolServer:
    app = ToolServer("desk")

    @app.tool
    async def book(city: str, ctx: ToolContext) -> str:
        booking = await ctx.ask(f"How many seats to {city}?", Booking, key="seats")
        mood = await ctx.ask("Sure?", Literal["yes", "no"])
        return f"{booking.seats} to {city}: {mood}"

    @app.tool
    def book_in_a_thread(ctx: ToolContext) -> str:
        try:
            return f"hello {ctx.sync.ask('Name?')}"
        except Exception:
            return "the question was swallowed"

    @app.tool
    async def both(ctx: ToolContext) -> str:
        one, two = await asyncio.gather(ctx.ask("One?", key="1"), ctx.ask("Two?", key="2"))
        return one + two

    @app.tool
    async def both_in_a_group(ctx: ToolContext) -> str:
        async with asyncio.TaskGroup() as group:
            one = group.create_task(ctx.ask("One?", key="1"))
            two = group.create_task(ctx.ask("Two?", key="2"))
        return one.result() + two.result()

    @app.tool
    async def forgiving(ctx: ToolContext) -> str:
        try:
            return await ctx.ask("Name?")
        except Declined as refusal:
            return f"fine: {refusal.action}"

    return app


@pytest.fixture
async def stub() -> AsyncIterator[Any]:
    async with stub_of(booking_desk()) as stub:
        yield stub


def accept(**content: Any) -> bytes:
    return orjson.dumps({"action": "accept", "content": content})


async def round_of(
    stub: Any,
    tool: str,
    answers: Mapping[str, bytes] | None = None,
    state: bytes = b"",
    arguments: bytes = b"{}",
    caller: str = "ada",
) -> Any:
    request = invoke_pb2.InvokeRequest(
        tool=tool, arguments=arguments, input_responses=answers or {}, request_state=state
    )
    return await stub.Invoke(request, metadata=(("mcpmesh-caller", caller),))


async def test_two_questions_take_three_rounds_and_earlier_answers_are_carried(stub: Any) -> None:
    bern = b'{"city": "Bern"}'
    first = (await round_of(stub, "book", arguments=bern)).input_required
    (question,) = first.input_requests.values()
    assert question.method == "elicitation/create"
    params = orjson.loads(question.params)
    assert params["message"] == "How many seats to Bern?"
    assert params["requestedSchema"]["required"] == ["seats"]

    answers = {"seats": accept(seats=2)}
    second = (await round_of(stub, "book", answers, first.request_state, bern)).input_required
    assert list(second.input_requests) == ["ask-2"]

    answers = {"ask-2": accept(answer="yes")}
    # The same arguments, spaced otherwise.
    third = await round_of(stub, "book", answers, second.request_state, b'{"city":"Bern"}')
    assert third.result.content[0].text.text == "2 to Bern: yes"


async def test_a_plain_function_asks_from_its_thread_and_cannot_swallow_it(stub: Any) -> None:
    first = (await round_of(stub, "book_in_a_thread")).input_required
    answers = {"ask-1": accept(answer="Ada")}
    second = await round_of(stub, "book_in_a_thread", answers, first.request_state)
    assert second.result.content[0].text.text == "hello Ada"


@pytest.mark.parametrize("tool", ["both", "both_in_a_group"])
async def test_questions_asked_together_are_sent_together(stub: Any, tool: str) -> None:
    first = (await round_of(stub, tool)).input_required
    assert sorted(first.input_requests) == ["1", "2"]
    answers = {"1": accept(answer="a"), "2": accept(answer="b")}
    second = await round_of(stub, tool, answers, first.request_state)
    assert second.result.content[0].text.text == "ab"


async def test_a_missing_answer_is_asked_for_again(stub: Any) -> None:
    first = (await round_of(stub, "forgiving")).input_required
    again = await round_of(stub, "forgiving", {"other": accept()}, first.request_state)
    assert list(again.input_required.input_requests) == ["ask-1"]


async def test_a_tool_may_live_with_a_refusal(stub: Any) -> None:
    first = (await round_of(stub, "forgiving")).input_required
    answers = {"ask-1": b'{"action": "decline"}'}
    second = await round_of(stub, "forgiving", answers, first.request_state)
    assert second.result.content[0].text.text == "fine: decline"


async def test_an_unfit_answer_is_an_error_result_that_names_it(stub: Any) -> None:
    bern = b'{"city": "Bern"}'
    first = (await round_of(stub, "book", arguments=bern)).input_required
    answers = {"seats": accept(seats="many")}
    second = await round_of(stub, "book", answers, first.request_state, bern)
    assert second.result.error.code == "INVALID_ARGUMENT"
    assert "seats" in second.result.content[0].text.text


@pytest.mark.parametrize("change", ["state", "caller", "tool"])
async def test_a_state_is_good_for_its_own_call_only(stub: Any, change: str) -> None:
    first = (await round_of(stub, "both")).input_required
    state = first.request_state
    if change == "state":
        state = (b"A" if state[:1] != b"A" else b"B") + state[1:]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await round_of(
            stub,
            "forgiving" if change == "tool" else "both",
            {"1": accept(answer="a")},
            state,
            caller="eve" if change == "caller" else "ada",
        )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_ends_with_the_question(stub: Any) -> None:
    request = invoke_pb2.InvokeRequest(tool="forgiving")
    events = [event async for event in stub.InvokeStream(request)]
    assert [event.WhichOneof("event") for event in events] == ["input_required"]


CALL = call_digest("t", "1", "", b"{}")


def test_a_state_gives_back_what_was_sealed_and_is_text() -> None:
    seal = StateSeal(b"key")
    asked = {"a": Asked("d1", '{"x":1}'), "b": Asked("d2")}
    token = seal.seal(asked, CALL, now=0.0)
    assert token.isascii()
    assert seal.open(token, CALL, now=3599.0) == asked


def test_a_state_dies_of_age() -> None:
    seal = StateSeal(b"key", ttl=60.0)
    token = seal.seal({}, CALL, now=0.0)
    with pytest.raises(InvalidCall, match="older"):
        seal.open(token, CALL, now=61.0)


def test_a_state_of_another_key_is_refused() -> None:
    token = StateSeal(b"key").seal({}, CALL, now=0.0)
    with pytest.raises(InvalidCall):
        StateSeal(b"other").open(token, CALL, now=0.0)
