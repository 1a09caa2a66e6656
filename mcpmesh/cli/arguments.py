"""`key=value` on a command line → a tool's arguments, read by the tool's own schema.

The schema only decides how to read a value (is `5` a number or a text?); whether the arguments
are right is the tool server's to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.json_input import TooDeep, is_text, read_value, shown

Schema = Mapping[str, Any]
_MAX_REFERENCES = 20
_MAX_STEPS = 100
_NESTED = frozenset({"array", "object"})
_A = {"integer": "an integer", "array": "an array", "object": "an object", "null": "null"}
_ANY = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def read_arguments(pairs: Sequence[str], schema: Schema) -> dict[str, Any]:
    """Read key=value pairs; `a.b=1` reaches into an object, a key given twice makes a list.

    Raises: CommandError naming the pair that cannot be read.
    """
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            what = "neither an option nor KEY=VALUE" if pair.startswith("-") else "not KEY=VALUE"
            raise CommandError(
                f"argument {shown(pair)} is {what}; --json gives all as one object, and - reads "
                "it from stdin"
            )
        if not is_text(pair):
            raise CommandError(f"argument {shown(pair)} is not UTF-8 text")
        path = _path(key, schema)
        if len(path) > _MAX_STEPS:
            raise CommandError(f"argument {shown(pair)} has over {_MAX_STEPS} dots in its key")
        _put(arguments, path, text, schema, schema)
    return arguments


def json_types(schema: Schema, root: Schema) -> frozenset[str]:
    """Return the JSON types that a schema lets through, all of them when it does not say."""
    types: set[str] = set()
    for option in _options(schema, root):
        types |= _own_types(option)
    return frozenset(types) or _ANY


def _own_types(schema: Schema) -> frozenset[str]:
    if "type" in schema:
        kind = schema["type"]
        return frozenset([kind] if isinstance(kind, str) else kind)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return frozenset(_type_of(value) for value in values)
    if "properties" in schema:
        return frozenset({"object"})
    return _ANY


def _options(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Yield the schemas that a schema stands for: $ref followed, anyOf and oneOf opened."""
    for _ in range(_MAX_REFERENCES):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            break
        schema = _resolve(reference, root)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if len(schema.get("allOf", ())) == 1:
        choices += schema["allOf"]
    if not choices:
        yield schema
    for choice in choices:
        yield from _options(choice, root) if choice != schema else ()


def _resolve(reference: str, root: Schema) -> Schema:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
    return found if isinstance(found, Mapping) else {}


def _path(key: str, schema: Schema) -> list[str]:
    """Split a key at its dots, unless the tool has an argument of just that name."""
    return [key] if key in schema.get("properties", {}) else key.split(".")


def _put(
    target: dict[str, Any], path: Sequence[str], text: str, schema: Schema, root: Schema
) -> None:
    """Read a value and put it at its place."""
    key, *rest = path
    inner = _property(schema, key, root)
    if rest:
        nested = target.setdefault(key, {})
        if not isinstance(nested, dict):
            raise CommandError(f"argument {key} is given as a value and as an object")
        _put(nested, rest, text, inner, root)
        return
    types = json_types(inner, root)
    if key in target or ("array" in types and "string" not in types and not _is_array(text)):
        target[key] = [*_as_list(target.get(key, [])), _item(key, text, inner, root)]
    else:
        target[key] = _value(key, text, types)


def _property(schema: Schema, key: str, root: Schema) -> Schema:
    for option in _options(schema, root):
        if key in option.get("properties", {}):
            return dict(option["properties"][key])
    return {}


def _item(key: str, text: str, schema: Schema, root: Schema) -> Any:
    for option in _options(schema, root):
        if isinstance(items := option.get("items"), Mapping):
            return _value(key, text, json_types(items, root))
    return _value(key, text, json_types(schema, root) - {"array"} or _ANY)


def _value(key: str, text: str, types: frozenset[str]) -> Any:
    """Read a text as one of the types: a string stays one, the rest is JSON."""
    if types == {"string"}:
        return text
    try:
        value = read_value(text)
    except TooDeep as error:
        if types & _NESTED:
            raise CommandError(f"argument {key}={shown(text)} cannot be read: {error}") from error
        value = text
    except ValueError:
        value = text
    kind = _type_of(value)
    if kind in types or (kind == "integer" and "number" in types):
        return value
    if "string" in types:
        return text
    if isinstance(value, float) and value.is_integer() and "integer" in types:
        return int(value)
    wanted = " or ".join(_A.get(kind, f"a {kind}") for kind in sorted(types))
    raise CommandError(f"argument {key}: {shown(text)} is not {wanted}")


def _is_array(text: str) -> bool:
    return text.lstrip().startswith("[")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in _PYTHON_TYPES:
        if isinstance(value, kind):
            return name
    return "object"


#: bool stands before int, which it is one of.
_PYTHON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
)
