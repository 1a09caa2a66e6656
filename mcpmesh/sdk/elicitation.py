"""MCP's elicitation: the form a user fills in, and what comes back of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError, create_model

from mcpmesh.sdk.failure import Declined, WrongArguments
from mcpmesh.sdk.schema import is_object, json_schema

_FIELD = "answer"


@dataclass(frozen=True, slots=True)
class Form:
    """The schema of a form, and the reader of what was filled in.

    `wrapped`: the form's only field holds the answer.
    """

    schema: Mapping[str, Any]
    adapter: TypeAdapter[Any] | None = None
    wrapped: bool = False

    def read(self, key: str, content: Mapping[str, Any]) -> Any:
        """Return the answer in the type that was asked for.

        Raises: WrongArguments when it does not fit.
        """
        if self.adapter is None:
            return content
        value = content.get(_FIELD) if self.wrapped else content
        try:
            return self.adapter.validate_json(orjson.dumps(value))
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join((key, *(str(part) for part in detail["loc"])))
            raise WrongArguments(f"the answer to {where}: {detail['msg']}") from error


def form_of(answer: Any) -> Form:
    """Return the form for a type (a model, or one value such as str or a Literal), or a schema."""
    if isinstance(answer, Mapping):
        return Form(answer)
    adapter: TypeAdapter[Any] = TypeAdapter(answer)
    schema = json_schema(adapter, "validation")
    if is_object(schema):
        return Form(schema, adapter)
    fields: dict[str, Any] = {_FIELD: (answer, ...)}
    wrapper: TypeAdapter[Any] = TypeAdapter(create_model("Form", **fields))
    return Form(json_schema(wrapper, "validation"), adapter, wrapped=True)


def accepted_content(message: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the user filled in.

    Raises: Declined when the user declined or dismissed the form; WrongArguments for a result
    that is no elicitation result.
    """
    action = result.get("action")
    if action in ("decline", "cancel"):
        verb = "declined to answer" if action == "decline" else "dismissed"
        raise Declined(f"the user {verb}: {message}", str(action))
    content = result.get("content", {})
    if action != "accept" or not isinstance(content, dict):
        raise WrongArguments(
            f"the answer to {message!r} is not {{action: accept|decline|cancel, content: {{…}}}}"
        )
    return content
