"""An OpenAPI document: JSON or YAML, 3.0 or 3.1, and what its references lead to.

References are followed within the document and the files that were listed beside it. Nothing is
ever fetched because a document names it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import yaml
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from mcpmesh.errors import InvalidCall

MAX_BYTES = 32 * 1024 * 1024
#: Values for each byte of a document, and besides: aliases of YAML make much of little.
_VALUES_PER_BYTE = 4
_SPARE_VALUES = 10_000
_MAX_DEPTH = 200
_MAX_REFERENCES = 20
_VERSION = re.compile(r"3\.([012])(\.\d+)?(-.+)?")
_ROOT = "document:"
Json = Any


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a document, and where its own references are to be read from."""

    value: Json
    #: A resolver of the library `referencing`, at the document that holds the value.
    resolver: Any

    def followed(self) -> "Place":
        """Return what the value refers to, or itself.

        Raises: InvalidCall for a reference that leads nowhere, or to nothing listed.
        """
        place = self
        for _ in range(_MAX_REFERENCES):
            reference = place.reference
            if reference is None:
                return place
            place = place.at(reference)
        raise InvalidCall(f"the reference {self.reference!r} goes in a circle")

    @property
    def reference(self) -> str | None:
        """The $ref that the value is; None when it is none."""
        found = self.value.get("$ref") if isinstance(self.value, dict) else None
        return found if isinstance(found, str) else None

    def at(self, reference: str) -> "Place":
        """Return what a reference leads to.

        Raises: InvalidCall.
        """
        try:
            found = self.resolver.lookup(reference)
        except (Unresolvable, NoSuchResource) as error:
            raise InvalidCall(
                f"the reference {reference!r} leads nowhere; other documents are read only when "
                "they are listed"
            ) from error
        except Exception as error:  # what a malformed pointer or URI makes of the library
            raise InvalidCall(f"the reference {reference!r} is malformed") from error
        return Place(found.contents, found.resolver)

    def get(self, key: str) -> "Place | None":
        """Return an entry of an object; None when there is none."""
        if isinstance(self.value, dict) and key in self.value:
            return Place(self.value[key], self.resolver)
        return None

    def of(self, value: Json) -> "Place":
        """Return a value that stands in this one."""
        return Place(value, self.resolver)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that says it is OpenAPI 3.0 or 3.1 (or 3.2, read as 3.1)."""

    root: Place
    minor: int

    @property
    def is_3_0(self) -> bool:
        """Tell whether its schemas are of OpenAPI 3.0, which are not JSON Schemas."""
        return self.minor == 0


def read_document(
    encoded: bytes, where: str, beside: Mapping[str, bytes] | None = None
) -> Document:
    """Read a document; `beside` holds others by the names that references have for them.

    Raises: InvalidCall saying what is wrong with it.
    """
    value = parse(encoded, where)
    found = str(value.get("openapi", ""))
    version = _VERSION.fullmatch(found)
    if version is None:
        said = f"swagger {value['swagger']}" if "swagger" in value else f"openapi {found!r}"
        raise InvalidCall(
            f"{where} says {said[:100]}; documents of OpenAPI 3.0 and 3.1 can be read"
        )
    if not isinstance(value.get("paths", {}), dict):
        raise InvalidCall(f"{where}: paths is no object")
    found_in = {_ROOT: value, where.rpartition("/")[2]: value}
    found_in |= {name: parse(other, name) for name, other in (beside or {}).items()}
    registry: Registry[Json] = Registry()
    for name, each in found_in.items():
        registry = registry.with_resource(name, _resource(each))
        registry = registry.with_resource(f"./{name}", _resource(each))
    return Document(Place(value, registry.resolver(_ROOT)), int(version[1]))


def parse(encoded: bytes, where: str) -> dict[str, Json]:
    """Read JSON or YAML with an object at its root.

    Raises: InvalidCall.
    """
    if len(encoded) > MAX_BYTES:
        raise InvalidCall(f"{where} has {len(encoded)} bytes, more than {MAX_BYTES}")
    try:
        value = _json_or_yaml(encoded)
        value = _Plain(len(encoded) * _VALUES_PER_BYTE + _SPARE_VALUES).plain(value, 0)
    except RecursionError as error:
        raise InvalidCall(f"{where} is nested too deep") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidCall(f"{where} is neither JSON nor YAML: {reason[:300]}") from error
    if not isinstance(value, dict):
        raise InvalidCall(f"{where} is no OpenAPI document: it is no object")
    return value


def _json_or_yaml(encoded: bytes) -> Json:
    try:
        return orjson.loads(encoded)
    except orjson.JSONDecodeError:
        # The loader is a safe one: it makes plain values only.
        return yaml.load(encoded.decode("utf-8-sig"), Loader=_Loader)


#: The one in C, where it was built, is ten times as fast.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # one of two classes
    """YAML as JSON has it: no dates, and yes and on are texts, as YAML 1.2 says."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class _Plain:
    """Makes keys texts (statuses are numbers in YAML), and counts values: aliases multiply."""

    def __init__(self, most: int) -> None:
        self._left = most

    def plain(self, value: Json, depth: int) -> Json:
        self._left -= 1
        if self._left < 0:
            raise ValueError("it holds too many values")
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deep")
        if isinstance(value, dict):
            return {str(key): self.plain(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self.plain(each, depth + 1) for each in value]
        if value is None or isinstance(value, str | int | float):
            return value
        raise ValueError(f"a value is a {type(value).__name__}, which JSON does not have")


def _resource(value: Json) -> Resource[Json]:
    return DRAFT202012.create_resource(value)
