"""`mcpmesh tools` and `mcpmesh replicas`: what is in the mesh now."""

import json
from collections.abc import Sequence
from typing import Any

from mcpmesh.cli.connect import Reach, connected
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.output import compact, print_json, print_line, print_rows
from mcpmesh.sdk.tool_info import ReplicaInfo, ToolInfo


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
    rows = [
        (
            info.replica.id,
            info.replica.endpoint,
            info.state,
            info.in_flight,
            "static" if info.lease_remaining is None else f"{info.lease_remaining:.1f} s",
            _names(info.tools),
            info.reason,
        )
        for info in replicas
    ]
    columns = ("replica", "endpoint", "state", "in flight", "lease", "tools", "reason")
    print_rows(columns, rows, "no replicas")
    return Exit.OK


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
            "leaseRemaining": info.lease_remaining,
            "tools": list(info.tools),
        }
    ) | {"weight": info.replica.weight, "inFlight": info.in_flight}


def _first_line(info: ToolInfo) -> str:
    return info.description.strip().partition("\n")[0]


def _names(tools: Sequence[str]) -> str:
    """Write tools without their versions, which `tools` shows."""
    return ", ".join(tool.partition("@")[0] for tool in tools)


def _pretty(schema: dict[str, Any] | None) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
