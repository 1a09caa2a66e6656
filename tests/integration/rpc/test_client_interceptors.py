"""Interceptors of a channel: what grpc.aio's do, ours do."""

import asyncio

import grpc
import pytest

from mcpmesh.rpc.channel import Channel
from tests.integration.rpc.pairing import Pairing, Seen, echo, failure, join, mirror

CLIENTS = [Pairing("our", "our"), Pairing("grpc", "grpc")]
SHAPES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
KINDS = (
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
)


@pytest.fixture(params=CLIENTS, ids=str)
def pairing(request):
    return request.param


async def twice(request, _context):
    yield request
    yield request


METHODS = {"unary_unary": echo, "unary_stream": twice, "stream_unary": join,
           "stream_stream": mirror}  # fmt: skip


def made(act, *shapes):
    """Interceptors of these shapes that do `await act(continuation, details, request)`."""

    async def intercept(_self, continuation, details, request):
        return await act(continuation, details, request)

    return [
        type("Made", (kind,), {f"intercept_{shape}": intercept})()
        for shape, kind in zip(SHAPES, KINDS, strict=True)
        if shape in (shapes or SHAPES)
    ]


def marking(mark, said):
    async def act(continuation, details, request):
        said.append((mark, details.method.decode().rpartition("/")[2]))
        details.metadata.add("mark", mark)
        call = await continuation(details, request)
        said.append((mark, type(call).__name__.removeprefix("Intercepted")))
        return call

    return made(act)


async def metadata_of(_request, context):
    return ",".join(value for key, value in context.invocation_metadata() if key == "mark").encode()


async def write_without_end(call):
    while True:
        await call.write(b"x" * 1000)


async def test_all_shapes_go_through_interceptors_in_order(pairing):
    said = []
    interceptors = [*marking("a", said), *marking("b", said)]
    async with pairing.pair(client_interceptors=interceptors, **METHODS) as call:
        assert await call.unary_unary(b"x") == b"x"
        assert [m async for m in call.unary_stream(b"x")] == [b"x", b"x"]
        assert await call.stream_unary(iter([b"x", b"y"])) == b"xy"
        assert [m async for m in call.stream_stream(iter([b"x", b"y"]))] == [b"x", b"y"]
    for at, shape in enumerate(SHAPES):
        kind = "".join(word.capitalize() for word in shape.split("_")) + "Call"
        assert said[4 * at : 4 * at + 4] == [("a", shape), ("b", shape), ("b", kind), ("a", kind)]


async def test_calls_begin_as_interceptors_say(pairing):
    seen = Seen()

    async def elsewhere(request, context):
        seen.note((request, context.time_remaining() < 6, await metadata_of(b"", context)))
        return request

    async def act(continuation, details, request):
        details = details._replace(
            method=b"/test.Service/other", timeout=5.0, metadata=grpc.aio.Metadata(("mark", "m"))
        )
        return await continuation(details, request + b"!")

    async with pairing.pair(
        client_interceptors=made(act, "unary_unary"), unary_unary=echo,
        other=("unary_unary", elsewhere),
    ) as call:  # fmt: skip
        assert await call.unary_unary(b"x", timeout=100) == b"x!"
        assert await seen.next() == (b"x!", True, b"m")


async def test_an_interceptor_may_answer_itself(pairing):
    async def answer(_continuation, _details, _request):
        return b"mine"

    async with pairing.pair(
        client_interceptors=made(answer, "unary_unary"), unary_unary=echo
    ) as call:
        begun = call.unary_unary(b"x")
        assert await begun == b"mine"
        assert await begun.code() is grpc.StatusCode.OK
        assert begun.done()
        assert not begun.cancelled()
        assert await begun.initial_metadata() is None


async def test_an_interceptor_may_change_responses(pairing):
    async def act(continuation, details, request):
        call = await continuation(details, request)

        async def louder():
            async for response in call:
                yield response + b"!"

        return louder()

    interceptors = made(act, "unary_stream", "stream_stream")
    async with pairing.pair(client_interceptors=interceptors, **METHODS) as call:
        begun = call.unary_stream(b"x")
        assert [m async for m in begun] == [b"x!", b"x!"]
        assert await begun.code() is grpc.StatusCode.OK
        begun = call.stream_stream(iter([b"a", b"b"]))
        assert await begun.read() == b"a!"
        assert await begun.read() == b"b!"
        assert await begun.read() is grpc.aio.EOF
        assert [key for key, _ in await begun.trailing_metadata()] == []


async def test_a_failure_is_seen_by_the_interceptor_and_by_the_caller(pairing):
    said = []

    async def fail(_request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

    async def act(continuation, details, request):
        call = await continuation(details, request)
        said.append(await call.code())
        return call

    async with pairing.pair(client_interceptors=made(act, "unary_unary"), unary_unary=fail) as call:
        begun = call.unary_unary(b"x")
        error = await failure(begun)
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing")
        assert said == [grpc.StatusCode.NOT_FOUND]
        assert await begun.code() is grpc.StatusCode.NOT_FOUND
        assert begun.done()


async def test_what_an_interceptor_raises_is_how_the_call_ends(pairing):
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAUTHENTICATED, grpc.aio.Metadata(), grpc.aio.Metadata(("why", "none")),
        details="no token",
    )  # fmt: skip

    async def act(_continuation, _details, request):
        raise error if request == b"rpc" else KeyError("bug")

    async with pairing.pair(client_interceptors=made(act, "unary_unary"), unary_unary=echo) as call:
        begun = call.unary_unary(b"rpc")
        assert await failure(begun) is error
        assert await begun.code() is grpc.StatusCode.UNAUTHENTICATED
        assert await begun.details() == "no token"
        assert (await begun.trailing_metadata())["why"] == "none"
        assert (begun.done(), begun.cancelled(), begun.cancel()) == (True, False, False)
        begun = call.unary_unary(b"bug")
        with pytest.raises(KeyError):
            await begun
        with pytest.raises(KeyError):
            await begun.code()


