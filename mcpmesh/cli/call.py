"""`mcpmesh call`: call one tool and print what it says."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcpmesh.cli.arguments import read_arguments
from mcpmesh.cli.connect import Reach, connected
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.json_input import read_json, read_stdin
from mcpmesh.cli.output import compact, print_json, print_line, print_note
from mcpmesh.codec.mcp_content import block_json
from mcpmesh.errors import ToolNotFound
from mcpmesh.model.tool import check_callable
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.client import Client
from mcpmesh.sdk.events import Chunk, Interim, LogEvent, ProgressEvent
from mcpmesh.sdk.outgoing import CallOptions, Question, QuestionUnanswered
from mcpmesh.v1 import tool_pb2

#: What stands for "read the arguments from stdin".
STDIN = "-"
#: Blocks are written as the newest revision of MCP has them.
_MCP = "2026-07-28"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it was asked on the command line.

    Raises: CommandError; InvalidCall for a name that no tool can have.
    """

    tool: str
    pairs: Sequence[str] = ()
    json: str | None = None
    timeout: float | None = None
    version: str = ""

    def __post_init__(self) -> None:
        check_callable(self.tool)
        by_pairs = any(pair != STDIN for pair in self.pairs)
        ways = (STDIN in self.pairs) + (self.json is not None) + by_pairs
        if ways > 1:
            raise CommandError("give the arguments as KEY=VALUE, with --json, or as -, not mixed")
        if self.timeout is not None and not self.timeout > 0:
            raise CommandError(f"--timeout {self.timeout:g} is not a number of seconds above 0")

    def options(self) -> CallOptions:
        """Return what goes with the call."""
        return {"timeout": self.timeout, "version": self.version}

    async def arguments(self, client: Client) -> dict[str, Any]:
        """Return the arguments; KEY=VALUE is read by the tool's schema."""
        if self.json is not None:
            return read_json(self.json, "--json")
        if STDIN in self.pairs:
            return read_json(read_stdin(sys.stdin), "stdin")
        if not self.pairs:
            return {}
        try:
            schema = (await client.get_tool(self.tool, self.version)).input_schema
        except ToolNotFound:
            # Another tool may stand in for it, which only the call shows.
            schema = {}
        return read_arguments(self.pairs, schema)


async def call(reach: Reach, asked: Asked, *, stream: bool, as_json: bool) -> Exit:
    """Call a tool, print its result, and return how it ended.

    Raises: CommandError when the tool asks back, because there is nobody here to answer.
    """
    try:
        return await _call(reach, asked, stream=stream, as_json=as_json)
    except QuestionUnanswered as error:
        raise CommandError(asks_back(asked.tool, error.questions), Exit.FAILED) from error


async def _call(reach: Reach, asked: Asked, *, stream: bool, as_json: bool) -> Exit:
    async with connected(reach) as client:
        arguments = await asked.arguments(client)
        if not stream:
            result = await client.call(asked.tool, arguments, **asked.options())
            return print_result(asked.tool, result, as_json=as_json)
        streamed = False
        async with client.stream(asked.tool, arguments, **asked.options()) as events:
            async for event in events:
                if isinstance(event, CallResult):
                    return print_result(asked.tool, event, as_json=as_json, streamed=streamed)
                print_event(event, as_json=as_json)
                streamed = streamed or isinstance(event, Chunk)
    raise CommandError(f"{asked.tool}: the stream ended without a result", Exit.FAILED)


def asks_back(tool: str, questions: Sequence[Question]) -> str:
    """Say what a tool wants to know, and who can answer it."""
    asked = "; ".join(str(each.params.get("message") or each.method) for each in questions)
    return (
        f"{tool} asks back: {asked!r}. This command cannot answer; call it from an MCP client, or "
        "with mcpmesh.Client and on_input"
    )


def print_result(
    tool: str, result: CallResult[Any], *, as_json: bool, streamed: bool = False
) -> Exit:
    """Print how a call ended; of a stream, only what its chunks did not say."""
    if as_json:
        print_json(result_json(result))
    elif result.is_error:
        who = tool if result.tool in ("", tool) else f"{result.tool}, called for {tool},"
        print_note(f"{who} failed: {result.text or 'it does not say why'}")
    elif result.content:
        for block in result.content:
            print_line(block_text(block))
    elif result.structured is not None and not streamed:
        print_json(result.structured)
    if not as_json:
        for alert in result.alerts:
            print_note(f"note: {alert}")
        if not result.is_error and result.tool not in ("", tool):
            print_note(f"note: {result.tool} answered for {tool}")
    return Exit.FAILED if result.is_error else Exit.OK


def print_event(event: Interim, *, as_json: bool) -> None:
    """Print an event as it comes: chunks are output, the rest are notes."""
    if as_json:
        print_json(event_json(event))
    elif isinstance(event, Chunk):
        print_line(block_text(event.content))
    elif isinstance(event, ProgressEvent):
        share = f"{event.progress:g}" + (f"/{event.total:g}" if event.total is not None else "")
        print_note(f"[{share}] {event.message}".rstrip())
    else:
        data = (
            event.data
            if isinstance(event.data, str)
            else json.dumps(event.data, ensure_ascii=False, default=str)
        )
        print_note(f"{event.level}: {data}")


def block_text(block: tool_pb2.Content) -> str:
    """Write a block for people; what is no text is described."""
    if block.HasField("text"):
        return block.text.text
    if block.HasField("resource") and block.resource.HasField("text"):
        return block.resource.text
    if block.HasField("resource_link"):
        return f"{block.resource_link.name}: {block.resource_link.uri}"
    kind = block.WhichOneof("block") or "nothing"
    body = getattr(block, kind) if kind != "nothing" else None
    size = len(getattr(body, "data", b"") or getattr(body, "blob", b""))
    return f"[{kind} {getattr(body, 'mime_type', '')}, {size} bytes; --json-output shows it]"


def result_json(result: CallResult[Any]) -> dict[str, Any]:
    """Write a result for programs, with MCP's names where MCP has one."""
    written: dict[str, Any] = {
        "content": [block_json(block, _MCP) for block in result.content],
        "isError": result.is_error,
    }
    if result.structured is not None:
        written["structuredContent"] = result.structured
    if (failure := result.failure) is not None:
        written["error"] = {
            "code": failure.code,
            "retryable": failure.retryable,
            "retryAfterMs": failure.retry_after_ms,
        }
    rest = {
        "alerts": list(result.alerts),
        "_meta": dict(result.meta),
        "correlationId": result.correlation_id,
        "tool": result.tool,
    }
    return written | compact(rest)


def event_json(event: Interim) -> dict[str, Any]:
    """Write an event of a stream for programs."""
    if isinstance(event, Chunk):
        return {"event": "content", "content": block_json(event.content, _MCP)}
    if isinstance(event, LogEvent):
        line = {"event": "log", "level": event.level, "data": event.data, "logger": event.logger}
        return compact(line)
    return compact(
        {
            "event": "progress",
            "progress": event.progress,
            "total": event.total,
            "message": event.message,
        }
    )
