"""A client and the peer that it talks to."""

from collections.abc import AsyncIterator

import pytest

from mcpmesh import Client
from tests.unit.sdk.peer import Seen, serving


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Client, Seen]]:
    """Return a client, and what its peer saw of its calls."""
    async with serving() as (target, seen), Client(target) as client:
        yield client, seen
