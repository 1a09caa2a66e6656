"""A servicer written for grpc.aio, with all that such servicers do, runs on either server alike.

The pairing of grpc.aio with itself says what is right.
"""

import contextvars
import logging
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from mcpmesh.rpc.server import Server
from tests.integration.rpc.pairing import Pairing, Seen, failure
from tests.interop.stubs import pb2, pb2_grpc

USER = contextvars.ContextVar("user", default="")
FACTS = (
    "peer_identities", "peer_identity_key", "code", "details", "trailing_metadata", "cancelled",
    "done",
)  # fmt: skip


class Rich(pb2_grpc.TestServiceServicer):
    """Each method shows another part of what a context can do."""

    def __init__(self):
        self.seen = Seen()

    async def EmptyCall(self, request, context):
        """Tell what the context knows."""
        facts = {name: getattr(context, name)() for name in FACTS}
        remaining = context.time_remaining()
        keys = {each.key: each.value for each in context.invocation_metadata()}
        context.add_done_callback(lambda ended: self.seen.note(("done", ended.done())))
        self.seen.note(facts)
        self.seen.note((context.peer().rpartition(":")[0], remaining is None, keys.get("k")))
        return request

    async def UnaryCall(self, request, context):
        """End as the payload says."""
        how = request.payload.body.decode()
        context.set_trailing_metadata((("t", "1"), ("t-bin", b"\0\1")))
        if how == "set":
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("set")
            self.seen.note((context.code(), context.details(), context.trailing_metadata()))
        elif how == "number":
            await context.abort(9, "number")
        elif how == "status":
            await context.abort_with_status(Rejection())
        elif how == "finally":
            try:
                await context.abort(grpc.StatusCode.ABORTED, "once")
            finally:
                with pytest.raises(grpc.aio.UsageError):
                    await context.abort(grpc.StatusCode.INTERNAL, "twice")
        elif how == "compress":
            context.set_compression(grpc.Compression.Gzip)
            await context.send_initial_metadata((("i", "1"),))
            with pytest.raises(Exception, match="ompression"):
                context.set_compression(grpc.Compression.Deflate)
            context.disable_next_message_compression()
        elif how == "user":
            return pb2.SimpleResponse(payload=pb2.Payload(body=USER.get().encode()))
        return pb2.SimpleResponse(payload=request.payload)

    def StreamingOutputCall(self, request, context):
        """A plain generator, which runs in a thread."""
        context.send_initial_metadata((("i", "1"),))
        for parameters in request.response_parameters:
            yield pb2.StreamingOutputCallResponse(payload=pb2.Payload(body=bytes(parameters.size)))
        context.set_trailing_metadata((("t", "1"),))
        if request.HasField("response_status"):
            context.abort(grpc.StatusCode.ABORTED, request.response_status.message)

    def StreamingInputCall(self, requests, context):
        """A plain function over a stream."""
        raise AssertionError("replaced by the interceptor")

    async def FullDuplexCall(self, requests, context):
        """Reader and writer, without a generator."""
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(pb2.StreamingOutputCallResponse(payload=request.payload))
        context.set_trailing_metadata((("t", "1"),))


class Rejection(grpc.Status):
    code = grpc.StatusCode.PERMISSION_DENIED
    details = "status"
    trailing_metadata = (("r", "1"),)


class Login(grpc.aio.ServerInterceptor):
    """Sets a context variable for the method, from the call's metadata."""

    async def intercept_service(self, continuation, details):
        for each in details.invocation_metadata:
            if each.key == "user":
                USER.set(each.value)
        return await continuation(details)


class Counting(grpc.aio.ServerInterceptor):
    """Wraps a method of one shape in another of its own."""

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        if not details.method.endswith("/StreamingInputCall"):
            return handler

        async def count(requests, _context):
            sizes = [len(request.payload.body) async for request in requests]
            return pb2.StreamingInputCallResponse(aggregated_payload_size=sum(sizes))

        return grpc.stream_unary_rpc_method_handler(
            count, handler.request_deserializer, handler.response_serializer
        )


@pytest.fixture
async def rich(pairing):
    servicer = Rich()
    interceptors = (Login(), Counting())
    pool = ThreadPoolExecutor(2)
    server = (
        Server(interceptors=interceptors)
        if pairing.server == "our"
        else grpc.aio.server(pool, interceptors=interceptors)
    )
    pb2_grpc.add_TestServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with pairing.connected(port) as channel:
        yield servicer, pb2_grpc.TestServiceStub(channel)
    await server.stop(None)
    pool.shutdown(wait=False)


