"""A thousand tools, of the size that tools have, for lists of them."""

from mcpmesh import ToolServer

TOOLS = 1000
app = ToolServer("many")


def add(number: int) -> None:
    """Add one more tool."""

    async def look_up(customer: str, since: str = "", limit: int = 20) -> dict[str, int]:
        """Looks up the orders of a customer, the newest first.

        Args:
            customer: The customer's number, as it stands on an invoice.
            since: The day from which on orders count, as YYYY-MM-DD; empty for all.
            limit: How many orders to return at most.
        """
        return {customer: limit + len(since)}

    app.tool(name=f"shop{number:04}_look_up_orders")(look_up)


for _number in range(TOOLS):
    add(_number)
