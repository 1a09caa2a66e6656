"""Capabilities, what is known of their tools, and feedback, as a stock client sees them."""

import grpc
import pytest

from mcpmesh.balance.balancer import Routes
from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.choosing import Choosings
from mcpmesh.router.choices import Choices
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.v1 import discovery_pb2
from tests.unit.router.serving import clock, mesh
from tests.unit.router.test_discovery_servicer import refused

TOOLS = (Tool("bank", capability="rates"), Tool("broker"), Tool("echo"))


@pytest.fixture
def keeper() -> RegistryKeeper:
    keeper = RegistryKeeper(clock)
    keeper.register(Replica("a", "10.0.0.7:1", "s"), TOOLS)
    return keeper


@pytest.fixture
def capabilities(keeper: RegistryKeeper) -> Capabilities:
    capabilities = Capabilities(Choosings({"prices": ["bank", "broker"]}))
    keeper.listen(capabilities.on_catalog)
    return capabilities


async def test_feedback_changes_what_is_known_of_the_tool_in_all_it_provides(
    keeper: RegistryKeeper, capabilities: Capabilities
) -> None:
    async with mesh(keeper, capabilities=capabilities) as stubs:
        for _ in range(9):
            said = await stubs.discovery.Feedback(
                discovery_pb2.FeedbackRequest(tool="bank", score=1.0)
            )
        assert said.accuracy.mean == pytest.approx(10 / 11, rel=0.02)
        assert said.accuracy.low < said.accuracy.mean <= said.accuracy.high
        answer = await stubs.discovery.ListChoices(discovery_pb2.ListChoicesRequest())
        one = await stubs.discovery.ListChoices(
            discovery_pb2.ListChoicesRequest(capability="rates")
        )
    assert [choice.capability for choice in answer.choices] == ["prices", "rates"]
    prices, rates = answer.choices
    assert [tool.tool for tool in prices.tools] == ["bank", "broker"]
    assert prices.tools[0].accuracy.mean > 0.85
    assert prices.tools[1].accuracy.mean == 0.5
    assert not prices.tools[0].HasField("seconds")
    assert [tool.tool for tool in rates.tools] == ["bank"]
    assert [choice.capability for choice in one.choices] == ["rates"]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (discovery_pb2.FeedbackRequest(tool="bank"), "INVALID_ARGUMENT", "a score from 0"),
        (discovery_pb2.FeedbackRequest(score=1), "INVALID_ARGUMENT", "mcpmesh-tool"),
        (discovery_pb2.FeedbackRequest(tool="bank", score=1.5), "INVALID_ARGUMENT", "score"),
        (
            discovery_pb2.FeedbackRequest(tool="bank", score=float("nan")),
            "INVALID_ARGUMENT",
            "score",
        ),
        (discovery_pb2.FeedbackRequest(tool="bnak", score=1), "NOT_FOUND", "did you mean bank"),
        (discovery_pb2.FeedbackRequest(tool="echo", score=1), "NOT_FOUND", "no capability"),
    ],
    ids=str,
)
async def test_feedback_that_says_nothing_is_refused(
    keeper: RegistryKeeper,
    capabilities: Capabilities,
    request_: discovery_pb2.FeedbackRequest,
    code: str,
    words: str,
) -> None:
    async with mesh(keeper, capabilities=capabilities) as stubs:
        status, message = await refused(stubs.discovery.Feedback(request_))
    assert status is grpc.StatusCode[code]
    assert words in message


def test_search_is_told_a_worth_where_tools_were_measured(capabilities: Capabilities) -> None:
    choices = Choices(capabilities, Routes, lambda: 0.0)
    assert [choices.worths()(tool) for tool in ("bank", "broker", "echo")] == [None] * 3
    provided = capabilities.find("prices")
    assert provided is not None
    provided.chooser.rated("bank", 1.0, 0.0)
    worth = choices.worths()
    bank, broker = worth("bank"), worth("broker")
    assert bank is not None
    assert broker is not None
    # Nothing is known of the broker; nothing bad either.
    assert bank.mean > broker.mean > 0
    assert worth("echo") is None


async def test_an_unknown_capability_names_the_nearest(
    keeper: RegistryKeeper, capabilities: Capabilities
) -> None:
    request = discovery_pb2.ListChoicesRequest(capability="rate")
    async with mesh(keeper, capabilities=capabilities) as stubs:
        status, message = await refused(stubs.discovery.ListChoices(request))
    assert status is grpc.StatusCode.NOT_FOUND
    assert "did you mean rates" in message
    request = discovery_pb2.ListChoicesRequest(capability="zzzzzz")
    async with mesh(keeper, capabilities=capabilities) as stubs:
        status, message = await refused(stubs.discovery.ListChoices(request))
    assert "list the choices to see what there is" in message


async def test_a_capabilitys_name_finds_its_best_tool(
    keeper: RegistryKeeper, capabilities: Capabilities
) -> None:
    provided = capabilities.find("prices")
    assert provided is not None
    for good, tool in ((False, "bank"), (True, "broker")):
        provided.chooser.ended(tool, 0.1, good, 0.0)
    async with mesh(keeper, capabilities=capabilities) as stubs:
        found = await stubs.discovery.GetTool(discovery_pb2.GetToolRequest(name="prices"))
    assert found.tool.name == "broker"
