"""Serves an example's tools, so that a client can call them as a user would."""

from contextlib import asynccontextmanager

from mcpmesh import Client


@asynccontextmanager
async def calling(app):
    """Yield a client of a tool server that runs while the block does."""
    replica = await app.start()
    try:
        async with Client(replica.endpoint, default_timeout=20) as client:
            yield client
    finally:
        await app.stop(grace=0)
