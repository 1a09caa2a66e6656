"""Metadata, statuses, deadlines, cancellation, and what a servicer's context can do."""

import asyncio
import logging

import grpc
import pytest

from tests.integration.rpc.pairing import Pairing, Seen, echo, failure

BINARY = bytes(range(256))
PAIRS = (("text", "a value"), ("twice", "1"), ("twice", "2"), ("data-bin", BINARY), ("empty", ""))


def subset(pairs, metadata):
    return [pair for pair in metadata if pair[0] in dict(pairs)] == list(pairs)


async def test_metadata_goes_both_ways(pairing):
    async def answer(request, context):
        assert subset(PAIRS, context.invocation_metadata())
        await context.send_initial_metadata(PAIRS)
        context.set_trailing_metadata((*PAIRS, ("late-bin", b"")))
        return request

    async with pairing.pair(unary_unary=answer) as call:
        request = call.unary_unary(b"x", metadata=PAIRS)
        assert subset(PAIRS, await request.initial_metadata())
        assert await request == b"x"
        assert subset((*PAIRS, ("late-bin", b"")), await request.trailing_metadata())


async def test_metadata_of_a_failure(pairing):
    async def fail(_request, context):
        await context.send_initial_metadata((("early", "1"),))
        await context.abort(grpc.StatusCode.DATA_LOSS, "lost", PAIRS)

    async with pairing.pair(unary_unary=fail) as call:
        error = await failure(call.unary_unary(b""))
        assert subset((("early", "1"),), error.initial_metadata())
        assert subset(PAIRS, error.trailing_metadata())


async def test_rich_status_details_arrive(pairing):
    async def fail(_request, context):
        context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x05"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "x")

    async with pairing.pair(unary_unary=fail) as call:
        error = await failure(call.unary_unary(b""))
        assert ("grpc-status-details-bin", b"\x08\x05") in tuple(error.trailing_metadata())


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0] > 1])
async def test_every_status_arrives(pairing, code):
    async def fail(_request, context):
        await context.abort(code, f"because {code.name}")

    async with pairing.pair(unary_unary=fail) as call:
        error = await failure(call.unary_unary(b""))
        assert (error.code(), error.details()) == (code, f"because {code.name}")


@pytest.mark.parametrize(
    "message", ["", "süß ☃ 🎉", "100% %41 %", "line\nline\r\t\0", " x ", "x" * 3000]
)
async def test_every_message_arrives(pairing, message):
    async def fail(_request, context):
        context.set_code(grpc.StatusCode.ABORTED)
        context.set_details(message)
        return b"not sent"

    async with pairing.pair(unary_unary=fail) as call:
        error = await failure(call.unary_unary(b""))
        assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, message)


async def test_a_message_longer_than_metadata_may_be_still_tells_the_status(pairing):
    if pairing.server == "grpc":
        pytest.skip("grpc.aio sends it all, and its peers refuse the call")

    async def fail(_request, context):
        await context.abort(grpc.StatusCode.ABORTED, "é" * 50_000)

    async with pairing.pair(unary_unary=fail) as call:
        error = await failure(call.unary_unary(b""))
        assert error.code() is grpc.StatusCode.ABORTED
        assert set(error.details()) == {"é", "…"}


async def test_messages_before_a_failure_are_read(pairing):
    async def two_then_fail(_request, context):
        yield b"1"
        yield b"2"
        await context.abort(grpc.StatusCode.ABORTED, "enough")

    async with pairing.pair(unary_stream=two_then_fail) as call:
        stream = call.unary_stream(b"")
        assert [await stream.read(), await stream.read()] == [b"1", b"2"]
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stream.read()
        assert (error.value.code(), error.value.details()) == (grpc.StatusCode.ABORTED, "enough")
        assert await stream.code() is grpc.StatusCode.ABORTED


async def test_exceptions_of_methods_are_unknown(pairing, caplog):
    caplog.set_level(logging.CRITICAL)

    async def fail(_request, _context):
        raise KeyError("x")

    async def fail_stream(_request, _context):
        yield b"1"
        raise KeyError("x")

    async def nothing(_request, _context):
        return None

    def serialize(message):
        return message.encode()

    methods = {"nothing": ("unary_unary", nothing, None, serialize)}
    async with pairing.pair(unary_unary=fail, unary_stream=fail_stream, **methods) as call:
        for request in (call.unary_unary(b""), call.unary_stream(b"")):
            error = await failure(request)
            assert error.code() is grpc.StatusCode.UNKNOWN
            assert error.details() == "Unexpected <class 'KeyError'>: 'x'"
        error = await failure(call.unary_unary__nothing(b""))
        assert error.code() is grpc.StatusCode.UNKNOWN
        assert error.details().startswith("Unexpected <class 'AttributeError'>")


