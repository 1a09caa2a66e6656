"""Prompts and resources: protobuf messages to model values, and back."""

from mcpmesh.model.prompt import Prompt, PromptArgument
from mcpmesh.model.resource import Resource
from mcpmesh.v1 import prompt_pb2, resource_pb2, tool_pb2


def kind_from_message(message: tool_pb2.Tool) -> Prompt | Resource | None:
    """Read what an entry of the catalog is when it is no tool.

    Raises: InvalidCall naming what is malformed.
    """
    match message.WhichOneof("kind"):
        case "prompt":
            return _prompt_from(message.prompt)
        case "resource":
            return _resource_from(message.resource)
    return None


def add_kind(message: tool_pb2.Tool, kind: Prompt | Resource) -> None:
    """Write what an entry of the catalog is into its message."""
    if isinstance(kind, Prompt):
        message.prompt.SetInParent()
        for argument in kind.arguments:
            message.prompt.arguments.add(
                name=argument.name,
                title=argument.title,
                description=argument.description,
                required=argument.required,
            )
    else:
        message.resource.CopyFrom(_resource_to(kind))


def _prompt_from(message: prompt_pb2.Prompt) -> Prompt:
    return Prompt(
        tuple(
            PromptArgument(each.name, each.title, each.description, each.required)
            for each in message.arguments
        )
    )


def _resource_from(message: resource_pb2.Resource) -> Resource:
    return Resource(
        message.uri,
        message.name,
        message.template,
        message.mime_type,
        message.size if message.HasField("size") else None,
        tuple(message.audience),
        message.priority if message.HasField("priority") else None,
    )


def _resource_to(resource: Resource) -> resource_pb2.Resource:
    return resource_pb2.Resource(
        uri=resource.uri,
        template=resource.template,
        name=resource.name,
        mime_type=resource.mime_type,
        size=resource.size,
        audience=resource.audience,
        priority=resource.priority,
    )
