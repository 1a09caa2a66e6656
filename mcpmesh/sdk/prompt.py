"""A function as a prompt: its parameters are what users fill in, its value is the messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from mcpmesh.model.prompt import Prompt, PromptArgument
from mcpmesh.model.tool import PROMPT
from mcpmesh.sdk.completion import Completer, completing
from mcpmesh.sdk.content import blocks
from mcpmesh.sdk.entry_options import EntryOptions
from mcpmesh.sdk.output import Output
from mcpmesh.sdk.tool import ToolFunction, ToolOptions, check_options, tool_function
from mcpmesh.v1 import tool_pb2


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt: any content, and who says it."""

    content: object
    role: Literal["user", "assistant"] = "user"


class PromptOptions(EntryOptions, total=False):
    """What a prompt's author may say beside the function itself; as for tools.

    `complete` gives values for arguments, by their names.
    """

    complete: Mapping[str, Completer]


@dataclass(frozen=True, slots=True)
class Messages(Output):
    """Turns a text, content, a Message or a list of them into messages."""

    def result(self, value: object) -> tool_pb2.ToolResult:
        if isinstance(value, tool_pb2.ToolResult):
            return value
        content = []
        for item in value if isinstance(value, list | tuple) else (value,):
            message = item if isinstance(item, Message) else Message(item)
            for block in blocks(message.content):
                block.role = message.role
                content.append(block)
        return tool_pb2.ToolResult(content=content)


def prompt_function(function: Callable[..., Any], said: PromptOptions) -> ToolFunction:
    """Make a prompt of a function.

    Raises: TypeError naming the parameter that has no schema; InvalidCall for a value that the
    mesh refuses.
    """
    check_options("prompt", said, PromptOptions)
    options: dict[str, Any] = {**said}
    completers = options.pop("complete", {})
    # Getting a prompt changes nothing, so a lost attempt may be tried again.
    made = tool_function(function, ToolOptions(**options, idempotent=True, read_only=True))
    prompt = Prompt(tuple(_arguments(made.tool.input_schema)))
    tool = replace(
        made.tool,
        name=PROMPT + made.tool.name,
        output_schema=b"",
        version=options.get("version", ""),
        kind=prompt,
    )
    names = [argument.name for argument in prompt.arguments]
    return replace(made, tool=tool, output=Messages(), complete=completing(tool, names, completers))


def _arguments(schema: bytes) -> list[PromptArgument]:
    """Read the arguments of a prompt from the schema of its function's parameters."""
    told = orjson.loads(schema)
    required = told.get("required", [])
    return [
        PromptArgument(name, each.get("title", ""), each.get("description", ""), name in required)
        for name, each in told["properties"].items()
    ]
