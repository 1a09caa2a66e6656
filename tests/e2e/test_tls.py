"""A mesh over TLS and Unix sockets, as its commands run it: every hop, every refusal."""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mcpmesh import Client, TlsSettings
from tests.certificates import Authority, Files
from tests.e2e.commands import PATIENCE, ROOT, TOOLS, command, environment
from tests.eventually import eventually

HERE = ("localhost", "127.0.0.1", "::1")


def options(authority: Authority, files: Files, *more: str) -> list[str]:
    return [
        "--tls-cert", files.cert, "--tls-key", files.key, "--tls-ca", authority.ca,
        "--tls-require-client-cert", *more,
    ]  # fmt: skip


def settings(authority: Authority, files: Files | None = None) -> TlsSettings:
    own = {"tls_cert": files.cert, "tls_key": files.key} if files else {}
    return TlsSettings(tls_ca=authority.ca, **own)


def run(*argv: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mcpmesh", *argv],
        cwd=ROOT, env=environment({}), capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


async def caller_of(target: str, tls: TlsSettings, **metadata: str) -> str:
    async with Client(target, tls=tls, default_timeout=PATIENCE) as client:
        result = await client.call("whoami", {}, metadata=tuple(metadata.items()))
    return str(result.data)


async def test_every_hop_speaks_tls_and_the_tool_knows_who_calls(
    authority: Authority, tmp_path: Path
) -> None:
    router_files = authority.sign("router", *HERE, "spiffe://mesh/router", common_name="router")
    tool_files = authority.sign("tool", *HERE, "spiffe://mesh/tool")
    bridge_files = authority.sign("bridge", *HERE, "spiffe://mesh/bridge")
    ada = authority.sign("ada", "spiffe://mesh/ada")
    eve = authority.sign("eve", common_name="eve", organization="Mallory, Inc")
    with (
        command(tmp_path, "router", "--grpc", "[::1]:0", *options(authority, router_files))
        as router,
        command(
            tmp_path, "serve", TOOLS, "--listen", "127.0.0.1:0", "--router", router.grpc,
            *options(authority, tool_files),
        ) as tools,
        command(
            tmp_path, "bridge", "--http", "127.0.0.1:0", "--router", router.grpc,
            *options(authority, bridge_files),
        ) as bridge,
    ):  # fmt: skip
        claim = {"mcpmesh-caller": "spiffe://mesh/ada"}
        assert await caller_of(router.grpc, settings(authority, ada)) == "spiffe://mesh/ada"
        # What a certificate says goes before what its owner says.
        by_name = await caller_of(router.grpc, settings(authority, eve), **claim)
        assert by_name == r"CN=eve,O=Mallory\, Inc"
        assert await caller_of(tools.grpc, settings(authority, eve), **claim) == by_name
        context = ssl.create_default_context(cafile=authority.ca)
        context.load_cert_chain(ada.cert, ada.key)
        await eventually(lambda: _ready(bridge.ready["http"], context))
        body = _posted(bridge.ready["http"], context)
        assert body["result"]["structuredContent"]["result"] == "spiffe://mesh/bridge"


def _ready(http: str, context: ssl.SSLContext) -> bool:
    """Tell whether the bridge knows the tools."""
    try:
        with urllib.request.urlopen(f"https://{http}/readyz", context=context, timeout=30):
            return True
    except urllib.error.HTTPError:
        return False


def _posted(http: str, context: ssl.SSLContext) -> dict:
    """Call whoami through the bridge."""
    request = urllib.request.Request(
        f"https://{http}/mcp",
        json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "whoami", "arguments": {}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }},
        }).encode(),
        {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "whoami",
        },
    )  # fmt: skip
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        return json.loads(answer.read())


