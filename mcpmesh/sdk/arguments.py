"""A call's JSON arguments → what the tool's function takes, by its signature.

Three shapes: `Parameters` (one JSON property for each parameter), `Whole` (the object is the one
argument, as in `execute(self, input_data)`) and `BySchema` (a schema written by hand).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, get_args, get_origin, get_type_hints

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from referencing.exceptions import Unresolvable

from mcpmesh.model.nearest import did_you_mean
from mcpmesh.sdk.failure import ToolFailure, WrongArguments
from mcpmesh.sdk.schema import is_object, json_schema, schema_bytes, summary

_VARIADIC: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_MAX_ECHO = 80
_MAX_REASONS = 5


class Arguments(Protocol):
    """Reads a call's arguments.

    `schema` is the JSON Schema of the arguments as bytes.
    """

    @property
    def schema(self) -> bytes: ...

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the function's keyword arguments.

        Raises: WrongArguments saying which field, why, and what is expected.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parameters:
    """One JSON property for each parameter of the function."""

    schema: bytes
    expected: str
    names: tuple[str, ...]
    adapter: TypeAdapter[Any]
    fields: Mapping[str, str]

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the function's keyword arguments."""
        try:
            values = self.adapter.validate_json(payload or b"{}")
        except ValidationError as error:
            raise WrongArguments(_reasons(error, self.names, self.expected)) from error
        return {parameter: getattr(values, name) for parameter, name in self.fields.items()}


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole object is one argument."""

    schema: bytes
    expected: str
    parameter: str
    adapter: TypeAdapter[Any]

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the object as the one keyword argument."""
        try:
            return {self.parameter: self.adapter.validate_json(payload or b"{}")}
        except ValidationError as error:
            raise WrongArguments(_reasons(error, (), self.expected)) from error


@dataclass(frozen=True, slots=True)
class BySchema:
    """The whole object is one argument, checked against a schema written by hand."""

    schema: bytes
    expected: str
    parameter: str
    validator: Any

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the object as the one keyword argument."""
        arguments = read_object(payload)
        try:
            error = best_match(self.validator.iter_errors(arguments))
        except Unresolvable as missing:
            raise ToolFailure(
                f"the tool's schema refers to {missing.ref!r}, which it does not hold; "
                "whoever made the tool has to mend that",
                code="INTERNAL",
            ) from missing
        if error is not None:
            where = ".".join(str(part) for part in error.absolute_path) or "arguments"
            raise WrongArguments(f"{where}: {error.message}. Expected: {self.expected}.")
        return {self.parameter: arguments}


def read_object(payload: bytes) -> dict[str, Any]:
    """Read UTF-8 JSON bytes of an object; empty means {}.

    Raises: WrongArguments when it is something else.
    """
    try:
        value = orjson.loads(payload or b"{}")
    except orjson.JSONDecodeError as error:
        raise WrongArguments(f"the arguments are not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongArguments(f"the arguments are {_kind(value)}; send a JSON object")
    return value


def by_parameters(
    tool: str, function: Callable[..., Any], documented: Mapping[str, str], context: str | None
) -> Parameters:
    """Read a function's signature; the parameter named by `context` is left out.

    Raises: TypeError naming the tool and the parameter that no schema can be made of.
    """
    hints = hints_of(tool, function)
    definitions: dict[str, Any] = {}
    fields: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == context:
            continue
        _check_parameter(tool, parameter, hints)
        info = _field(hints[name], documented.get(name, ""), parameter.default, name)
        # Numbered, because a parameter may have a name that a model cannot (schema, _x).
        fields[name] = f"p{len(fields)}"
        names[fields[name]] = str(info.alias)
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        definitions[fields[name]] = (Annotated[hints[name], info], default)
    with _naming(tool, "a parameter"):
        model: type[BaseModel] = create_model(
            f"{tool} arguments", __config__=_CONFIG, **definitions
        )
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        schema = json_schema(adapter, "validation")
    schema.setdefault("properties", {})
    return Parameters(schema_bytes(schema), summary(schema), tuple(names.values()), adapter, fields)


def by_whole(tool: str, parameter: str, annotation: object) -> Arguments | None:
    """Take the whole object as one argument; None when the annotation is no object type.

    Raises: TypeError naming the tool when no schema can be made of the annotation.
    """
    untyped = annotation is inspect.Parameter.empty or annotation is Any
    declared: Any = dict[str, Any] if untyped else annotation
    with _naming(tool, parameter):
        adapter: TypeAdapter[Any] = TypeAdapter(declared)
        schema = json_schema(adapter, "validation")
    if not is_object(schema):
        return None
    return Whole(schema_bytes(schema), summary(schema), parameter, adapter)


def by_schema(parameter: str, schema: Mapping[str, Any]) -> BySchema:
    """Take the whole object as one argument, checked against this schema.

    Raises: jsonschema.SchemaError when it is not a JSON Schema.
    """
    Draft202012Validator.check_schema(schema)
    # With a registry of its own it never fetches what a $ref names.
    validator = Draft202012Validator(schema, registry=SPECIFICATIONS)
    return BySchema(schema_bytes(schema), summary(schema), parameter, validator)


def hints_of(tool: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's type hints, those of `__call__` for an object.

    Raises: TypeError when an annotation names something that cannot be found.
    """
    target = function
    while hasattr(target, "func"):
        target = target.func
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"tool {tool}: {error}; annotations must name what the module defines"
        ) from error


