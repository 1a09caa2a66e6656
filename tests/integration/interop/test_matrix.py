"""gRPC's interop cases in every pairing of this process; `make interop` adds Go and Node."""

import asyncio

import pytest

from tests.interop.cases import CASES
from tests.interop.pairings import PAIRINGS, peer_of


@pytest.mark.parametrize("pairing", PAIRINGS, ids=str)
@pytest.mark.parametrize("case", CASES)
async def test_case(pairing, case):
    async with asyncio.timeout(30), peer_of(pairing) as peer:
        await CASES[case](peer)