def test_commands_of_callers_speak_tls_and_say_what_is_missing(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.sign("router", *HERE)
    with command(
        tmp_path, "router", "--grpc", "127.0.0.1:0", *options(authority, files)
    ) as router:  # fmt: skip
        ada = authority.sign("ada", "spiffe://mesh/ada")
        trust = ("--router", router.grpc, "--tls-ca", authority.ca)
        code, _, notes = run("tools", *trust, "--tls-cert", ada.cert, "--tls-key", ada.key)
        assert code == 0, notes
        code, _, notes = run("tools", *trust)
        assert code == 3
        assert "requires a client certificate; give --tls-cert and --tls-key" in notes
        # It is there: nobody is told to start one.
        assert "mcpmesh up" not in notes
        code, _, notes = run("tools", "--router", router.grpc)
        assert code == 3
        assert "--tls-ca whom to trust if it wants TLS" in notes


async def test_up_gives_its_settings_to_its_tool_servers(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.sign("up", *HERE, "spiffe://mesh/up")
    with command(
        tmp_path, "up", TOOLS, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
        *options(authority, files),
    ) as mesh:  # fmt: skip
        assert await caller_of(mesh.grpc, settings(authority, files)) == "spiffe://mesh/up"


async def test_workers_speak_tls(authority: Authority, tmp_path: Path) -> None:
    files = authority.sign("workers", *HERE)
    tls = ("--tls-cert", files.cert, "--tls-key", files.key, "--tls-ca", authority.ca)
    with (
        command(tmp_path, "router", "--grpc", "127.0.0.1:0", "--workers", "2", *tls) as router,
        command(tmp_path, "serve", TOOLS, "--router", router.grpc, *tls),
    ):
        assert await caller_of(router.grpc, settings(authority)) == ""


@pytest.mark.parametrize("address", ["unix:{0}/{1}", "unix-abstract:{0}/{1}"])
async def test_a_mesh_on_unix_sockets(address: str, tmp_path: Path) -> None:
    grpc, listen, http = (address.format(tmp_path, name) for name in ("grpc", "tool", "http"))
    with (
        command(tmp_path, "router", "--grpc", grpc) as router,
        command(tmp_path, "serve", TOOLS, "--listen", listen, "--router", grpc) as tools,
        command(tmp_path, "bridge", "--http", http, "--router", grpc),
    ):
        assert (router.grpc, tools.grpc) == (grpc, listen)
        claim = {"mcpmesh-caller": "ada"}
        assert await caller_of(grpc, TlsSettings(), **claim) == "ada"
        code, output, notes = run("call", "whoami", "--router", grpc)
        assert code == 0, notes
        code, output, _ = run("replicas", "--router", grpc)
        assert listen in output.replace("\n", "")


@pytest.mark.parametrize(
    ("argv", "option"),
    [
        (["router", "--grpc", "0.0.0.0:0"], "--grpc (or MCPMESH_GRPC)"),
        (["router", "--grpc", "[::]:0", "--workers", "2"], "--grpc (or MCPMESH_GRPC)"),
        (["bridge", "--http", ":0"], "--http (or MCPMESH_HTTP)"),
        (["serve", TOOLS, "--listen", "0.0.0.0:0"], "--listen (or MCPMESH_LISTEN)"),
        (["up", "--grpc", "0.0.0.0:0", "--http", "127.0.0.1:0"], "--grpc (or MCPMESH_GRPC)"),
        (["up", "--grpc", "127.0.0.1:0", "--http", "0.0.0.0:0"], "--http (or MCPMESH_HTTP)"),
    ],
)
def test_listening_in_the_open_is_refused_with_the_two_ways_out(
    argv: list[str], option: str
) -> None:
    code, _, notes = run(*argv)
    assert code == 2
    assert option in notes
    assert "give --tls-cert and --tls-key, or --insecure to allow it" in notes
    assert "Traceback" not in notes


def test_insecure_listens_in_the_open_and_warns(tmp_path: Path) -> None:
    with command(tmp_path, "router", "--grpc", "0.0.0.0:0", "--insecure") as router:
        assert router.ready["grpc"].startswith("0.0.0.0:")
    (warning,) = [line for line in router.lines() if line["level"] == "WARNING"]
    assert "listening on 0.0.0.0:0 without TLS" in warning["message"]


def test_tls_listens_in_the_open(authority: Authority, tmp_path: Path) -> None:
    files = authority.sign("open", *HERE)
    tls = ("--tls-cert", files.cert, "--tls-key", files.key)
    with command(tmp_path, "router", "--grpc", "0.0.0.0:0", *tls) as router:
        pass
    assert not [line for line in router.lines() if line["level"] == "WARNING"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["router", "--tls-cert", "/nowhere"], "--tls-cert (or MCPMESH_TLS_CERT): cannot read"),
        (["tools", "--tls-ca", "/nowhere"], "--tls-ca (or MCPMESH_TLS_CA): cannot read"),
        (["serve", TOOLS, "--tls-key", "/nowhere"], "give --tls-cert too"),
        (["router", "--tls-require-client-cert"], "give --tls-cert too"),
        (["up", "--tls-ca", "system"], "who need a certificate"),
        (["up", "--tls-cert", "/nowhere"], "name its authority"),
    ],
)
def test_settings_that_cannot_work_are_named(argv: list[str], said: str) -> None:
    code, _, notes = run(*argv)
    assert code == 2
    assert said in notes
    assert "Traceback" not in notes
