"""The body of an operation's requests: which of its media types is sent, and how it is written."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlencode

import orjson
from openapi_pydantic import RequestBody

from mcpmesh.adopt.openapi_document import Place
from mcpmesh.adopt.openapi_parameter import text
from mcpmesh.adopt.openapi_schema import SchemaWriter
from mcpmesh.errors import InvalidCall
from mcpmesh.sdk.failure import WrongArguments

Schema = dict[str, Any]
#: The name and content of a part of a multipart body; with a file's name, and its type.
Part = tuple[str, tuple[str | None, bytes, str]]


class Form(Enum):
    """How a body is written."""

    JSON = "JSON"
    URLENCODED = "a form"
    MULTIPART = "a form of parts"
    TEXT = "text"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Written:
    """A body ready to be sent: its bytes and their type, or parts that make both."""

    content: bytes = b""
    media_type: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpBody:
    """What a request's body is. `files` are properties that hold base64 of a file's bytes."""

    media_type: str
    form: Form
    required: bool
    schema: Schema
    files: frozenset[str] = frozenset()

    def write(self, value: Any) -> Written:
        """Write a value.

        Raises: WrongArguments for one that cannot be written so.
        """
        if self.form is Form.JSON:
            return Written(orjson.dumps(value), self.media_type)
        if self.form is Form.TEXT:
            return Written(text(value).encode(), self.media_type)
        if self.form is Form.BYTES:
            return Written(_bytes("body", value), self.media_type)
        if not isinstance(value, Mapping):
            raise WrongArguments("body: is an object of the form's fields")
        if self.form is Form.URLENCODED:
            return Written(urlencode(_fields(value)).encode(), self.media_type)
        return Written(
            parts=tuple(part for key, each in value.items() for part in self._parts(key, each))
        )

    def _parts(self, key: str, value: Any) -> list[Part]:
        """Return a field's parts: one for each item of a list of texts or numbers."""
        if key in self.files:
            content = _bytes(f"body.{key}", value)
            return [(key, (key, content, "application/octet-stream"))]
        if isinstance(value, Mapping) or (isinstance(value, list) and _has_structure(value)):
            return [(key, (None, orjson.dumps(value), "application/json"))]
        many = value if isinstance(value, list) else [value]
        return [(key, (None, text(each).encode(), "text/plain; charset=utf-8")) for each in many]


def body_of(operation: Place, writer: SchemaWriter) -> HttpBody | None:
    """Read an operation's request body; None when it takes none.

    Raises: InvalidCall for one that cannot be read; pydantic.ValidationError.
    """
    found = operation.get("requestBody")
    if found is None:
        return None
    place = found.followed()
    if not isinstance(place.value, dict):
        raise InvalidCall("requestBody is no object")
    said = RequestBody.model_validate({**place.value, "content": {}})
    content = place.get("content")
    if content is None or not isinstance(content.value, dict) or not content.value:
        return None
    media_type, form = _best(list(content.value))
    media = content.of(content.value[media_type])
    schema_at = media.get("schema")
    schema = writer.write(schema_at) if schema_at is not None else {}
    files = _files(schema_at) if schema_at is not None and form is Form.MULTIPART else frozenset()
    if form is Form.BYTES:
        schema = {"type": "string", "contentEncoding": "base64"}
    if form is Form.TEXT and _is_xml(media_type) and schema.get("type") != "string":
        schema = _text_of(media_type, schema)
    if said.description and "description" not in schema:
        schema = {**schema, "description": said.description}
    return HttpBody(media_type, form, said.required, schema, files)


def _best(media_types: list[str]) -> tuple[str, Form]:
    """Return the media type to send: the one that a model writes best."""
    forms = [(each, _form(each)) for each in media_types]
    return min(forms, key=lambda each: _ORDER.index(each[1]))


_ORDER = (Form.JSON, Form.URLENCODED, Form.MULTIPART, Form.TEXT, Form.BYTES)


def _form(media_type: str) -> Form:
    kind = media_type.partition(";")[0].strip().lower()
    if kind in ("application/json", "*/*", "application/*") or kind.endswith("+json"):
        return Form.JSON
    if kind == "application/x-www-form-urlencoded":
        return Form.URLENCODED
    if kind.startswith("multipart/"):
        return Form.MULTIPART
    if kind.startswith("text/") or kind.endswith(("xml", "+yaml", "/yaml")):
        return Form.TEXT
    return Form.BYTES


def _is_xml(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower().endswith(("/xml", "+xml"))


def _text_of(media_type: str, schema: Schema) -> Schema:
    """Describe a text that holds what a schema describes: models write XML themselves."""
    described = {"description": schema["description"]} if "description" in schema else {}
    shape = {"contentSchema": schema} if schema else {}
    return {**described, "type": "string", "contentMediaType": media_type, **shape}


def _files(schema_at: Place) -> frozenset[str]:
    """Return the properties of a form that are files, as 3.0 and 3.1 have them."""
    properties = schema_at.followed().get("properties")
    if properties is None or not isinstance(properties.value, dict):
        return frozenset()
    found = set()
    for name, each in properties.value.items():
        value = properties.of(each).followed().value
        if isinstance(value, dict) and (
            value.get("format") in ("binary", "byte")
            or value.get("contentEncoding") == "base64"
            or (value.get("contentMediaType", "").startswith(_BINARY))
        ):
            found.add(name)
    return frozenset(found)


_BINARY = ("application/octet-stream", "image/", "audio/", "video/")


def _fields(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a form's fields: a list of texts or numbers is the field several times."""
    fields = []
    for key, each in value.items():
        many = each if isinstance(each, list) and not _has_structure(each) else [each]
        fields += [(key, text(one)) for one in many]
    return fields


def _has_structure(value: list[Any]) -> bool:
    return any(isinstance(each, Mapping | list) for each in value)


def _bytes(where: str, value: Any) -> bytes:
    try:
        return b64decode(value, validate=True)
    except (NotBase64, TypeError, ValueError) as error:
        raise WrongArguments(f"{where}: is bytes, written as base64") from error
