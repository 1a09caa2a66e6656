"""`mcpmesh search` and `mcpmesh choices`: which tool for what, and why."""

from dataclasses import asdict
from typing import Any

from mcpmesh.cli.connect import Reach, connected
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.output import compact, print_json, print_line, print_rows
from mcpmesh.cli.tools import tool_json
from mcpmesh.model.estimate import Estimate
from mcpmesh.sdk.tool_info import Choice, SearchHit


async def search_tools(reach: Reach, query: str, limit: int, *, as_json: bool) -> Exit:
    """Print the tools that fit, best first, and why."""
    async with connected(reach) as client:
        hits = await client.search_tools(query, limit=limit)
    if as_json:
        print_json([_hit_json(hit) for hit in hits])
        return Exit.OK
    rows = [
        (hit.info.name, f"{hit.score:.2f}", hit.reason, hit.info.description.partition("\n")[0])
        for hit in hits
    ]
    columns = ("tool", "score", "why", "what it does")
    print_rows(columns, rows, "no tool fits; `mcpmesh tools` lists them all")
    return Exit.OK


async def list_choices(reach: Reach, capability: str, *, as_json: bool) -> Exit:
    """Print the capabilities of the mesh, and what is known of their tools."""
    async with connected(reach) as client:
        choices = await client.list_choices(capability)
    if as_json:
        print_json([asdict(choice) for choice in choices])
        return Exit.OK
    rows = [row for choice in choices for row in _rows(choice)]
    columns = "capability", "tool", "ready", "calls", "worth", "success", "accuracy", "seconds"
    print_rows(
        columns, rows, "no capabilities; @app.tool(capability=…) declares what a tool provides"
    )
    for choice in choices:
        if choice.calls:
            share = choice.explored / choice.calls
            print_line(
                f"{choice.capability}: {choice.calls} calls, {choice.explored} ({share:.1%}) of "
                "them to another tool than the best, to learn of it"
            )
    return Exit.OK


def _rows(choice: Choice) -> list[tuple[object, ...]]:
    return [
        (
            choice.capability,
            each.tool,
            "yes" if each.ready else "no",
            each.calls,
            _shown(each.worth),
            _shown(each.success),
            _shown(each.accuracy),
            _shown(each.seconds),
        )
        for each in choice.tools
    ]


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.mean:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def _hit_json(hit: SearchHit) -> dict[str, Any]:
    why = {
        "score": hit.score,
        "reason": hit.reason,
        "words": hit.words,
        "meaning": hit.meaning,
        "worth": None if hit.worth is None else asdict(hit.worth),
    }
    return tool_json(hit.info) | compact(why)
