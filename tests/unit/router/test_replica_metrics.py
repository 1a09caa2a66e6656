"""What the router measures of its replicas, while they are there and after."""

from random import Random

from mcpmesh import Client, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.eventually import eventually


async def test_metrics_of_a_replica_go_with_it_and_those_of_others_stay() -> None:
    telemetry = without_exporters(Random(1))
    router = Router(RouterSettings(grpc="127.0.0.1:0"), telemetry)
    endpoint = await router.start()
    servers = {name: await start(name, endpoint) for name in ("stays", "leaves")}
    async with Client(endpoint) as client:
        for name in servers:
            await client.call(name, {}, wait_for_ready=True)
    (states,) = telemetry.instruments.replicas.points()
    assert (dict(states.attributes), states.value) == ({"mcpmesh.replica.state": "READY"}, 2)

    def measured() -> set[object]:
        points = telemetry.instruments.rpc_client.points()
        return {point.attributes["gen_ai.tool.name"] for point in points}

    assert measured() == {"stays", "leaves"}
    await servers["leaves"].stop(0)
    await eventually(lambda: measured() == {"stays"})
    await servers["stays"].stop(0)
    await router.stop(0)


async def start(name: str, router: str) -> ToolServer:
    app = ToolServer(name)

    @app.tool(name=name)
    def answer() -> str:
        return name

    await app.start(router=router)
    await app.registered()
    return app
