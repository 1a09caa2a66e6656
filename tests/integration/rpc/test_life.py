"""Connections over time: waiting, restarts, stops, closes; health and reflection."""

import asyncio
import contextlib
import socket

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mcpmesh.rpc.channel import Channel
from mcpmesh.rpc.server import Server
from mcpmesh.rpc.standard import StandardServices
from tests.eventually import eventually
from tests.integration.rpc.pairing import Caller, Pairing, Seen, echo, failure, join, opened
from tests.listening import listening


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_failed(channel):
    return channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE


async def test_nobody_there_is_unavailable(pairing):
    async with pairing.connected(free_port()) as channel:
        error = await failure(Caller(channel).unary_unary(b"x"))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        error = await failure(Caller(channel).stream_unary(iter([b"x"])))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        request = Caller(channel).unary_stream(b"x")
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await request.wait_for_connection()
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_host_that_cannot_be_is_unavailable():
    channel = Channel("a..b:50051")
    error = await failure(Caller(channel).unary_unary(b"x", timeout=3))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    await channel.close()


async def test_a_call_may_wait_for_the_server(pairing):
    port = free_port()
    async with pairing.connected(port) as channel:
        request = Caller(channel).unary_unary(b"x", wait_for_ready=True, timeout=10)
        await eventually(lambda: has_failed(channel))
        async with pairing.serving(port=port, unary_unary=echo):
            assert await request == b"x"


async def test_a_call_that_waits_keeps_its_deadline(pairing):
    async with pairing.connected(free_port()) as channel:
        request = Caller(channel).unary_unary(b"x", wait_for_ready=True, timeout=0.3)
        assert (await failure(request)).code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_call_that_waits_can_be_cancelled(pairing):
    async with pairing.connected(free_port()) as channel:
        request = Caller(channel).stream_unary(wait_for_ready=True)
        await eventually(lambda: has_failed(channel))
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request


