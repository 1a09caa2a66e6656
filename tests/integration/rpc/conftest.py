import pytest

from tests.integration.rpc.pairing import Pairing

PAIRINGS = [Pairing("our", "our"), Pairing("our", "grpc"), Pairing("grpc", "our"),
            Pairing("grpc", "grpc")]  # fmt: skip


@pytest.fixture(params=PAIRINGS, ids=str)
def pairing(request):
    return request.param
