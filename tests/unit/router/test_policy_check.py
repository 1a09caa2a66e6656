import pytest

from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.router.policy_check import PolicyCheck

PAY = Tool("pay")
LOOK = Tool("look", annotations=ToolAnnotations(read_only=True, idempotent=True))


def told(check: PolicyCheck, caplog: pytest.LogCaptureFixture, *tools: Tool) -> list[str]:
    """Let tools come, or those called pay go when there are none; return what is said of it."""
    caplog.clear()
    clusters = {tool.name: (Cluster(tool, ()),) for tool in tools}
    check.on_catalog(Catalog(1, clusters), frozenset(clusters or ["pay"]))
    return caplog.messages


def test_settings_that_do_nothing_are_warned_of_once_while_the_tool_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    check = PolicyCheck(ToolPolicies({"pay": {"hedge": 0.95}, "look": {"hedge": 0.95}}))
    said = ["settings of pay: hedge does nothing, as it is neither idempotent nor read-only"]
    assert told(check, caplog, PAY, LOOK) == said
    assert told(check, caplog, PAY) == []
    assert told(check, caplog) == []
    assert told(check, caplog, PAY) == said


def test_a_tools_own_wish_is_held_against_it_and_what_is_said_of_all_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    check = PolicyCheck(ToolPolicies({"*": {"cache": 5}}))
    assert told(check, caplog, PAY) == []
    assert len(told(check, caplog, Tool("pay", policy={"cache": 5}))) == 1