async def test_an_exception_after_a_code_was_chosen_has_that_code(pairing, caplog):
    caplog.set_level(logging.CRITICAL)

    def unwritten(_request, context):
        # What the base class of a generated servicer does.
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    async def fine_and_not(_request, context):
        context.set_code(grpc.StatusCode.OK)
        raise KeyError("x")

    methods = {"sync": ("unary_unary", unwritten)}
    async with pairing.pair(unary_unary=fine_and_not, **methods) as call:
        error = await failure(call.unary_unary__sync(b""))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert error.details().endswith("NotImplementedError'>: Method not implemented!")
        error = await failure(call.unary_unary(b""))
        assert error.code() is grpc.StatusCode.UNKNOWN


async def test_deadlines_are_known_to_the_server_and_kept_by_the_client(pairing):
    seen = Seen()

    async def slow(_request, context):
        seen.note(context.time_remaining())
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            seen.note("cancelled")
            raise

    async with pairing.pair(unary_unary=slow) as call:
        loop = asyncio.get_running_loop()
        began = loop.time()
        error = await failure(call.unary_unary(b"", timeout=0.3))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert error.details() == "Deadline Exceeded"
        assert 0.25 < loop.time() - began < 1.0
        assert 0.1 < await seen.next() < 0.35
        assert await seen.next() == "cancelled"


async def test_a_call_without_a_deadline_has_none(pairing):
    async def ask(_request, context):
        return str(context.time_remaining()).encode()

    async with pairing.pair(unary_unary=ask) as call:
        request = call.unary_unary(b"")
        assert await request == b"None"
        assert request.time_remaining() is None


@pytest.mark.parametrize("server", ["our", "grpc"])
async def test_a_deadline_that_has_passed_ends_the_call(server):
    async with Pairing("our", server).pair(unary_unary=echo) as call:
        await call.unary_unary(b"")
        error = await failure(call.unary_unary(b"", timeout=0))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("shape", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
async def test_a_cancelled_call_cancels_the_method(pairing, shape):
    seen = Seen()

    async def hang(request, context):
        context.add_done_callback(lambda _context: seen.note("done"))
        await seen.hang(request, context)

    async def hang_stream(request, context):
        await hang(request, context)
        yield b""

    async with pairing.pair(**{shape: hang_stream if shape.endswith("stream") else hang}) as call:
        request = getattr(call, shape)(*([b""] if shape.startswith("unary") else []))
        assert await seen.next() == "began"
        assert request.cancel() is True
        assert request.cancelled()
        assert request.cancel() is False
        with pytest.raises(asyncio.CancelledError):
            await (request.read() if shape.endswith("stream") else request)
        assert await request.code() is grpc.StatusCode.CANCELLED
        assert {await seen.next(), await seen.next()} == {"cancelled", "done"}


async def test_cancelling_the_task_that_awaits_cancels_the_call(pairing):
    seen = Seen()

    async with pairing.pair(unary_unary=seen.hang) as call:

        async def ask():
            await call.unary_unary(b"")

        task = asyncio.create_task(ask())
        await seen.next()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await seen.next() == "cancelled"


async def test_a_server_that_cancels_does_not_cancel_the_callers_task(pairing):
    async def cancelled(_request, context):
        await context.abort(grpc.StatusCode.CANCELLED, "no")

    async with pairing.pair(unary_unary=cancelled) as call:
        error = await failure(call.unary_unary(b""))
        assert (error.code(), error.details()) == (grpc.StatusCode.CANCELLED, "no")


async def test_a_method_may_stream_until_its_caller_is_gone(pairing):
    seen = Seen()

    async def endless(_request, _context):
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
        finally:
            seen.note("closed")

    async with pairing.pair(unary_stream=endless) as call:
        stream = call.unary_stream(b"")
        assert await stream.read() == b"x"
        stream.cancel()
        assert await seen.next() == "closed"


async def test_the_context_knows_its_call(pairing):
    seen = Seen()

    async def look(_request, context):
        context.add_done_callback(seen.note)
        context.set_code(grpc.StatusCode.OK)
        context.set_details("fine")
        seen.note((context.peer().split(":")[0], context.cancelled(), context.done(),
                   context.code(), context.details(), context.trailing_metadata()))  # fmt: skip
        return b"x"

    async with pairing.pair(unary_unary=look) as call:
        request = call.unary_unary(b"")
        assert await request == b"x"
        peer, cancelled, done, code, details, trailing = await seen.next()
        assert (peer, cancelled, done, details) == ("ipv4", False, False, "fine")
        assert code in (grpc.StatusCode.OK, 0)
        assert not trailing
        context = await seen.next()
        assert context.done()
        assert not context.cancelled()


async def test_initial_metadata_is_sent_once(pairing):
    async def twice(request, context):
        await context.send_initial_metadata(())
        try:
            await context.send_initial_metadata(())
        except grpc.aio.UsageError:
            return b"refused"
        return request

    async with pairing.pair(unary_unary=twice) as call:
        assert await call.unary_unary(b"x") == b"refused"


async def test_an_abort_that_is_swallowed_still_counts(pairing):
    async def stubborn(_request, context):
        try:
            await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        except grpc.aio.AbortError:
            return b"never sent"

    async with pairing.pair(unary_unary=stubborn) as call:
        error = await failure(call.unary_unary(b""))
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "gone")


