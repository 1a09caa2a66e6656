"""One operation of an OpenAPI document, read: what it takes, where that goes, what it gives."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openapi_pydantic import Operation, Parameter, PathItem
from pydantic import ValidationError

from mcpmesh.adopt.openapi_body import HttpBody, body_of
from mcpmesh.adopt.openapi_document import Document, Place
from mcpmesh.adopt.openapi_parameter import DEFAULT_STYLE, HttpParameter, Where
from mcpmesh.adopt.openapi_result import HttpResult, result_of
from mcpmesh.adopt.openapi_schema import SchemaWriter
from mcpmesh.adopt.schema_inlining import inlined
from mcpmesh.adopt.way import Way
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import ToolAnnotations

_LOG = logging.getLogger("mcpmesh.adopt")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
#: The property of the arguments that is the request's body.
BODY = "body"
#: Headers that HTTP itself decides, which parameters cannot be (OpenAPI 3.1.1, 4.8.12.1).
_OWN_HEADERS = frozenset(("accept", "content-type", "authorization"))
_MOST_PARAMETERS = 300
Schema = dict[str, Any]
Security = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """An operation.

    `security` has the schemes of each alternative; None when the document's own counts.
    """

    method: str
    path: str
    id: str
    description: str
    tags: tuple[str, ...]
    parameters: tuple[HttpParameter, ...]
    body: HttpBody | None
    input_schema: Schema
    result: HttpResult
    security: Security | None
    servers: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        """Name it as documentation does."""
        return f"{self.method.upper()} {self.path}"

    @property
    def names(self) -> tuple[str, ...]:
        """What patterns choose it by."""
        return (*((self.id,) if self.id else ()), self.title, *(f"tag:{t}" for t in self.tags))

    @property
    def annotations(self) -> ToolAnnotations:
        """What HTTP promises of its method (RFC 9110, section 9.2)."""
        if self.method in ("get", "head", "options", "trace"):
            return ToolAnnotations(read_only=True, destructive=False, idempotent=True)
        if self.method in ("put", "delete"):
            return ToolAnnotations(destructive=True, idempotent=True)
        return ToolAnnotations()


def operations_of(document: Document, where: str) -> Iterator[HttpOperation]:
    """Yield the operations; one that cannot be read is left out with a warning."""
    paths = document.root.get("paths")
    for path, item in (paths.value if paths else {}).items():
        if not path.startswith("/"):
            continue
        try:
            place = document.root.of(item).followed()
            methods = [each for each in METHODS if isinstance(place.value, dict)]
        except InvalidCall as error:
            _LOG.warning("%s: %s is left out: %s", where, path, error.message)
            continue
        for method in methods:
            if method not in place.value:
                continue
            try:
                yield _operation(document, path, method, place)
            except InvalidCall as error:
                reason = error.message
            except ValidationError as error:
                reason = _first(error)
            except RecursionError:
                reason = "it is nested too deep"
            else:
                continue
            _LOG.warning("%s: %s %s is left out: %s", where, method.upper(), path, reason)


def _operation(document: Document, path: str, method: str, item: Place) -> HttpOperation:
    raw = item.value[method]
    if not isinstance(raw, dict):
        raise InvalidCall("it is no object")
    # Without the parts whose references we follow ourselves, one at a time.
    left = ("parameters", "requestBody", "responses", "callbacks")
    said = Operation.model_validate({k: v for k, v in raw.items() if k not in left})
    shared = PathItem.model_validate(
        {key: item.value[key] for key in ("summary", "servers") if key in item.value}
    )
    place = item.of(raw)
    writer = SchemaWriter(document, Way.INPUT)
    properties: Schema = {}
    required: list[str] = []
    parameters = []
    body = body_of(place, writer)
    taken = {BODY} if body is not None else set()
    for found in _parameters(item, place):
        parameter, schema = _parameter(found, writer, taken)
        taken.add(parameter.argument)
        properties[parameter.argument] = schema
        if parameter.required:
            required.append(parameter.argument)
        parameters.append(parameter)
    if body is not None:
        properties[BODY] = body.schema
        if body.required:
            required.append(BODY)
    taken_schema: Schema = {"type": "object", "properties": properties}
    if required:
        taken_schema["required"] = required
    taken_schema["additionalProperties"] = False
    _check_path(path, parameters)
    servers = said.servers or shared.servers or ()
    return HttpOperation(
        method=method,
        path=path,
        id=said.operationId or "",
        description=_description(said, shared, f"{method.upper()} {path}"),
        tags=tuple(said.tags or ()),
        parameters=tuple(parameters),
        body=body,
        input_schema=inlined(taken_schema, writer.definitions),
        result=result_of(document, place),
        security=security_of(raw.get("security")),
        servers=tuple(each.model_dump(exclude_none=True) for each in servers),
    )


def security_of(requirements: object) -> Security | None:
    """Read a list of security requirements; None when there is none.

    Raises: InvalidCall.
    """
    if requirements is None:
        return None
    if not isinstance(requirements, list) or not all(isinstance(r, dict) for r in requirements):
        raise InvalidCall("security is no list of objects")
    return tuple(tuple(each) for each in requirements)


def _parameters(item: Place, operation: Place) -> list[Place]:
    """Return the parameters; those of an operation go before those of its path."""
    found: dict[tuple[str, str], Place] = {}
    for holder in (item, operation):
        listed = holder.get("parameters")
        for each in listed.value if listed and isinstance(listed.value, list) else ():
            place = holder.of(each).followed()
            if not isinstance(place.value, dict):
                raise InvalidCall("a parameter is no object")
            found[str(place.value.get("in")), str(place.value.get("name"))] = place
    if len(found) > _MOST_PARAMETERS:
        raise InvalidCall(f"it takes more than {_MOST_PARAMETERS} parameters")
    return [
        place
        for (where, name), place in found.items()
        if where != "header" or name.lower() not in _OWN_HEADERS
    ]


def _parameter(place: Place, writer: SchemaWriter, taken: set[str]) -> tuple[HttpParameter, Schema]:
    left = ("schema", "content", "example", "examples")
    said = Parameter.model_validate({k: v for k, v in place.value.items() if k not in left})
    where = Where(said.param_in.value)
    style = said.style or DEFAULT_STYLE[where]
    content = place.get("content")
    media = None
    if content is not None and isinstance(content.value, dict) and content.value:
        media = content.of(next(iter(content.value.values())))
    schema_at = (media or place).get("schema")
    schema = writer.write(schema_at) if schema_at is not None else {}
    if said.description and "description" not in schema:
        schema = {**schema, "description": said.description}
    argument = said.name if said.name not in taken else f"{said.name}_{where.value}"
    parameter = HttpParameter(
        argument=argument,
        name=said.name,
        where=where,
        style=style,
        explode=style == "form" if said.explode is None else said.explode,
        required=said.required or where is Where.PATH,
        reserved=said.allowReserved,
        as_json=media is not None,
    )
    return parameter, schema


def _check_path(path: str, parameters: list[HttpParameter]) -> None:
    for each in parameters:
        if each.where is Where.PATH and f"{{{each.name}}}" not in path:
            raise InvalidCall(f"its path has no {{{each.name}}}")
    named = {each.name for each in parameters if each.where is Where.PATH}
    for part in path.split("{")[1:]:
        name, closed, _ = part.partition("}")
        if closed and name not in named:
            raise InvalidCall(f"its path needs {name}, which is no parameter of it")


def _description(said: Operation, shared: PathItem, title: str) -> str:
    parts = [said.summary or "", said.description or ""]
    if parts[0] and parts[1].startswith(parts[0]):
        parts[0] = ""
    text = "\n".join(part.strip() for part in parts if part.strip())
    text = text or shared.summary or f"Calls {title}."
    return f"Deprecated. {text}" if said.deprecated else text


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"[:300]
