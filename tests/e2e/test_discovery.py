"""A router's process finds replicas that its sources tell of, also when workers route."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.e2e.commands import command
from tests.e2e.stubs import Stubs
from tests.e2e.test_static import ANY, plain
from tests.eventually import eventually
from tests.unit.router.kubernetes_server import api_server, endpoint, endpoint_slice
from tests.unit.router.name_server import name_server

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "SERVER"}}]
users: [{name: me, user: {token: letmein}}]
"""
SRV = "_grpc._tcp.tools.example."


async def _answers(stubs: Stubs, *names: str) -> bool:
    if (await stubs.ready("plain"))[1] != len(names):
        return False
    return set(await stubs.spread("plain", 30)) == set(names)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_all_sources_at_once(tmp_path: Path, workers: str) -> None:
    file, kubeconfig = tmp_path / "replicas.toml", tmp_path / "kubeconfig"
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(plain(name)) for name in ("file", "srv", "pod")]
        zone = await stack.enter_async_context(name_server())
        cluster = await stack.enter_async_context(api_server())
        kubeconfig.write_text(KUBECONFIG.replace("SERVER", cluster.url))
        file.write_text("replica = []")
        options = (
            "--static", f"srv://127.0.0.1:{zone.port}/{SRV}=plain",
            "--static", "kubernetes:///ocr.tools=plain",
            "--discovery-file", str(file), "--workers", workers, "--grpc", ANY,
        )  # fmt: skip
        env = {"KUBECONFIG": str(kubeconfig), "KUBERNETES_SERVICE_HOST": ""}
        # The first answers of both are without replicas.
        zone.put(SRV, "SRV", "0 0 0 .", ttl=0)
        with command(tmp_path, "router", *options, env=env) as router:
            async with Stubs(router.grpc) as stubs:
                file.write_text(
                    f'[[replica]]\nendpoint = "127.0.0.1:{ports[0]}"\ntools = ["plain"]\n'
                )
                await eventually(lambda: _answers(stubs, "file"))
                zone.put("a.example.", "A", "127.0.0.1", ttl=0)
                zone.put(SRV, "SRV", f"0 0 {ports[1]} a.example.", ttl=0)
                await eventually(lambda: _answers(stubs, "file", "srv"))
                await cluster.put(
                    endpoint_slice("s", endpoint("p", "127.0.0.1"), port=ports[2]), "ADDED"
                )
                await eventually(lambda: _answers(stubs, "file", "srv", "pod"))
                ends = endpoint("p", "127.0.0.1", ready=False, terminating=True)
                await cluster.put(endpoint_slice("s", ends, port=ports[2]))
                file.write_text("replica = []")
                await eventually(lambda: _answers(stubs, "srv"))
