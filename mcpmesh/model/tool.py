"""A tool as the mesh keeps it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpmesh.errors import InvalidCall
from mcpmesh.model.prompt import Prompt
from mcpmesh.model.resource import Resource, check_uri

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}", re.ASCII)
#: What the names of prompts and resources begin with; no name of a tool has a colon.
PROMPT, RESOURCE = "prompt:", "resource:"
MAX_SCHEMA_BYTES = 256 * 1024
MAX_DESCRIPTION_BYTES = 16 * 1024
MAX_LABELS = 64
MAX_LABEL_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class ToolAnnotations:
    """Hints about behaviour; None means MCP's default."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, its schemas, what callers may assume.

    Units: `timeout` in seconds; schemas are UTF-8 JSON bytes, empty for none.
    Raises: InvalidCall naming the field that is malformed or over a limit.
    """

    name: str
    description: str = ""
    input_schema: bytes = b""
    output_schema: bytes = b""
    title: str = ""
    annotations: ToolAnnotations = ToolAnnotations()
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    #: How the tool wishes its calls to be treated, as a table of the settings of a tool.
    policy: Mapping[str, Any] = field(default_factory=dict)
    #: What it provides that other tools provide too; empty for nothing.
    capability: str = ""
    #: What this is when it is no tool.
    kind: Prompt | Resource | None = None

    def __post_init__(self) -> None:
        _check_name_of(self)
        if self.capability:
            check_name(f"tool {self.name}: capability", self.capability)
        if self.version:
            check_name("tool version", self.version)
        else:
            object.__setattr__(self, "version", derived_version(self))
        for what, schema in (("input", self.input_schema), ("output", self.output_schema)):
            if len(schema) > MAX_SCHEMA_BYTES:
                raise InvalidCall(
                    f"tool {self.name}: {what} schema has {len(schema)} bytes, "
                    f"more than {MAX_SCHEMA_BYTES}"
                )
        if len(self.description.encode()) > MAX_DESCRIPTION_BYTES:
            raise InvalidCall(
                f"tool {self.name}: description is longer than {MAX_DESCRIPTION_BYTES} bytes"
            )
        if self.timeout is not None and self.timeout <= 0:
            raise InvalidCall(f"tool {self.name}: timeout {self.timeout} is not above 0")
        check_labels(f"tool {self.name}", self.labels)


def _check_name_of(tool: Tool) -> None:
    """Refuse a name that does not say what the entry is.

    Raises: InvalidCall with the rule.
    """
    if isinstance(tool.kind, Resource):
        if tool.name != RESOURCE + tool.kind.uri:
            raise InvalidCall(f"{tool.name[:140]!r} is not {RESOURCE!r} and the resource's URI")
    elif isinstance(tool.kind, Prompt):
        if not tool.name.startswith(PROMPT):
            raise InvalidCall(f"{tool.name[:140]!r} does not begin with {PROMPT!r}")
        check_name("prompt name", tool.name.removeprefix(PROMPT))
    else:
        check_name("tool name", tool.name)


def check_callable(name: str) -> None:
    """Refuse a name that no tool, prompt or resource can have.

    Raises: InvalidCall with the rule.
    """
    if name.startswith(RESOURCE):
        check_uri(name.removeprefix(RESOURCE))
    else:
        check_name("tool name", name.removeprefix(PROMPT))


def check_name(what: str, name: str) -> None:
    """Refuse a name that could not travel in a header.

    Raises: InvalidCall with the rule.
    """
    if not _NAME.fullmatch(name):
        raise InvalidCall(
            f"{what} {name[:140]!r} is not 1 to 128 characters of A-Z a-z 0-9 _ - . /"
        )


def check_labels(whose: str, labels: Mapping[str, str]) -> None:
    """Refuse too many or too long labels.

    Raises: InvalidCall naming the label.
    """
    if len(labels) > MAX_LABELS:
        raise InvalidCall(f"{whose}: {len(labels)} labels, more than {MAX_LABELS}")
    for key, value in labels.items():
        if not 0 < len(key) <= MAX_LABEL_CHARACTERS or len(value) > MAX_LABEL_CHARACTERS:
            raise InvalidCall(
                f"{whose}: label {key[:70]!r} is not at most {MAX_LABEL_CHARACTERS} characters"
            )


def derived_version(tool: Tool) -> str:
    """Name the edition of a tool after its schemas: equal schemas, equal version.

    Only schemas count: a better description is not another tool.
    """
    digest = hashlib.sha256()
    for part in (tool.input_schema, tool.output_schema):
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    if tool.kind is not None:
        digest.update(repr(tool.kind).encode())
    return digest.hexdigest()[:12]
