"""A gRPC service and an HTTP API, adopted by commands and by a configuration."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from mcp.client.client import Client

from tests.e2e.commands import PATIENCE, Command, command, environment
from tests.eventually import eventually
from tests.integration.adopt.petstore_server import KEY, Petstore
from tests.integration.adopt.petstore_server import served as petstore_served
from tests.integration.adopt.zoo_server import Animal, Zoo, stub
from tests.integration.adopt.zoo_server import served as zoo_served

ANY = "127.0.0.1:0"
PETSTORE = Path(__file__).parents[1] / "integration" / "adopt" / "petstore.yaml"


@asynccontextmanager
async def running(
    folder: Path, *argv: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[Command]:
    """Run a command beside the servers of this loop, which it asks before it is ready."""
    context = command(folder, *argv, env=env)
    started = await asyncio.to_thread(context.__enter__)
    try:
        yield started
    finally:
        await asyncio.to_thread(context.__exit__, *sys.exc_info())


async def test_a_mesh_adopts_what_its_configuration_names(tmp_path: Path) -> None:
    one, two, store = Zoo(), Zoo(), Petstore()
    async with (
        zoo_served(one) as first,
        zoo_served(two) as second,
        petstore_served(store.app) as url,
    ):
        config = tmp_path / "mesh.toml"
        config.write_text(
            f"""
            [adopt.zoo]
            kind = "grpc"
            addresses = ["{first}", "grpc://{second}"]
            only = ["zoo.v1.Zoo/Echo", "zoo.v1.Zoo/ListAnimals"]

            [adopt.petstore]
            kind = "openapi"
            document = "{PETSTORE}"
            base_url = "{url}/api/v3"
            namespace = "shop"
            only = ["tag:store"]
            secrets = {{ api_key = "${{STORE_KEY}}" }}
            """
        )
        options = ("--grpc", ANY, "--http", ANY, "--config", str(config))
        async with running(tmp_path, "up", *options, env={"STORE_KEY": KEY}) as up:
            await _used(up, one, two)
            assert KEY not in up.errors()


async def _used(up: Command, one: Zoo, two: Zoo) -> None:
    async with Client(f"{up.url}/mcp") as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == [
            "Zoo_Echo", "Zoo_ListAnimals", "shop_deleteOrder", "shop_getInventory",
            "shop_getOrderById", "shop_placeOrder",
        ]  # fmt: skip
        counted = await client.call_tool("shop_getInventory", {})
        assert counted.structured_content == {}
        while not (one.calls and two.calls):
            echoed = await client.call_tool("Zoo_Echo", {"name": "Ada"})
            assert echoed.structured_content["name"] == "Ada"
    one.calls = two.calls = 0
    async with grpc.aio.insecure_channel(up.grpc) as channel:

        async def both_called() -> bool:
            await stub(channel, "Echo")(Animal(name="Ada"), wait_for_ready=True)
            return bool(one.calls and two.calls)

        await eventually(both_called)


async def test_a_command_that_nothing_can_come_of_ends_and_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("swagger: '2.0'")
    async with zoo_served(Zoo(), reflect=False) as address, petstore_served(Petstore().app) as url:
        for argv, said in (
            ((f"grpc://{address}",), "serves no reflection; name a file with its descriptors"),
            ((f"openapi:{broken}", "--base-url", url), "says swagger 2.0"),
            (("grpc://nowhere",), "is not HOST:PORT"),
        ):
            code, text = await asyncio.to_thread(_run, *argv)
            assert (code, said in text) == (2, True), text
            assert "Traceback" not in text


def _run(*argv: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mcpmesh", "adopt", *argv, "--router", ""],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
