"""What a router knows of the load that one tool's calls put on it and on the tool."""

from mcpmesh.policy.fastest import Fastest
from mcpmesh.policy.retry_budget import RetryBudget


class ToolLoad:
    """Counts of one tool's calls, all its versions together.

    Lives as long as the tool is in the catalog, through any number of routes.
    """

    __slots__ = ("budget", "calls", "fastest")

    def __init__(self) -> None:
        #: Calls from the beginning.
        self.calls = 0
        self.budget = RetryBudget()
        self.fastest = Fastest()

    def __repr__(self) -> str:
        return f"<ToolLoad calls={self.calls}>"
