"""The chosen operations of an API as tools of a replica."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from mcpmesh.adopt.method_choice import chosen
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.openapi_calls import HttpCalls
from mcpmesh.adopt.openapi_document import Document
from mcpmesh.adopt.openapi_operation import HttpOperation, Schema, operations_of
from mcpmesh.adopt.openapi_security import Keys, Proof
from mcpmesh.adopt.text import cut
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import MAX_DESCRIPTION_BYTES, MAX_SCHEMA_BYTES, Tool
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.schema import schema_bytes
from mcpmesh.sdk.tool import ToolFunction

_LOG = logging.getLogger("mcpmesh.adopt")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_NAME = 128
_VARIABLE = re.compile(r"\{([^{}]+)\}")


def chosen_operations(document: Document, only: Sequence[str], where: str) -> list[HttpOperation]:
    """Return the operations that patterns such as getPet*, GET /pets/* or tag:pets name.

    Raises: UpstreamFailed for a pattern that fits nothing.
    """
    return chosen(operations_of(document, where), only, lambda each: each.names, "operations")


def tool_name(operation: HttpOperation) -> str:
    """Return what an operation is called: its id, or its method and path."""
    name = operation.id or f"{operation.method}_{operation.path}"
    return _NOT_IN_NAMES.sub("_", name).strip("_") or operation.method


def tools_of(
    operations: Sequence[HttpOperation],
    calls: HttpCalls,
    keys: Keys,
    base_of: "Bases",
    naming: Naming,
    said: Mapping[str, Any],
) -> Iterator[ToolFunction]:
    """Yield a tool for each operation; what cannot be one is left out with a warning.

    `said` are attributes that all tools have.
    """
    for operation in operations:
        try:
            tool = _tool(operation, naming, said)
            proof = keys.proof_for(operation.security) or Proof()
            handler = calls.handler(operation, base_of.base(operation), proof)
            yield offered(tool, handler, checked=True)
        except (InvalidCall, UpstreamFailed) as error:
            _LOG.warning("%s: %s is left out: %s", calls.base, operation.title, error.message)


def _tool(operation: HttpOperation, naming: Naming, said: Mapping[str, Any]) -> Tool:
    """Describe an operation.

    Raises: InvalidCall when its arguments are too large for the catalog.
    """
    output = b""
    if operation.result.schema is not None:
        output = _fitting(operation.result.schema)
    return Tool(
        name=naming.name(tool_name(operation))[:_MAX_NAME],
        title=cut(operation.title, 200),
        description=cut(operation.description, MAX_DESCRIPTION_BYTES),
        input_schema=_fitting(operation.input_schema),
        output_schema=output if len(output) <= MAX_SCHEMA_BYTES else b"",
        annotations=operation.annotations,
        **said,
    )


def _fitting(schema: Schema) -> bytes:
    """Write a schema; one that is too large without its descriptions."""
    written = schema_bytes(schema)
    if len(written) <= MAX_SCHEMA_BYTES:
        return written
    return schema_bytes(_undescribed(schema))


def _undescribed(schema: Schema) -> Schema:
    """Leave out descriptions; a property may have that name, and is an object then."""

    def bare(part: object) -> object:
        if isinstance(part, list):
            return [bare(each) for each in part]
        if not isinstance(part, dict):
            return part
        return {
            key: bare(each)
            for key, each in part.items()
            if not (key == "description" and isinstance(each, str))
        }

    made = bare(schema)
    assert isinstance(made, dict)
    return made


class Bases:
    """Where operations are: at the base that the user gave, else as their document says."""

    def __init__(self, given: str, document: Document, document_url: str) -> None:
        self._given = given.rstrip("/")
        self._document = document
        self._document_url = document_url

    def base(self, operation: HttpOperation | None = None) -> str:
        """Return the URL that an operation's path is added to.

        Raises: UpstreamFailed when nobody says it.
        """
        if self._given:
            return self._given
        servers: Sequence[Any] = operation.servers if operation is not None else ()
        if not servers:
            found = self._document.root.value.get("servers")
            servers = found if isinstance(found, list) else ()
        first = servers[0] if servers and isinstance(servers[0], dict) else {"url": "/"}
        url = _filled(first)
        if self._document_url:
            url = urljoin(self._document_url, url)
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            sound = False
        if not sound:
            raise UpstreamFailed(
                f"the document does not say where the API is (it says {url[:100]!r}); "
                "give its base URL",
                final=True,
            )
        return url.rstrip("/")


def _filled(server: Schema) -> str:
    """Return a server's URL with the defaults of its variables."""
    variables = server.get("variables")
    known = variables if isinstance(variables, dict) else {}

    def default(found: re.Match[str]) -> str:
        variable = known.get(found[1])
        return str(variable.get("default", "")) if isinstance(variable, dict) else found[0]

    return _VARIABLE.sub(default, str(server.get("url", "/")))
