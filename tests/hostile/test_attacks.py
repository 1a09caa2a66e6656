"""Every attack ends as it should, is counted, costs bounded memory, and harms no honest caller.

How much slower the honest caller gets is for `make attack` to measure.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
import pytest

from benchmarks.hostile.arena import Arena, arena
from benchmarks.hostile.attacker import Outcome, attack_router, be_replica, listen
from benchmarks.hostile.attacks import ATTACKS, Attack
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

#: Seconds; generous, so that a busy machine changes nothing.
PATIENCE = 60.0
MAX_GROWTH_BYTES = 200 << 20
_REQUEST = invoke_pb2.InvokeRequest(tool="echo", arguments=b'{"text":"hello"}')


@pytest.fixture(scope="module")
def ring() -> Iterator[Arena]:
    with arena() as running:
        yield running


@pytest.fixture(scope="module")
def honest(ring: Arena) -> Iterator[invoke_pb2_grpc.ToolServiceStub]:
    """A stock client of the router, which knows the tool."""
    with grpc.insecure_channel(f"127.0.0.1:{ring.port}") as channel:
        stub = invoke_pb2_grpc.ToolServiceStub(channel)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                call(stub)
                break
            except grpc.RpcError as error:
                early = error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE)
                if not early or time.monotonic() > end:
                    raise
                time.sleep(0.05)
        yield stub


def call(stub: invoke_pb2_grpc.ToolServiceStub) -> None:
    assert not stub.Invoke(_REQUEST, timeout=PATIENCE).result.is_error


def launch(attack: Attack, ring: Arena) -> Outcome:
    if not attack.replica:
        return attack_router(attack, ring.port, PATIENCE, 1.0, once=True)
    with listen(ring.evil_port) as listener:
        return be_replica(attack, listener, ring.port, PATIENCE, once=True)


def counted(ring: Arena, attack: Attack) -> int:
    refusals = ring.refusals()
    return sum(refusals.get(reason, 0) for reason in attack.reasons)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(attack: Attack, ring: Arena, honest: invoke_pb2_grpc.ToolServiceStub) -> None:
    before, idle, peak = counted(ring, attack), ring.rss(), 0
    with ThreadPoolExecutor(1) as pool:
        attacking: Future[Outcome] = pool.submit(launch, attack, ring)
        while not attacking.done():
            call(honest)
            peak = max(peak, ring.rss())
            time.sleep(0.005)
        outcome = attacking.result()
    ended = outcome.streams if attack.streams else outcome.endings
    assert any(how in ended for how in attack.ends), outcome
    assert peak - idle < MAX_GROWTH_BYTES
    assert not attack.reasons or counted(ring, attack) > before, ring.refusals()
    call(honest)
