"""What an OpenAPI operation gives when it succeeds: its media types, and the schema of its JSON."""

from dataclasses import dataclass
from typing import Any

from mcpmesh.adopt.openapi_document import Document, Place
from mcpmesh.adopt.openapi_schema import SchemaWriter, gives_objects
from mcpmesh.adopt.schema_inlining import inlined
from mcpmesh.adopt.way import Way

#: The property of a result whose JSON is no object.
RESULT = "result"
_JSON = "application/json"
#: Media types that a request names, and what each may look like.
_MOST_TYPES, _LONGEST_TYPE = 20, 200
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpResult:
    """A success. `wrapped`: its JSON is no object, so it stands in a property.

    `schema` is None when it may be this or that, or no JSON.
    """

    media_types: tuple[str, ...] = ()
    schema: Schema | None = None
    wrapped: bool = False

    @property
    def accept(self) -> str:
        """What a request asks for: the JSON that is declared, or else anything that is."""
        if self.schema is not None:
            return _JSON
        json = (_JSON,) if not self.media_types or any(map(is_json, self.media_types)) else ()
        others = (each for each in self.media_types if each not in (_JSON, "*/*"))
        return ", ".join((*json, *others, "*/*"))


def result_of(document: Document, operation: Place) -> HttpResult:
    """Read what an operation gives with statuses from 200 to 299.

    Raises: InvalidCall for a schema that cannot be read.
    """
    responses = operation.get("responses")
    if responses is None or not isinstance(responses.value, dict):
        return HttpResult()
    good = [
        responses.of(each).followed()
        for status, each in responses.value.items()
        if str(status).upper().startswith("2")
    ]
    media_types = tuple(dict.fromkeys(kind for each in good for kind in _media_types(each)))
    schema_at = _json_schema_at(good[0]) if len(good) == 1 else None
    if schema_at is None:
        return HttpResult(media_types[:_MOST_TYPES])
    writer = SchemaWriter(document, Way.OUTPUT)
    if not gives_objects(schema_at):
        wrapped = {"type": "object", "properties": {RESULT: writer.write(schema_at)}}
        schema = inlined({**wrapped, "required": [RESULT]}, writer.definitions)
        return HttpResult(media_types, schema, wrapped=True)
    # What is referred to stands at the root itself, where clients look for properties.
    schema = {"type": "object", **writer.write(schema_at.followed())}
    return HttpResult(media_types, inlined(schema, writer.definitions))


def _media_types(response: Place) -> list[str]:
    """Return those that can stand in a header."""
    content = response.get("content")
    if content is None or not isinstance(content.value, dict):
        return []
    return [
        kind
        for kind in content.value
        if kind.isascii() and kind.isprintable() and "/" in kind and len(kind) <= _LONGEST_TYPE
    ]


def _json_schema_at(response: Place) -> Place | None:
    content = response.get("content")
    if content is None or not isinstance(content.value, dict) or len(content.value) == 0:
        return None
    for name, media in content.value.items():
        if is_json(name):
            return content.of(media).get("schema")
    return None


def is_json(media_type: str) -> bool:
    """Tell whether a media type is JSON's, or one that is written in it."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind == _JSON or kind.endswith("+json")
