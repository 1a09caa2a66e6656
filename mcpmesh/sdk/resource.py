"""A function as a resource, or as a template of resources: its value is the contents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import RESOURCE
from mcpmesh.model.uri_template import UriTemplate
from mcpmesh.sdk.arguments import Arguments, read_object
from mcpmesh.sdk.completion import Completer, completing
from mcpmesh.sdk.content import json_bytes
from mcpmesh.sdk.entry_options import EntryOptions
from mcpmesh.sdk.failure import ToolFailure, WrongOutput
from mcpmesh.sdk.output import Output
from mcpmesh.sdk.tool import ToolFunction, ToolOptions, check_options, tool_function
from mcpmesh.v1 import tool_pb2


class ResourceOptions(EntryOptions, total=False):
    """What a resource's author may say beside the URI and the function; as for tools.

    `complete` gives values for variables of a template, by their names. Units: `size` in bytes.
    """

    mime_type: str
    size: int | None
    audience: tuple[str, ...]
    priority: float | None
    complete: Mapping[str, Completer]


_OF_RESOURCE = ("mime_type", "size", "audience", "priority")


@dataclass(frozen=True, slots=True)
class _Read:
    """Reads {"uri": …}: what the URI says for the variables are the function's arguments."""

    inner: Arguments
    template: UriTemplate | None
    schema: bytes = b""

    def read(self, payload: bytes) -> dict[str, Any]:
        if self.template is None:
            return self.inner.read(b"{}")
        uri = str(read_object(payload).get("uri", ""))
        values = self.template.match(uri)
        if values is None:
            raise ToolFailure(f"{uri[:140]!r} does not fit {self.template.text}", code="NOT_FOUND")
        return self.inner.read(orjson.dumps(values))


@dataclass(frozen=True, slots=True)
class Contents(Output):
    """Turns text, bytes, any JSON value or EmbeddedResources into contents."""

    mime_type: str = ""

    def result(self, value: object) -> tool_pb2.ToolResult:
        if isinstance(value, tool_pb2.ToolResult):
            return value
        several = isinstance(value, list | tuple) and all(
            isinstance(item, tool_pb2.EmbeddedResource) for item in value
        )
        items: Any = value if several and value else (value,)
        content = [tool_pb2.Content(resource=self._contents(item)) for item in items]
        return tool_pb2.ToolResult(content=content)

    def _contents(self, value: object) -> tool_pb2.EmbeddedResource:
        if isinstance(value, tool_pb2.EmbeddedResource):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return tool_pb2.EmbeddedResource(blob=bytes(value), mime_type=self.mime_type)
        if isinstance(value, str):
            return tool_pb2.EmbeddedResource(text=value, mime_type=self.mime_type)
        try:
            text = json_bytes(value).decode()
        except ValueError as error:
            raise WrongOutput(f"the contents have no JSON form: {error}") from error
        mime_type = self.mime_type or "application/json"
        return tool_pb2.EmbeddedResource(text=text, mime_type=mime_type)


def resource_function(
    uri: str, function: Callable[..., Any], said: ResourceOptions
) -> ToolFunction:
    """Make a resource of a function; a URI with {variables} is a template.

    Raises: TypeError when the variables are not the function's parameters; InvalidCall for a
    value that the mesh refuses.
    """
    check_options("resource", said, ResourceOptions)
    options: dict[str, Any] = {**said}
    completers = options.pop("complete", {})
    of_resource = {key: options.pop(key) for key in _OF_RESOURCE if key in options}
    template = UriTemplate(uri) if "{" in uri else None
    # Reading changes nothing, so a lost attempt may be tried again.
    made = tool_function(function, ToolOptions(**options, idempotent=True, read_only=True))
    names = template.names if template else ()
    taken = tuple(orjson.loads(made.tool.input_schema)["properties"])
    if set(names) != set(taken):
        raise TypeError(
            f"resource {uri}: the function takes {', '.join(taken) or 'nothing'}, "
            f"the URI has {', '.join(names) or 'no variables'}"
        )
    tool = replace(
        made.tool,
        name=RESOURCE + uri,
        input_schema=b"",
        output_schema=b"",
        version=options.get("version", ""),
        kind=Resource(uri, made.tool.name, template is not None, **of_resource),
    )
    return replace(
        made,
        tool=tool,
        arguments=_Read(made.arguments, template),
        output=Contents(mime_type=of_resource.get("mime_type", "")),
        complete=completing(tool, names, completers),
    )