async def test_an_interceptor_may_try_again(pairing):
    tries = []

    async def flaky(request, context):
        tries.append(request)
        if len(tries) < 3:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        return request

    async def act(continuation, details, request):
        while True:
            call = await continuation(details, request)
            if await call.code() is not grpc.StatusCode.UNAVAILABLE:
                return call

    async with pairing.pair(
        client_interceptors=made(act, "unary_unary"), unary_unary=flaky
    ) as call:
        assert await call.unary_unary(b"x") == b"x"
        assert tries == [b"x"] * 3


async def test_a_call_that_waits_in_an_interceptor_can_be_cancelled(pairing):
    seen = Seen()

    async def act(_continuation, _details, _request):
        seen.note("waits")
        await asyncio.Event().wait()

    async with pairing.pair(client_interceptors=made(act, "unary_unary"), unary_unary=echo) as call:
        ended = []
        begun = call.unary_unary(b"x")
        begun.add_done_callback(ended.append)
        assert await seen.next() == "waits"
        assert begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
        assert begun.cancelled()
        assert await begun.code() is grpc.StatusCode.CANCELLED
        assert await begun.details() == "Locally cancelled by application!"
        assert ended == [begun]


async def test_giving_up_cancels_the_call_on_the_wire(pairing):
    seen = Seen()

    async def slow(_request, _context):
        try:
            seen.note("called")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.note("cancelled")
            raise

    async def act(continuation, details, request):
        call = await continuation(details, request)
        await call
        return call

    async with pairing.pair(client_interceptors=made(act, "unary_unary"), unary_unary=slow) as call:

        async def caller():
            await call.unary_unary(b"x")

        task = asyncio.create_task(caller())
        assert await seen.next() == "called"
        task.cancel()
        assert await seen.next() == "cancelled"


async def test_requests_may_be_written_one_by_one(pairing):
    async def act(continuation, details, requests):
        async def louder():
            async for request in requests:
                yield request + b"!"

        return await continuation(details, louder())

    interceptors = made(act, "stream_unary", "stream_stream")
    async with pairing.pair(client_interceptors=interceptors, **METHODS) as call:
        begun = call.stream_stream()
        await begun.write(b"a")
        assert await begun.read() == b"a!"
        await begun.write(b"b")
        await begun.done_writing()
        assert await begun.read() == b"b!"
        assert await begun.read() is grpc.aio.EOF
        with pytest.raises(asyncio.InvalidStateError):
            await begun.write(b"late")
        begun = call.stream_unary()
        for request in (b"a", b"b", b"c"):
            await begun.write(request)
        await begun.done_writing()
        await begun.done_writing()
        assert await begun == b"a!b!c!"

        async def one():
            yield b"a"

        begun = call.stream_unary(one())
        with pytest.raises(grpc.aio.UsageError):
            await begun.write(b"b")
        assert await begun == b"a!"


async def test_a_writer_does_not_wait_for_a_call_that_ended(pairing):
    async def refuse(_requests, context):
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

    async def act(continuation, details, requests):
        return await continuation(details, requests)

    async with pairing.pair(
        client_interceptors=made(act, "stream_unary"), stream_unary=refuse
    ) as call:
        begun = call.stream_unary()
        with pytest.raises(asyncio.InvalidStateError):
            await write_without_end(begun)
        # grpc.aio may say INTERNAL when a write and the status cross (docs/grpc.md).
        assert await begun.code() is not grpc.StatusCode.OK


async def test_who_writes_without_waiting_is_told_when_the_interceptors_fail():
    # grpc.aio has a writer wait for its interceptors, and then fails alike.
    async def act(_continuation, _details, _requests):
        raise KeyError("bug")

    async with Pairing("our", "our").pair(
        client_interceptors=made(act, "stream_unary"), stream_unary=join
    ) as call:
        begun = call.stream_unary()
        with pytest.raises(asyncio.InvalidStateError):
            await write_without_end(begun)


async def test_responses_may_begin_with_their_first_reader():
    # In grpc.aio such a call has no status.
    async def act(continuation, details, request):
        async def lazily():
            async for response in await continuation(details, request):
                yield response

        return lazily()

    async with Pairing("our", "our").pair(
        client_interceptors=made(act, "unary_stream"), unary_stream=twice
    ) as call:
        begun = call.unary_stream(b"x")
        ended = []
        begun.add_done_callback(ended.append)
        code = asyncio.create_task(begun.code())
        assert [m async for m in begun] == [b"x", b"x"]
        assert await code is grpc.StatusCode.OK
        assert begun.done()
        assert ended == [begun]


async def test_an_interceptor_of_no_shape_is_refused():
    with pytest.raises(ValueError, match="UnaryUnaryClientInterceptor"):
        Channel("127.0.0.1:1", interceptors=[object()])


async def test_shapes_without_interceptors_are_left_alone():
    said = []

    async def act(continuation, details, request):
        said.append(details.method)
        return await continuation(details, request)

    async with Pairing("our", "our").pair(
        client_interceptors=made(act, "unary_stream"), **METHODS
    ) as call:
        begun = call.unary_unary(b"x")
        assert isinstance(begun, grpc.aio.UnaryUnaryCall)
        assert await begun == b"x"
        assert said == []
