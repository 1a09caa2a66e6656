"""The clients whose packages are there, against a mesh: what `make interop-mcp` prints."""

import pytest

from tests.e2e.commands import command
from tests.interop_mcp.__main__ import MESH, bridge_of
from tests.interop_mcp.clients.checks import CHECKS
from tests.interop_mcp.columns import every


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    with command(tmp_path_factory.mktemp("mesh"), *MESH) as up:
        yield bridge_of(up)


def quick(client, transport, era):
    """Tell what does not start a program for each check; of the Inspector, two columns do."""
    return client.name != "Inspector" or (transport == "http" and era != "auto")


@pytest.mark.parametrize(
    ("client", "transport", "era"),
    [
        pytest.param(*each, id=f"{each[0].name}-{each[1]}-{each[2]}")
        for each in every()
        if quick(*each)
    ],
)
async def test_a_client_lists_and_calls(bridge, client, transport, era):
    column = await client.column(bridge, transport, era, install=False)
    if column.skipped.keys() == CHECKS.keys():
        pytest.skip(column.skipped["tools/list"])
    assert not {case: wrong for case, wrong in column.wrong.items() if wrong}
    assert column.wrong.keys() | column.skipped.keys() == CHECKS.keys()
