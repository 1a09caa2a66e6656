"""The mesh's tools as an OpenAPI 3.1 document: one operation for each tool.

Source: OpenAPI Specification 3.1.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mcpmesh.codec.manifest import invoke_path
from mcpmesh.codec.mcp_tool import input_schema_of, schema_of
from mcpmesh.codec.openai import function_name
from mcpmesh.codec.openapi_schema import embedded_schema
from mcpmesh.v1 import tool_pb2

VERSION = "3.1.1"
_COMPONENTS = "#/components/schemas/"
_ERROR = {
    "type": "object",
    "required": ["code", "message", "retryable", "retry_after_ms"],
    "properties": {
        "code": {"type": "string", "description": "A gRPC status name, or TOOL_ERROR."},
        "message": {"type": "string"},
        "retryable": {"type": "boolean", "description": "The same call may succeed later."},
        "retry_after_ms": {"type": "integer", "description": "How long to wait; 0: not said."},
    },
}
_CONTENT = {
    "type": "array",
    "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
    "description": "Content blocks as MCP has them.",
}
_ALERTS = {"type": "array", "items": {"type": "string"}}
_SCHEMAS: Mapping[str, Any] = {
    "mcpmesh.Error": _ERROR,
    "mcpmesh.Result": {
        "type": "object",
        "description": "What the tool answers; or `inputRequired`, when it asks back.",
        "properties": {
            "isError": {"type": "boolean"},
            "content": _CONTENT,
            "structuredContent": True,
            "alerts": _ALERTS,
            "error": {"$ref": f"{_COMPONENTS}mcpmesh.Error"},
            "_meta": {"type": "object"},
            "inputRequired": {
                "type": "object",
                "required": ["requestState"],
                "properties": {
                    "inputRequests": {"type": "object"},
                    "requestState": {"type": "string"},
                },
            },
        },
    },
    "mcpmesh.Failure": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"$ref": f"{_COMPONENTS}mcpmesh.Error"},
            "content": _CONTENT,
            "isError": {"const": True},
        },
    },
}
_FAILED = {
    "description": "The call, or the tool, failed; `error` says why, and what may help.",
    "headers": {
        "Retry-After": {
            "description": "Seconds to wait before trying again.",
            "schema": {"type": "integer"},
        }
    },
    "content": {"application/json": {"schema": {"$ref": f"{_COMPONENTS}mcpmesh.Failure"}}},
}
_PARAMETERS: Mapping[str, Any] = {
    "version": {
        "name": "version",
        "in": "query",
        "description": "The tool's version; without it, the newest.",
        "schema": {"type": "string"},
    },
    "timeout": {
        "name": "grpc-timeout",
        "in": "header",
        "description": "The longest the call may take: 1 to 8 digits and one of H, M, S, m, u, n.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"},
    },
    "key": {
        "name": "idempotency-key",
        "in": "header",
        "description": "The same key with the same call means the same call, sent again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A tool's part of the document, as JSON bytes: members of `paths`, `components/schemas`."""

    path: bytes
    schemas: bytes


def operation_of(tool: tool_pb2.Tool) -> Operation:
    """Write a tool's part of the document."""
    name = function_name(tool.name)
    taken, given = f"{name}.input", f"{name}.output"
    schemas = {taken: embedded_schema(input_schema_of(tool.input_schema), _COMPONENTS + taken)}
    answer: dict[str, Any] = {"$ref": f"{_COMPONENTS}mcpmesh.Result"}
    output = schema_of(tool.output_schema)
    if output is not None:
        schemas[given] = embedded_schema(output, _COMPONENTS + given)
        structured = {"structuredContent": {"$ref": _COMPONENTS + given}}
        answer = {"allOf": [answer, {"type": "object", "properties": structured}]}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": tool.title or tool.name,
        **({"description": tool.description} if tool.description else {}),
        "parameters": [{"$ref": f"#/components/parameters/{each}"} for each in _PARAMETERS],
        "requestBody": {
            "content": {"application/json": {"schema": {"$ref": _COMPONENTS + taken}}},
        },
        "responses": {
            "200": {
                "description": "The tool's result; as events for who accepts text/event-stream.",
                "content": {
                    "application/json": {"schema": answer},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            },
            "default": {"$ref": "#/components/responses/failed"},
        },
    }
    if tool.labels:
        operation["x-mcpmesh-labels"] = dict(sorted(tool.labels.items()))
    return Operation(
        orjson.dumps({invoke_path(tool.name): {"post": operation}})[1:-1],
        orjson.dumps(schemas)[1:-1],
    )


def document_bytes(operations: Iterable[Operation], title: str, version: str) -> bytes:
    """Put the parts together."""
    parts = list(operations)
    head = orjson.dumps({"openapi": VERSION, "info": {"title": title, "version": version}})
    own = orjson.dumps(_SCHEMAS)[1:-1]
    schemas = b",".join([own, *(part.schemas for part in parts)])
    others = {"parameters": _PARAMETERS, "responses": {"failed": _FAILED}}
    return b'%b,"paths":{%b},"components":{"schemas":{%b},%b}' % (
        head[:-1],
        b",".join(part.path for part in parts),
        schemas,
        orjson.dumps(others)[1:-1] + b"}",
    )