def saying(how):
    return pb2.SimpleRequest(payload=pb2.Payload(body=how.encode()))


async def test_the_context_tells_the_same(rich):
    servicer, stub = rich
    await stub.EmptyCall(pb2.Empty(), metadata=(("k", "v"),))
    assert await servicer.seen.next() == {
        "peer_identities": None, "peer_identity_key": None, "code": None, "details": "",
        "trailing_metadata": (), "cancelled": False, "done": False,
    }  # fmt: skip
    assert await servicer.seen.next() == ("ipv4:127.0.0.1", True, "v")
    assert await servicer.seen.next() == ("done", True)


@pytest.mark.parametrize(
    ("how", "code", "details"),
    [
        ("set", grpc.StatusCode.NOT_FOUND, "set"),
        ("number", grpc.StatusCode.FAILED_PRECONDITION, "number"),
        ("finally", grpc.StatusCode.ABORTED, "once"),
    ],
)
async def test_the_ways_to_fail(rich, how, code, details):
    _, stub = rich
    error = await failure(stub.UnaryCall(saying(how)))
    assert (error.code(), error.details()) == (code, details)
    trailing = dict(error.trailing_metadata())
    assert (trailing["t"], trailing["t-bin"]) == ("1", b"\0\1")


async def test_what_was_set_can_be_read_back(rich):
    servicer, stub = rich
    await failure(stub.UnaryCall(saying("set")))
    trailing = (("t", "1"), ("t-bin", b"\0\1"))
    assert await servicer.seen.next() == (grpc.StatusCode.NOT_FOUND, "set", trailing)


async def test_a_status_object_ends_the_call(rich):
    _, stub = rich
    error = await failure(stub.UnaryCall(saying("status")))
    assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, "status")
    assert ("r", "1") in tuple(error.trailing_metadata())


async def test_compression_is_chosen_before_the_head(rich):
    _, stub = rich
    call = stub.UnaryCall(saying("compress"))
    assert (await call).payload.body == b"compress"
    assert ("i", "1") in tuple(await call.initial_metadata())


async def test_an_interceptors_context_variable_reaches_the_method(rich):
    _, stub = rich
    answer = await stub.UnaryCall(saying("user"), metadata=(("user", "ada"),))
    assert answer.payload.body == b"ada"
    assert not (await stub.UnaryCall(saying("user"))).payload.body


async def test_an_interceptor_may_serve_a_stream_itself(rich):
    _, stub = rich
    requests = [pb2.StreamingInputCallRequest(payload=pb2.Payload(body=bytes(n))) for n in (1, 2)]
    assert (await stub.StreamingInputCall(iter(requests))).aggregated_payload_size == 3


async def test_a_plain_generator_streams_and_ends_with_metadata(rich):
    _, stub = rich
    asked = pb2.StreamingOutputCallRequest(
        response_parameters=[pb2.ResponseParameters(size=size) for size in (1, 2)]
    )
    call = stub.StreamingOutputCall(asked)
    assert [len(each.payload.body) async for each in call] == [1, 2]
    assert ("i", "1") in tuple(await call.initial_metadata())
    assert ("t", "1") in tuple(await call.trailing_metadata())
    asked.response_status.message = "mid-way"
    error = await failure(stub.StreamingOutputCall(asked))
    assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, "mid-way")


async def test_reader_and_writer(rich):
    _, stub = rich
    call = stub.FullDuplexCall()
    for body in (b"a", b"b"):
        await call.write(pb2.StreamingOutputCallRequest(payload=pb2.Payload(body=body)))
        assert (await call.read()).payload.body == body
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert ("t", "1") in tuple(await call.trailing_metadata())


async def test_a_method_that_nobody_wrote_is_unimplemented(rich, caplog):
    caplog.set_level(logging.CRITICAL)
    _, stub = rich
    error = await failure(stub.UnimplementedCall(pb2.Empty()))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_plain_method_ends_with_a_status_object_on_our_server():
    """grpc.aio's own context of plain methods has no abort_with_status."""

    def refuse(_request, context):
        context.abort_with_status(Rejection())

    async with Pairing("grpc", "our").pair(unary_unary=refuse) as call:
        error = await failure(call.unary_unary(b""))
        assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, "status")
