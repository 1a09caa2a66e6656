"""The process under attack: router, tools and bridge, with times and caches short.

Prints its port; each line on stdin is answered with what it holds, as JSON.
"""

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from random import Random

from mcpmesh import ToolContext, ToolFailure, ToolServer
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config import BridgeSettings, RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.bridge_observer import BridgeTelemetry
from mcpmesh.telemetry.setup import without_exporters

ANY = "127.0.0.1:0"
MAX_BODY_BYTES = 64 * 1024
SETTINGS = BridgeSettings(
    max_body_bytes=MAX_BODY_BYTES,
    heartbeat=1.0,
    resume_within=1.0,
    max_stream_bytes=16 * 1024,
    max_kept_bytes=256 * 1024,
    session_key="the same in every run",
    sse=True,
)
TUNING = Tuning(
    page_size=3,
    head_timeout=2.0,
    body_timeout=2.0,
    ask_timeout=1.0,
    kept_answer_ttl=2.0,
    max_kept_answer_bytes=256 * 1024,
)
app = ToolServer("fuzzed")


@app.tool(labels={"team": "a"})
async def echo(text: str = "", number: int = 0) -> dict[str, str | int]:
    """Repeats what it gets."""
    return {"text": text, "number": number}


@app.tool(input_schema={"type": "object", "properties": {"x": {"x-mcp-header": "X"}}})
async def any_object(arguments: dict[str, object]) -> str:
    """Takes any object."""
    return json.dumps(arguments)


@app.tool
async def count(ctx: ToolContext, steps: int = 3) -> str:
    """Tells how far it is, and logs."""
    for step in range(min(steps, 20)):
        await ctx.progress(step, steps)
        await ctx.log("info", f"step {step}")
    return "counted"


@app.tool
async def ask(ctx: ToolContext) -> str:
    """Asks for a name."""
    return str(await ctx.ask("name?", key="name"))


@app.tool
async def fails() -> str:
    """Fails."""
    raise ToolFailure("it fails")


@app.tool
async def slow() -> str:
    """Takes a moment."""
    await asyncio.sleep(0.05)
    return "done"


@app.prompt
async def review(title: str, tone: str = "kind") -> str:
    """Asks for a review."""
    return f"Review {title}, be {tone}."


@app.resource("a://b")
async def text() -> str:
    """Text."""
    return "text"


@app.resource("a://c/{x}")
async def by_name(x: str) -> str:
    """Text by a name."""
    return x


async def main() -> None:
    """Serve until the end of stdin."""
    telemetry = without_exporters(Random(1))
    router = Router(RouterSettings(grpc=ANY), telemetry)
    endpoint = await router.start()
    await app.start(ANY, endpoint)
    await app.registered()
    bridge = Bridge(router.mesh, SETTINGS, tuning=TUNING, observer=BridgeTelemetry(telemetry))
    server = HttpServer(HttpApp(bridge), ANY, grace=1)
    address = await server.start()
    print(json.dumps({"http": address, "grpc": endpoint}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(held()), flush=True)
    await server.stop()
    await app.stop(0)
    await router.stop(0)


def held() -> dict[str, int]:
    """Return what this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "resident_kib": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
    }


if __name__ == "__main__":
    asyncio.run(main())
