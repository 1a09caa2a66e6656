"""What clients list, call, read and get: a little of everything that MCP knows."""

import asyncio
from base64 import b64decode

from mcpmesh import Image, ToolContext, ToolFailure, ToolServer

app = ToolServer("interop", lease_ttl=5.0)
#: One red pixel.
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
#: Seconds that somebody waits for what another call brings about.
_PATIENCE = 10.0
#: Seconds between two steps: the TypeScript clients lose what they read together with the answer.
_PAUSE = 0.05


class Waiting:
    """A call that waits to be cancelled, as others see it."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()


_waiting: dict[str, Waiting] = {}


def _of(key: str) -> Waiting:
    return _waiting.setdefault(key, Waiting())


@app.tool
async def add(a: int, b: int) -> dict[str, int]:
    """Adds two integers."""
    return {"sum": a + b}


@app.tool
async def picture():
    """Shows a red pixel."""
    return Image(PNG)


@app.tool
async def fails():
    """Fails."""
    raise ToolFailure("this tool fails")


@app.tool
async def count(ctx: ToolContext, steps: int = 3) -> str:
    """Tells how far it is."""
    for step in range(1, steps + 1):
        await ctx.progress(step, steps, f"step {step}")
        await asyncio.sleep(_PAUSE)
    return "counted"


@app.tool
async def greet(ctx: ToolContext) -> str:
    """Asks for a name."""
    return f"Hello, {await ctx.ask('What is your name?', key='name')}!"


@app.tool
async def wait(key: str) -> str:
    """Waits until it is cancelled."""
    waiting = _of(key)
    waiting.began.set()
    try:
        await asyncio.sleep(3 * _PATIENCE)
    except asyncio.CancelledError:
        waiting.cancelled.set()
        raise
    return "nobody cancelled"


@app.tool
async def began(key: str) -> str:
    """Waits until a call of wait runs."""
    return await _seen(_of(key).began)


@app.tool
async def cancelled(key: str) -> str:
    """Waits until a call of wait was cancelled."""
    return await _seen(_of(key).cancelled)


async def _seen(event: asyncio.Event) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            await event.wait()
    except TimeoutError:
        return "no"
    return "yes"


@app.resource("books://all", mime_type="text/plain")
async def books():
    """The names of all books."""
    return "Emma, Ulysses"


@app.resource("books://{title}/page/{number}", mime_type="text/plain")
async def page(title: str, number: int):
    """A page of a book."""
    return f"page {number} of {title}"


async def _titles(value: str) -> list[str]:
    return [title for title in ("Emma", "Ulysses") if title.startswith(value)]


@app.prompt(complete={"title": _titles})
async def review(title: str):
    """Asks for a review.

    Args:
        title: The book
    """
    return f"Review {title}."