async def test_done_callbacks_of_the_client_are_called_once_and_may_raise(caplog):
    caplog.set_level(logging.CRITICAL + 1)
    called = []

    def bad(_call):
        called.append("bad")
        raise ValueError("x")

    async with Pairing("our", "grpc").pair(unary_unary=echo) as call:
        request = call.unary_unary(b"x")
        request.add_done_callback(bad)
        request.add_done_callback(lambda ended: called.append(ended.done()))
        assert await request == b"x"
        assert await call.unary_unary(b"y") == b"y"
        assert called == ["bad", True]


async def test_done_callbacks_of_a_method_may_raise(caplog):
    caplog.set_level(logging.CRITICAL + 1)
    seen = Seen()

    def bad(_context):
        seen.note("bad")
        raise ValueError("x")

    async def method(request, context):
        context.add_done_callback(bad)
        if request == b"hang":
            seen.note("began")
            await asyncio.Event().wait()
        return request

    async with Pairing("grpc", "our").pair(unary_unary=method) as call:
        hanging = call.unary_unary(b"hang")
        await seen.next()
        hanging.cancel()
        assert await seen.next() == "bad"
        assert await call.unary_unary(b"x") == b"x"


async def test_a_request_iterator_that_fails_ends_the_call(pairing):
    async def count(requests, _context):
        return b"%d" % len([request async for request in requests])

    async def failing():
        yield b"1"
        raise ValueError("no more")

    async with pairing.pair(stream_unary=count, unary_unary=echo) as call:
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call.stream_unary(failing())
        assert await call.unary_unary(b"x") == b"x"


async def test_broken_requests_and_answers_name_the_trouble(caplog):
    caplog.set_level(logging.CRITICAL + 1)

    def refuse(_message):
        raise ValueError("not a message")

    async with Pairing("our", "our").pair(unary_unary=echo) as call:
        method = call.channel.unary_unary("/test.Service/unary_unary", refuse)
        with pytest.raises(ValueError, match="not a message"):
            await method(b"x")
        assert await call.unary_unary(b"x") == b"x"
        with pytest.raises(ValueError, match="not a message"):
            await method(b"x")
        method = call.channel.unary_unary("/test.Service/unary_unary", None, refuse)
        with pytest.raises(ValueError, match="not a message"):
            await method(b"x")


async def test_metadata_that_the_server_does_not_take_fails_the_call(pairing):
    async def count(requests, _context):
        return b"%d" % len([request async for request in requests])

    async with pairing.pair(unary_unary=echo, stream_unary=count) as call:
        assert await call.unary_unary(b"a") == b"a"
        metadata = (("x-own", "v" * 20_000),)
        for shape, request in (("unary_unary", b"a"), ("stream_unary", iter([b"a"]))):
            error = await failure(getattr(call, shape)(request, metadata=metadata))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await call.unary_unary(b"a") == b"a"


@pytest.mark.parametrize("where", ["head", "trailers"])
async def test_metadata_that_the_client_does_not_take_fails_the_call(pairing, where):
    async def wordy(request, context):
        metadata = (("x-own", "v" * 20_000),)
        if where == "head":
            await context.send_initial_metadata(metadata)
        else:
            context.set_trailing_metadata(metadata)
        return request

    async with pairing.pair(unary_unary=wordy) as call:
        error = await failure(call.unary_unary(b"a"))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
