"""A router and tool servers in one process over TLS: who calls, health, reflection, DNS names."""

from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mcpmesh import Client, TlsSettings, ToolContext, ToolServer
from mcpmesh.config import InvalidSetting, RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc
from tests.certificates import Authority, Files

HERE = ("localhost", "127.0.0.1")
ADA = "spiffe://mesh/ada"
CLAIM = (("mcpmesh-caller", "the king"),)


@pytest.fixture(scope="module")
def ada(authority: Authority) -> Files:
    return authority.sign("ada", ADA)


def settings(authority: Authority, files: Files | None = None, **more: object) -> TlsSettings:
    own = {"tls_cert": files.cert, "tls_key": files.key} if files else {}
    return TlsSettings(tls_ca=authority.ca, **own, **more)


def tools() -> ToolServer:
    server = ToolServer("who")

    @server.tool
    async def whoami(ctx: ToolContext) -> str:
        return ctx.caller

    return server


@asynccontextmanager
async def routing(tls: TlsSettings, **more: object):
    router = Router(RouterSettings(grpc="127.0.0.1:0", **more), without_exporters(Random(1)),
                    tls=tls)  # fmt: skip
    endpoint = await router.start()
    try:
        yield endpoint
    finally:
        await router.stop(0)


@asynccontextmanager
async def serving(tls: TlsSettings, router: str | None = None):
    server = tools()
    replica = await server.start("127.0.0.1:0", router, tls=tls)
    await server.registered()
    try:
        yield replica.endpoint
    finally:
        await server.stop(0)


async def whoami(target: str, tls: TlsSettings, metadata: tuple = ()) -> str:
    async with Client(target, tls=tls, default_timeout=20) as client:
        result = await client.call("whoami", {}, metadata=metadata, wait_for_ready=True)
        return result.data


@pytest.mark.parametrize("asks", ["requires", "asks"])
async def test_certificates_name_the_caller_behind_a_router(authority, ada, asks):
    more = (
        {"tls_require_client_cert": True} if asks == "requires" else {"tls_client_ca": authority.ca}
    )
    router_tls = settings(authority, authority.sign("router", *HERE), **more)
    tool_tls = settings(authority, authority.sign("tool", *HERE), **more)
    async with routing(router_tls) as router, serving(tool_tls, router) as tool:
        assert await whoami(router, settings(authority, ada), CLAIM) == ADA
        assert await whoami(tool, settings(authority, ada), CLAIM) == ADA
        if asks == "asks":
            # Who proves nothing cannot call itself what others have to prove.
            assert await whoami(router, settings(authority), CLAIM) == ""


async def test_a_router_that_the_tool_is_not_registered_at_speaks_for_nobody(authority, ada):
    router_files = authority.sign("other-router", *HERE, "spiffe://mesh/other-router")
    tool_tls = settings(authority, authority.sign("tool", *HERE), tls_require_client_cert=True)
    async with serving(tool_tls) as tool:
        router_tls = settings(authority, router_files, tls_require_client_cert=True)
        async with routing(router_tls, static=(tool,)) as router:
            assert await whoami(router, settings(authority, ada)) == "spiffe://mesh/other-router"


async def test_without_certificates_callers_are_believed(authority):
    files = authority.sign("server", *HERE)
    tls = settings(authority, files)
    async with routing(tls) as router, serving(tls, router) as tool:
        assert await whoami(router, settings(authority), CLAIM) == "the king"
        assert await whoami(tool, settings(authority), CLAIM) == "the king"


async def test_stock_stubs_health_and_reflection_over_tls(authority, ada):
    tls = settings(authority, authority.sign("router", *HERE), tls_require_client_cert=True)
    key, cert = ada.pems
    credentials = grpc.ssl_channel_credentials(authority.ca_pem, key, cert)
    async with (
        routing(tls) as router,
        serving(tls, router) as tool,
        grpc.aio.secure_channel(router, credentials) as to_router,
        grpc.aio.secure_channel(tool, credentials) as to_tool,
    ):
        for channel in (to_router, to_tool):
            stub = invoke_pb2_grpc.ToolServiceStub(channel)
            answer = await stub.Invoke(
                invoke_pb2.InvokeRequest(tool="whoami", arguments=b"{}"),
                metadata=(("mcpmesh-wait-for-ready", "true"),), timeout=20,
            )  # fmt: skip
            assert ADA.encode() in answer.result.structured_content
            health = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=20
            )
            assert health.status == health_pb2.HealthCheckResponse.SERVING
            reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
            request = reflection_pb2.ServerReflectionRequest(list_services="")
            async for found in reflection.ServerReflectionInfo(iter([request]), timeout=20):
                names = {each.name for each in found.list_services_response.service}
                assert "mcpmesh.v1.ToolService" in names
                break


async def test_why_a_replica_is_out_of_reach_is_told(authority, tmp_path: Path):
    stranger = Authority(tmp_path, "stranger")
    async with serving(settings(stranger, stranger.sign("tool", *HERE))) as tool:
        tls = settings(authority, authority.sign("router", *HERE))
        async with (
            routing(tls, static=(f"{tool}=whoami",)) as router,
            Client(router, tls=tls, default_timeout=20) as client,
        ):
            replica = None
            while replica is None or not replica.reason:
                (replica,) = await client.list_replicas()
    assert "authority that --tls-ca does not name" in replica.reason


async def test_a_static_name_is_checked_by_its_name(authority):
    # 127.0.0.1 is not in the certificate; localhost, which stands for it, is.
    async with serving(settings(authority, authority.sign("named", "localhost"))) as tool:
        port = tool.rpartition(":")[2]
        tls = settings(authority, authority.sign("router", *HERE))
        async with routing(tls, static=(f"dns:///localhost:{port}",)) as router:
            assert await whoami(router, settings(authority)) == ""


async def test_listening_in_the_open_wants_a_certificate_or_a_word(caplog, authority):
    with pytest.raises(InvalidSetting, match="give --tls-cert and --tls-key, or --insecure"):
        await tools().start("0.0.0.0:0")
    server = tools()
    await server.start("0.0.0.0:0", insecure=True)
    await server.stop(0)
    assert "without TLS: anybody who reaches it can read and call" in caplog.text
    caplog.clear()
    await server.start("0.0.0.0:0", tls=settings(authority, authority.sign("open", *HERE)))
    await server.stop(0)
    assert not caplog.text
