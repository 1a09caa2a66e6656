"""A channel to a name with several addresses: calls take turns, lost ones are looked up again."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from mcpmesh.config import TlsSettings
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.channel import Channel, ChannelOptions
from mcpmesh.rpc.server import Server
from tests.certificates import Authority
from tests.eventually import eventually

QUICK = ChannelOptions(backoff=Backoff(0.02, 1.0, 0.02, 0.0))
# Loopback has a whole network of addresses on Linux.
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


@asynccontextmanager
async def serving(host: str, port: int = 0, tls: TlsSettings | None = None):
    async def who(request: bytes, context: object) -> bytes:
        return host.encode()

    server = Server()
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "t", {"m": grpc.unary_unary_rpc_method_handler(who)}
            ),
        )
    )
    address = f"{host}:{port}"
    bound = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(None)


@asynccontextmanager
async def three(tls: TlsSettings | None = None):
    """Serve on one port of three addresses; yields the port and what stops each."""
    async with AsyncExitStack() as stack:
        stops = {host: AsyncExitStack() for host in HOSTS}
        for each in stops.values():
            await stack.enter_async_context(each)
        port = await stops[HOSTS[0]].enter_async_context(serving(HOSTS[0], 0, tls))
        for host in HOSTS[1:]:
            await stops[host].enter_async_context(serving(host, port, tls))
        yield port, stops


async def heard(channel: Channel, *hosts: str) -> None:
    """Call until just these hosts answered in a row of calls."""
    method = channel.unary_unary("/t/m")
    async with asyncio.timeout(20):
        while True:
            seen = {(await method(b"", timeout=10)).decode() for _ in range(3 * len(hosts))}
            if seen == set(hosts):
                return


async def test_calls_take_turns_over_all_addresses():
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return HOSTS

    async with (
        three() as (port, _),
        Channel(f"dns:///tools.internal:{port}", QUICK, resolve=resolve) as channel,
    ):
        await heard(channel, *HOSTS)


async def test_addresses_that_leave_and_come_are_followed():
    hosts = HOSTS[:2]

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return hosts

    async with (
        three() as (port, stops),
        Channel(f"dns:///tools.internal:{port}", QUICK, resolve=resolve) as channel,
    ):
        await heard(channel, *HOSTS[:2])
        hosts = HOSTS[1:]
        # The loss of an address is what has the name looked up again.
        await stops[HOSTS[0]].aclose()
        await heard(channel, *HOSTS[1:])


async def test_name_that_cannot_be_looked_up_is_told_and_tried_again():
    known = False

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        if not known:
            raise OSError(-2, "Name or service not known")
        return HOSTS

    async with (
        three() as (port, _),
        Channel(f"dns:///tools.internal:{port}", QUICK, resolve=resolve) as channel,
    ):
        method = channel.unary_unary("/t/m")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"", timeout=10)
        assert "cannot look it up: Name or service not known" in caught.value.details()
        assert channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE
        known = True
        assert await method(b"", timeout=20, wait_for_ready=True)


async def test_the_certificate_is_the_names_not_the_addresses(tmp_path: Path):
    authority = Authority(tmp_path)
    files = authority.sign("tools", "tools.internal")

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return HOSTS

    tls = TlsSettings(tls_cert=files.cert, tls_key=files.key)
    async with (
        three(tls) as (port, _),
        Channel(
            f"dns:///tools.internal:{port}", QUICK, resolve=resolve,
            tls=TlsSettings(tls_ca=authority.ca),
        ) as channel,
    ):  # fmt: skip
        await heard(channel, *HOSTS)


async def test_name_of_the_operating_system():
    async with (
        serving("127.0.0.1") as port,
        Channel(f"dns:///localhost:{port}", QUICK) as channel,
    ):
        assert await channel.unary_unary("/t/m")(b"", timeout=20, wait_for_ready=True)


async def test_closing_while_the_resolver_is_silent():
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    channel = Channel("dns:///tools.internal:80", QUICK, resolve=resolve)
    call = asyncio.ensure_future(channel.unary_unary("/t/m")(b"", wait_for_ready=True))
    await eventually(lambda: channel.get_state() is grpc.ChannelConnectivity.CONNECTING)
    await channel.close()
    with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
        await asyncio.wait_for(call, 10)
