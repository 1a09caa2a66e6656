"""What a tool asks back, and the answers, in the protobuf form of MCP."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any

import orjson
from mcp_grpc_transport_proto import mcp_messages_pb2 as mcp_pb2

from mcpmesh.codec.mcp_proto import json_of
from mcpmesh.errors import InvalidCall, RemoteProtocolError
from mcpmesh.v1 import invoke_pb2, tool_pb2

_ROLES = {"user": mcp_pb2.ROLE_USER, "assistant": mcp_pb2.ROLE_ASSISTANT}
_ACTIONS = {
    mcp_pb2.ElicitResult.TYPE_ACCEPT: "accept",
    mcp_pb2.ElicitResult.TYPE_DECLINE: "decline",
    mcp_pb2.ElicitResult.TYPE_CANCEL: "cancel",
}
_FORMATS = {
    "email": mcp_pb2.PrimitiveSchemaDefinition.StringSchema.FORMAT_EMAIL,
    "uri": mcp_pb2.PrimitiveSchemaDefinition.StringSchema.FORMAT_URI,
    "date": mcp_pb2.PrimitiveSchemaDefinition.StringSchema.FORMAT_DATE,
    "date-time": mcp_pb2.PrimitiveSchemaDefinition.StringSchema.FORMAT_DATE_TIME,
}


def ask(into: mcp_pb2.ResponseFields, asked: tool_pb2.InputRequired) -> None:
    """Write what a tool asks into a response.

    Raises: RemoteProtocolError for a question that this form does not have.
    """
    into.result_type = mcp_pb2.RESULT_TYPE_INPUT_REQUIRED
    into.request_state = b64encode(asked.request_state).decode()
    for key, question in asked.input_requests.items():
        request = into.input_requests[key]
        try:
            params = orjson.loads(question.params or b"{}")
            _question(request, question.method, params)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise RemoteProtocolError(
                f"what the tool asks ({question.method}) has no protobuf form"
            ) from exc


def _question(into: mcp_pb2.InputRequest, method: str, params: Mapping[str, Any]) -> None:
    if method == "roots/list":
        into.list_roots_request.SetInParent()
    elif method == "sampling/createMessage":
        _sampling(into.sampling_create_message, params)
    elif method == "elicitation/create" and "url" in params:
        into.elicit_request.message = params.get("message", "")
        into.elicit_request.url_mode.url = params["url"]
        into.elicit_request.url_mode.id = params.get("elicitationId", "")
    elif method == "elicitation/create":
        into.elicit_request.message = params.get("message", "")
        schema = params.get("requestedSchema", {})
        into.elicit_request.required_fields.extend(schema.get("required", ()))
        for name, one in schema.get("properties", {}).items():
            _primitive(into.elicit_request.requested_schema[name], one)
    else:
        raise KeyError(method)


def _primitive(into: mcp_pb2.PrimitiveSchemaDefinition, schema: Mapping[str, Any]) -> None:
    kind = schema.get("type", "string")
    if "enum" in schema or "oneOf" in schema:
        choices = schema.get("enum") or [each["const"] for each in schema["oneOf"]]
        names = schema.get("enumNames") or [each["title"] for each in schema.get("oneOf", ())]
        one: Any = into.enum_schema
        one.enum_list.extend(choices)
        one.enum_names.extend(names)
    elif kind == "boolean":
        one = into.boolean_schema
        one.default = schema.get("default", False)
    elif kind in ("integer", "number"):
        one = into.number_schema
        one.minimum = max(0, int(schema.get("minimum", 0)))
        one.maximum = max(0, int(schema.get("maximum", 0)))
    elif kind == "string":
        one = into.string_schema
        one.min_length = schema.get("minLength", 0)
        one.max_length = schema.get("maxLength", 0)
        one.format = _FORMATS.get(schema.get("format", ""), 0)
    else:
        raise KeyError(kind)
    one.title, one.description = schema.get("title", ""), schema.get("description", "")
    into.SetInParent()
    one.SetInParent()


def _sampling(into: mcp_pb2.SamplingCreateMessageRequest, params: Mapping[str, Any]) -> None:
    into.system_prompt = params.get("systemPrompt", "")
    into.max_tokens = params.get("maxTokens", 0)
    into.temperature = params.get("temperature", 0.0)
    into.stop_sequence.extend(params.get("stopSequences", ()))
    for each in params.get("messages", ()):
        message = into.messages.add(role=_ROLES[each["role"]])
        content = each["content"]
        if content["type"] == "text":
            message.text.text = content["text"]
        else:
            media = getattr(message, content["type"])
            media.data = b64decode(content["data"])
            media.mime_type = content.get("mimeType", "")


def add_answers(invoke: invoke_pb2.InvokeRequest, common: mcp_pb2.RequestFields) -> None:
    """Read the answers to what was asked before, and the state.

    Raises: InvalidCall.
    """
    if common.request_state:
        try:
            invoke.request_state = b64decode(common.request_state, validate=True)
        except NotBase64 as exc:
            raise InvalidCall("request_state is not one that this server gave") from exc
    for key, response in common.input_responses.items():
        invoke.input_responses[key] = orjson.dumps(_answer(key, response))


def _answer(key: str, response: mcp_pb2.InputResponse) -> dict[str, Any]:
    if response.HasField("elicit_result"):
        result = response.elicit_result
        told: dict[str, Any] = {"action": _ACTIONS.get(result.type, "cancel")}
        if result.HasField("content"):
            told["content"] = json_of(result.content)
        return told
    if response.HasField("root_list_result"):
        roots = response.root_list_result.roots
        return {"roots": [{"uri": root.uri, "name": root.name} for root in roots]}
    if response.HasField("sampling_create_message_result"):
        said = response.sampling_create_message_result
        message = said.message
        role = "assistant" if message.role == mcp_pb2.ROLE_ASSISTANT else "user"
        reason = {"stopReason": said.stop_reason} if said.stop_reason else {}
        return {"role": role, "content": _spoken(message), "model": said.model, **reason}
    raise InvalidCall(f"input_responses: {key[:140]!r} holds no answer")


def _spoken(message: mcp_pb2.SamplingMessage) -> dict[str, Any]:
    for kind in ("image", "audio"):
        if message.HasField(kind):
            media = getattr(message, kind)
            data = b64encode(media.data).decode()
            return {"type": kind, "data": data, "mimeType": media.mime_type}
    return {"type": "text", "text": message.text.text}