@contextmanager
def _naming(tool: str, what: str) -> Iterator[None]:
    """Name the tool and what of it no schema can be made of."""
    try:
        yield
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeError(f"tool {tool}: no schema can be made of {what}: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """Return what pydantic says, without its advice to who extends pydantic."""
    return str(error).partition("\n")[0].partition(". ")[0]


_CONFIG = ConfigDict(extra="forbid", arbitrary_types_allowed=False)


def _check_parameter(tool: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
    """Refuse a parameter that cannot be a named JSON property."""
    stars = _VARIADIC.get(parameter.kind)
    if stars:
        raise TypeError(
            f"tool {tool}: parameter {stars}{parameter.name} has no schema; name each parameter"
        )
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise TypeError(f"tool {tool}: parameter {parameter.name} is positional-only; name it")
    if parameter.name not in hints:
        raise TypeError(
            f"tool {tool}: parameter {parameter.name} has no annotation; write its type, "
            f"such as {parameter.name}: str"
        )


def _field(annotation: Any, documented: str, default: object, name: str) -> FieldInfo:
    """Return what is to be added to an annotation: the property's name and its description.

    A description in the annotation goes before the docstring's; so does a plain string in it.
    """
    given = FieldInfo.from_annotation(annotation)
    if isinstance(default, FieldInfo):
        given = FieldInfo.merge_field_infos(given, default)
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    note = next((note for note in notes if isinstance(note, str)), "")
    description = given.description or note or documented or None
    alias = given.alias or name
    info = Field(alias=alias, description=description)
    assert isinstance(info, FieldInfo)
    return info


def _reasons(error: ValidationError, names: tuple[str, ...], expected: str) -> str:
    """Say which fields are wrong, why, and what the tool takes."""
    details = error.errors(include_url=False, include_context=False)
    reasons = [_reason(detail, names) for detail in details[:_MAX_REASONS]]
    if len(details) > _MAX_REASONS:
        reasons.append(f"and {len(details) - _MAX_REASONS} more")
    return f"{'; '.join(reasons)}. Expected: {expected}."


def _reason(detail: ErrorDetails, names: tuple[str, ...]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    kind = detail["type"]
    if kind == "json_invalid":
        return f"the arguments are not JSON: {detail['msg']}"
    if not where:
        return f"the arguments are {_kind(detail['input'])}; send a JSON object"
    if kind == "missing":
        return f"{where}: is required and missing"
    if kind == "extra_forbidden":
        return f"{where}: the tool has no such argument{did_you_mean(where, names)}"
    return f"{where}: {detail['msg']} (got {_echo(detail['input'])})"


def _echo(value: object) -> str:
    """Write a refused value, cut short."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if len(text) <= _MAX_ECHO else f"{text[: _MAX_ECHO - 1]}…"


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "not what it takes"
    kinds = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
