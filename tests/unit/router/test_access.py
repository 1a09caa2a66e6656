"""A router with rules: whoever calls, by whichever way, gets what a rule allows and no more."""

from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import grpc
import pytest

from mcpmesh import Client, TlsSettings, ToolContext, ToolServer
from mcpmesh.config import AccessSettings, RouterSettings
from mcpmesh.errors import PermissionDenied
from mcpmesh.model.principal import Principal
from mcpmesh.router.wiring import Router
from mcpmesh.stack.origin import Origin
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, registry_pb2, registry_pb2_grpc
from tests.unit.router.test_service_routes import SERVICE, method, shop, until_served

ANY = "127.0.0.1:0"
RULES = (
    '{"callers": ["spiffe://mesh/ada"], "tools": ["whoami", "guess", "shop.v1.Orders/Who"]}',
    '{"callers": ["spiffe://mesh/bridge"], "tools": ["*"]}',
    '{"callers": ["*"], "tools": ["ping"]}',
)


def tools():
    app = ToolServer("tools")

    @app.tool
    async def whoami(ctx: ToolContext) -> str:
        return ctx.caller

    @app.tool(policy={"cache": {"ttl": 60}}, read_only=True)
    async def ping() -> str:
        return "pong"

    @app.tool(policy={"cache": {"ttl": 60}}, read_only=True)
    async def secret() -> str:
        return "the gold is in the cellar"

    @app.tool(capability="guess")
    async def cellar() -> str:
        return "in the cellar"

    return app


class Mesh:
    """A router that asks for certificates, and channels to it."""

    def __init__(self, authority, router, endpoint, stack):
        self.router, self.endpoint = router, endpoint
        self._authority, self._stack = authority, stack

    def tls(self, name=""):
        files = self._authority.sign(name, f"spiffe://mesh/{name}") if name else None
        own = {"tls_cert": files.cert, "tls_key": files.key} if files else {}
        return TlsSettings(tls_ca=self._authority.ca, **own)

    async def client(self, name="", **more):
        client = Client(self.endpoint, tls=self.tls(name), default_timeout=10, **more)
        return await self._stack.enter_async_context(client)

    async def channel(self, name=""):
        pems = self._authority.sign(name, f"spiffe://mesh/{name}").pems if name else (None, None)
        credentials = grpc.ssl_channel_credentials(self._authority.ca_pem, *pems)
        channel = grpc.aio.secure_channel(self.endpoint, credentials)
        return await self._stack.enter_async_context(channel)


@asynccontextmanager
async def routing(authority, rules, static=()):
    files = authority.sign("router", "localhost", "127.0.0.1")
    tls = TlsSettings(tls_cert=files.cert, tls_key=files.key, tls_client_ca=authority.ca)
    router = Router(
        RouterSettings(grpc=ANY, static=static), without_exporters(Random(1)), tls=tls,
        access=AccessSettings(rules).rules(),
    )  # fmt: skip
    endpoint = await router.start()
    app = tools()
    await app.start(ANY, endpoint, tls=TlsSettings(tls_ca=authority.ca))
    await app.registered()
    try:
        async with AsyncExitStack() as stack:
            yield Mesh(authority, router, endpoint, stack)
    finally:
        await app.stop(0)
        await router.stop(0)


@pytest.fixture
async def mesh(authority):
    async with (
        shop("one") as replica,
        routing(authority, RULES, (f"{replica}=/{SERVICE}",)) as mesh,
    ):
        yield mesh


async def refused(call):
    with pytest.raises(PermissionDenied) as caught:
        await call
    return caught.value.message


async def test_a_caller_calls_what_a_rule_allows_and_nothing_else(mesh):
    ada, nobody = await mesh.client("ada"), await mesh.client()
    assert (await ada.call("whoami", {})).data == "spiffe://mesh/ada"
    assert (await nobody.call("ping", {})).data == "pong"
    assert "spiffe://mesh/ada may not call it" in await refused(ada.call("secret", {}))
    assert "without a certificate" in await refused(nobody.call("whoami", {}))
    eve = await mesh.client("eve")
    await refused(eve.call("whoami", {}, metadata=(("mcpmesh-caller", "spiffe://mesh/ada"),)))


async def test_whether_there_is_such_a_tool_is_not_told(mesh):
    ada = await mesh.client("ada")
    told = [await refused(ada.call(name, {})) for name in ("secret", "secrex")]
    assert told[0].replace("secret", "") == told[1].replace("secrex", "")


async def test_every_kind_of_call_is_refused_and_a_named_tool_in_the_message_too(mesh):
    stub = invoke_pb2_grpc.ToolServiceStub(await mesh.channel("ada"))
    request = invoke_pb2.InvokeRequest(tool="secret", arguments=b"{}")

    async def all_of(stream):
        return [each async for each in stream]

    for call in (
        stub.Invoke(request),
        all_of(stub.InvokeStream(request)),
        all_of(stub.Converse(iter((request,)))),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_kept_answer_is_not_for_who_may_not_call(mesh):
    bridge, ada = await mesh.client("bridge"), await mesh.client("ada")
    for _ in range(2):
        assert (await bridge.call("secret", {})).data == "the gold is in the cellar"
        await refused(ada.call("secret", {}))


async def test_a_capability_is_allowed_by_its_own_name(mesh):
    ada, eve = await mesh.client("ada"), await mesh.client("eve")
    assert (await ada.call("guess", {})).data == "in the cellar"
    await refused(ada.call("cellar", {}))
    await refused(eve.call("guess", {}))


async def test_calls_by_path_are_allowed_by_path(mesh):
    ada, eve = await mesh.channel("ada"), await mesh.channel("eve")
    await until_served(ada, 2)
    assert await method(ada, "Who")(b"") == b"one"
    for channel, name in ((ada, "Remaining"), (eve, "Who")):
        with pytest.raises(grpc.RpcError) as caught:
            await method(channel, name)(b"")
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert f"shop.v1.Orders/{name}" in caught.value.details()


async def test_calls_of_this_process_are_those_of_whom_they_are_made_for(mesh):
    request = invoke_pb2.InvokeRequest(tool="whoami", arguments=b"{}")
    ada = Origin(principal=Principal("spiffe://mesh/ada"))
    assert (await mesh.router.mesh.invoke(request, ada, 5.0)).HasField("result")
    await refused(mesh.router.mesh.invoke(request, Origin(), 5.0))


async def test_the_registry_is_for_who_may_call_everything(mesh):
    async def first(name):
        stub = registry_pb2_grpc.RegistryServiceStub(await mesh.channel(name))
        watch = stub.WatchRegistry(registry_pb2.WatchRegistryRequest(), timeout=10)
        try:
            async for event in watch:
                return event
        finally:
            watch.cancel()

    assert (await first("bridge")).HasField("snapshot")
    with pytest.raises(grpc.RpcError) as caught:
        await first("ada")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_direct_client_calls_by_the_router_and_its_rules(mesh):
    ada = await mesh.client("ada", direct=True)
    assert (await ada.call("whoami", {})).data == "spiffe://mesh/ada"
    await refused(ada.call("secret", {}))