async def test_giving_up_one_write_before_the_connection_leaves_the_call_whole():
    port = free_port()

    pairing = Pairing("our", "grpc")
    async with pairing.connected(port) as channel:
        request = Caller(channel).stream_unary(wait_for_ready=True, timeout=10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(request.write(b"lost"), 0.05)
        async with pairing.serving(port=port, stream_unary=join):
            await request.write(b"kept")
            await request.done_writing()
            assert await request == b"kept"


async def test_the_channel_finds_a_restarted_server(pairing):
    port = free_port()
    async with pairing.connected(port) as channel:
        for _ in range(3):
            async with pairing.serving(port=port, unary_unary=echo):
                request = Caller(channel).unary_unary(b"x", wait_for_ready=True, timeout=10)
                assert await request == b"x"


async def test_states_of_a_channel(pairing):
    port = free_port()
    state = grpc.ChannelConnectivity
    async with pairing.connected(port) as channel:
        assert channel.get_state() is state.IDLE
        async with pairing.serving(port=port, unary_unary=echo):
            channel.get_state(try_to_connect=True)
            await asyncio.wait_for(channel.channel_ready(), 5)
            assert channel.get_state() is state.READY
            waiting = asyncio.create_task(channel.wait_for_state_change(state.READY))
        await asyncio.wait_for(waiting, 5)
        assert channel.get_state() is not state.READY
    assert channel.get_state() is state.SHUTDOWN


async def test_stop_with_grace_lets_calls_finish_and_takes_no_new_ones(pairing):
    seen = Seen()

    async def slow(request, _context):
        if request == b"x":
            seen.note("began")
            await release.wait()
        return request

    release = asyncio.Event()
    async with (
        pairing.serving(unary_unary=slow) as (server, port),
        pairing.connected(port) as channel,
    ):
        call = Caller(channel)
        running = asyncio.gather(*(call.unary_unary(b"x") for _ in range(5)))
        for _ in range(5):
            await seen.next()
        stopping = asyncio.create_task(server.stop(30))

        async def refuses():
            with contextlib.suppress(grpc.aio.AioRpcError):
                return await call.unary_unary(b"y") == b""
            return True

        await eventually(refuses)
        assert (await failure(call.unary_unary(b"y"))).code() is grpc.StatusCode.UNAVAILABLE
        assert not running.done()
        release.set()
        assert await running == [b"x"] * 5
        await asyncio.wait_for(stopping, 10)
        assert await server.wait_for_termination(1) is False


@pytest.mark.parametrize("grace", [None, 0.2])
async def test_stop_cuts_off_what_does_not_end(pairing, grace):
    seen = Seen()

    async with (
        pairing.serving(unary_unary=seen.hang) as (server, port),
        pairing.connected(port) as channel,
    ):
        request = Caller(channel).unary_unary(b"x")
        await seen.next()
        await asyncio.wait_for(server.stop(grace), 5)
        assert (await failure(request)).code() is grpc.StatusCode.UNAVAILABLE
        assert await seen.next() == "cancelled"


async def test_a_closed_channel_cancels_its_calls_and_begins_no_more(pairing):
    seen = Seen()

    async with (
        pairing.serving(unary_unary=seen.hang) as (_, port),
        pairing.connected(port) as channel,
    ):
        call = Caller(channel)
        request = call.unary_unary(b"x")
        await seen.next()
        await channel.close()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert request.cancelled()
        assert await seen.next() == "cancelled"
        with pytest.raises(grpc.aio.UsageError):
            await call.unary_unary(b"y")


async def test_close_with_grace_lets_calls_finish(pairing):
    seen = Seen()

    async def slow(request, _context):
        seen.note("began")
        await release.wait()
        return request

    release = asyncio.Event()

    async with (
        pairing.serving(unary_unary=slow) as (_, port),
        pairing.connected(port) as channel,
    ):
        request = Caller(channel).unary_unary(b"x")
        await seen.next()
        closing = asyncio.create_task(channel.close(30))
        # By then the closing has begun.
        await asyncio.sleep(0)
        release.set()
        assert await request == b"x"
        await asyncio.wait_for(closing, 10)


async def test_nothing_is_left_of_calls_that_ended():
    async def refuse(_requests, context):
        await context.abort(grpc.StatusCode.ABORTED, "at once")

    methods = {"unary_unary": echo, "stream_unary": join, "refuse": ("stream_stream", refuse)}
    for pairing in (Pairing("our", "our"), Pairing("grpc", "our")):
        async with pairing.serving(**methods) as (server, port):
            async with pairing.connected(port) as channel:
                call = Caller(channel)
                for _ in range(20):
                    await call.unary_unary(b"x", timeout=5)
                    await call.stream_unary(iter([b"x"]))
                    await call.stream_stream__refuse().code()
                    call.unary_unary(b"y").cancel()
                (link,) = server.links
                await eventually(lambda link=link: not link.connection.streams)
                await eventually(lambda server=server: not server.calls)
                if pairing.client == "our":
                    assert not channel.connection.streams
            if pairing.client == "our":
                # A grpc.aio channel closes its sockets when it is collected.
                await eventually(lambda server=server: not server.links)


async def test_health_and_reflection_answer_the_official_stubs():
    server = Server()
    standard = StandardServices(server, ["test.Service"])
    async with listening(server) as port, opened("grpc", port) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        ask = health_pb2.HealthCheckRequest(service="test.Service")
        serving = health_pb2.HealthCheckResponse
        watch = health.Watch(ask)
        for asked in (ask, health_pb2.HealthCheckRequest()):
            assert (await health.Check(asked)).status == serving.NOT_SERVING
        assert (await watch.read()).status == serving.NOT_SERVING
        await standard.serving()
        assert (await health.Check(ask)).status == serving.SERVING
        assert (await watch.read()).status == serving.SERVING
        missing = health_pb2.HealthCheckRequest(service="missing")
        assert (await failure(health.Check(missing))).code() is grpc.StatusCode.NOT_FOUND
        unknown = health.Watch(missing)
        assert (await unknown.read()).status == serving.SERVICE_UNKNOWN
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [answer async for answer in reflect.ServerReflectionInfo(iter([question]))]
        names = {service.name for service in answers[0].list_services_response.service}
        assert {"test.Service", "grpc.health.v1.Health"} <= names
        await standard.draining()
        assert (await health.Check(ask)).status == serving.NOT_SERVING
        assert (await watch.read()).status == serving.NOT_SERVING
        for ended in (watch, unknown):
            assert await ended.read() is grpc.aio.EOF


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_http1_client_is_told_where_it_is(method):
    server = Server()
    async with listening(server) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b"{}" * 100_000 if method == "POST" else b""
        head = f"{method} /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"speaks gRPC" in answer
        assert b"/mcp" in answer


async def test_a_client_that_says_nothing_before_the_drain_still_hears_settings_first():
    server = Server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await eventually(lambda: server.links)
    await server.stop(None)
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    # A frame's type is its fourth byte: SETTINGS.
    assert said[3] == 4
