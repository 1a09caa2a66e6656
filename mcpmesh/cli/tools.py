"""`mcpmesh tools`, `mcpmesh replicas` and `mcpmesh why`: what is in the mesh now."""

import json
from collections.abc import Sequence
from typing import Any

from mcpmesh.cli.connect import Reach, connected
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.output import compact, print_json, print_line, print_rows
from mcpmesh.sdk.tool_info import Explanation, RecentAttempts, ReplicaInfo, ToolInfo


async def list_tools(reach: Reach, *, all_versions: bool, as_json: bool) -> Exit:
    """Print all tools of the mesh."""
    async with connected(reach) as client:
        tools = await client.list_tools(all_versions=all_versions)
    if as_json:
        print_json([tool_json(info) for info in tools])
        return Exit.OK
    rows = [
        (info.name, info.version, f"{info.ready_replicas}/{info.replicas}", _first_line(info))
        for info in tools
    ]
    print_rows(
        ("tool", "version", "ready", "what it does"),
        rows,
        "no tools yet; `mcpmesh serve MODULE:APP` brings some",
    )
    return Exit.OK


async def show_tool(reach: Reach, name: str, version: str, *, as_json: bool) -> Exit:
    """Print one tool with its schemas."""
    async with connected(reach) as client:
        info = await client.get_tool(name, version)
    if as_json:
        print_json(tool_json(info))
        return Exit.OK
    print_line(f"{info.name} {info.version}  ({info.ready_replicas}/{info.replicas} ready)")
    for heading, body in (
        ("", info.description),
        ("Arguments:", json.dumps(info.input_schema, indent=2, ensure_ascii=False)),
        ("Result:", _pretty(info.output_schema)),
    ):
        if body:
            print_line("\n" + "\n".join(filter(None, (heading, body))))
    return Exit.OK


async def list_replicas(reach: Reach, tool: str, *, as_json: bool) -> Exit:
    """Print the replicas of one tool or of all."""
    async with connected(reach) as client:
        if tool:
            await client.get_tool(tool)  # so that a name nobody knows is an error
        replicas = await client.list_replicas(tool)
    if as_json:
        print_json([replica_json(info) for info in replicas])
        return Exit.OK
    columns = (
        *("replica", "endpoint", "state", "health", "in flight", "answers in", "success", "picks"),
        *("lease", "tools", "reason"),
    )
    print_rows(columns, [_row(info) for info in replicas], "no replicas")
    return Exit.OK


async def explain_tool(reach: Reach, name: str, version: str, *, as_json: bool) -> Exit:
    """Print why calls of a tool go where they go."""
    async with connected(reach) as client:
        said = await client.explain_tool(name, version)
    if as_json:
        print_json(explanation_json(said))
        return Exit.OK
    print_line(f"{said.name} {said.version}: {said.summary} Policy: {said.policy}.\n")
    ranking = [
        (
            place if each.takes_calls else "-",
            each.replica.replica.id,
            each.replica.in_flight,
            *_recently(each.replica),
            each.reason,
        )
        for place, each in enumerate(said.ranking, 1)
    ]
    columns = ("rank", "replica", "in flight", "answers in", "success", "picks", "why")
    print_rows(columns, ranking, "no replicas")
    print_line()
    picks = [
        (
            f"{pick.ago:.1f} s",
            pick.replica_id,
            pick.attempt,
            f"{pick.in_flight} ({pick.least_in_flight} to {pick.most_in_flight})",
            pick.reason,
        )
        for pick in said.picks
    ]
    headings = ("ago", "picked", "attempt", "in flight (of all)", "why")
    print_rows(headings, picks, "no picks yet")
    return Exit.OK


def _row(info: ReplicaInfo) -> tuple[object, ...]:
    return (
        info.replica.id,
        info.replica.endpoint,
        info.state,
        _health(info),
        info.in_flight,
        *_recently(info),
        "static" if info.lease_remaining is None else f"{info.lease_remaining:.1f} s",
        _names(info.tools),
        info.reason or info.health_reason,
    )


def _health(info: ReplicaInfo) -> str:
    """Write the health in a word, with how long or how much."""
    word = info.health.lower().replace("_", " ")
    if info.ejected_for is not None:
        return f"{word} for {info.ejected_for:.0f} s"
    return f"{word} at {info.share:.0%}" if info.share < 1.0 else word


def _recently(info: ReplicaInfo) -> tuple[str, str, str]:
    """Write the mean time of answers, the share of successes, and that of picks."""
    recent = info.recent
    if recent is None or not recent.picks:
        return "", "", ""
    return (
        "" if recent.mean_time is None else f"{recent.mean_time * 1e3:.1f} ms",
        "" if recent.success_ratio is None else f"{recent.success_ratio:.1%}",
        f"{recent.pick_ratio:.0%}",
    )


def tool_json(info: ToolInfo) -> dict[str, Any]:
    """Write a tool for programs, with MCP's names where MCP has one."""
    tool = info.tool
    return compact(
        {
            "name": tool.name,
            "title": tool.title,
            "description": tool.description,
            "version": tool.version,
            "labels": dict(tool.labels),
            "capability": tool.capability,
            "timeout": tool.timeout,
            "inputSchema": info.input_schema,
            "outputSchema": info.output_schema,
        }
    ) | {"replicas": info.replicas, "readyReplicas": info.ready_replicas}


def replica_json(info: ReplicaInfo) -> dict[str, Any]:
    """Write a replica for programs."""
    return compact(
        {
            "id": info.replica.id,
            "server": info.replica.server,
            "endpoint": info.replica.endpoint,
            "labels": dict(info.replica.labels),
            "state": info.state,
            "reason": info.reason,
            "health": info.health,
            "healthReason": info.health_reason,
            "ejectedFor": info.ejected_for,
            "leaseRemaining": info.lease_remaining,
            "tools": list(info.tools),
        }
    ) | {
        "weight": info.replica.weight,
        "inFlight": info.in_flight,
        "share": info.share,
        "recent": None if info.recent is None else _recent_json(info.recent),
    }


def _recent_json(recent: RecentAttempts) -> dict[str, Any]:
    return {
        "over": recent.over,
        "picks": recent.picks,
        "successes": recent.successes,
        "failures": recent.failures,
        "meanTime": recent.mean_time,
        "pickRatio": recent.pick_ratio,
    }


def explanation_json(said: Explanation) -> dict[str, Any]:
    """Write why calls go where they go, for programs."""
    return {
        "name": said.name,
        "version": said.version,
        "policy": said.policy,
        "summary": said.summary,
        "ranking": [
            {
                "replica": replica_json(each.replica),
                "takesCalls": each.takes_calls,
                "reason": each.reason,
            }
            for each in said.ranking
        ],
        "picks": [
            {
                "ago": pick.ago,
                "replica": pick.replica_id,
                "attempt": pick.attempt,
                "inFlight": pick.in_flight,
                "leastInFlight": pick.least_in_flight,
                "mostInFlight": pick.most_in_flight,
                "reason": pick.reason,
            }
            for pick in said.picks
        ],
    }


def _first_line(info: ToolInfo) -> str:
    return info.description.strip().partition("\n")[0]


def _names(tools: Sequence[str]) -> str:
    """Write tools without their versions, which `tools` shows."""
    return ", ".join(tool.partition("@")[0] for tool in tools)


def _pretty(schema: dict[str, Any] | None) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
