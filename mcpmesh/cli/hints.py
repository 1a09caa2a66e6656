"""What to try next, ready to copy, for whoever started a mesh on a terminal."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcpmesh.cli.arguments import json_types
from mcpmesh.cli.output import print_line
from mcpmesh.config import NO_TLS, TlsSettings
from mcpmesh.config.tls import SYSTEM
from mcpmesh.v1 import discovery_pb2

_SAMPLES: dict[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
_FORMATS: dict[str, str] = {
    "date": "2015-01-31",
    "date-time": "2015-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_MCP = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _MCP,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def print_hints(
    tools: Sequence[discovery_pb2.ToolStatus], grpc: str, http: str, tls: TlsSettings
) -> None:
    """Print commands that work against this mesh, when stdout is a terminal."""
    if sys.stdout.isatty():
        print_line(hints(tools, grpc, http, program(), tls))


def program() -> str:
    """Return how a shell in this folder starts mcpmesh: by its name, or from its environment."""
    own = Path(sys.executable).parent / "mcpmesh"
    if shutil.which("mcpmesh") or not own.exists():
        return "mcpmesh"
    return shlex.quote(min(os.path.relpath(own), str(own), key=len))


def hints(
    tools: Sequence[discovery_pb2.ToolStatus],
    grpc: str,
    http: str,
    program: str = "mcpmesh",
    tls: TlsSettings = NO_TLS,
) -> str:
    """Write commands that work against this mesh."""
    trust = _tls_options(tls)
    router = trust if grpc == "127.0.0.1:7070" else f" --router {grpc}{trust}"
    if not tools:
        return f"\nNo tools yet. Bring some:\n  {program} serve MODULE:APP --router {grpc}{trust}\n"
    tool = tools[0].tool
    arguments = sample(json.loads(tool.input_schema or b"{}"))
    pairs = "".join(f" {shlex.quote(f'{k}={_text(v)}')}" for k, v in arguments.items())
    config = {"mcpServers": {"mcpmesh": {"type": "http", "url": f"{_url(http, tls)}/mcp"}}}
    return f"""
Try, in another terminal:
  {program} tools{router}
  {program} call {tool.name}{pairs}{router}
  {curl(tool.name, arguments, http, tls)}

For an MCP client:
  {json.dumps(config)}
"""


def _tls_options(tls: TlsSettings) -> str:
    """Write what a command needs to speak TLS with the mesh that these settings are of."""
    options = {
        "--tls-ca": tls.tls_ca,
        "--tls-server-name": tls.tls_server_name,
        "--tls-cert": tls.tls_cert if tls.client_ca else "",
        "--tls-key": tls.tls_key if tls.client_ca else "",
    }
    return "".join(f" {name} {shlex.quote(value)}" for name, value in options.items() if value)


def _url(http: str, tls: TlsSettings) -> str:
    return f"https://{http}" if tls.serves else f"http://{http}"


def curl(tool: str, arguments: Mapping[str, Any], http: str, tls: TlsSettings = NO_TLS) -> str:
    """Write a curl command that calls a tool through the bridge."""
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": _META},
    }
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": _MCP,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    written = " ".join(f"-H {shlex.quote(f'{key}: {value}')}" for key, value in headers.items())
    trust = f" --cacert {shlex.quote(tls.tls_ca)}" if tls.tls_ca not in ("", SYSTEM) else ""
    return f"curl -s{trust} {_url(http, tls)}/mcp {written} -d {shlex.quote(json.dumps(request))}"


def sample(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Make arguments up that a schema lets through, as far as it says."""
    properties = schema.get("properties", {})
    return {name: _value(properties.get(name, {}), schema) for name in schema.get("required", ())}


def _value(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("default", "const", "minimum"):
        if key in schema:
            return schema[key]
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    types = json_types(schema, root)
    return next(value for kind, value in _SAMPLES.items() if kind in types)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
