from mcpmesh.v1 import tool_pb2 as _tool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InvokeRequest(_message.Message):
    __slots__ = ("tool", "arguments", "version", "input_responses", "request_state", "meta", "complete")
    class InputResponsesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INPUT_RESPONSES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_STATE_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    tool: str
    arguments: bytes
    version: str
    input_responses: _containers.ScalarMap[str, bytes]
    request_state: bytes
    meta: bytes
    complete: bool
    def __init__(self, tool: _Optional[str] = ..., arguments: _Optional[bytes] = ..., version: _Optional[str] = ..., input_responses: _Optional[_Mapping[str, bytes]] = ..., request_state: _Optional[bytes] = ..., meta: _Optional[bytes] = ..., complete: _Optional[bool] = ...) -> None: ...

class InvokeResponse(_message.Message):
    __slots__ = ("result", "input_required")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    INPUT_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    result: _tool_pb2.ToolResult
    input_required: _tool_pb2.InputRequired
    def __init__(self, result: _Optional[_Union[_tool_pb2.ToolResult, _Mapping]] = ..., input_required: _Optional[_Union[_tool_pb2.InputRequired, _Mapping]] = ...) -> None: ...

class InvokeEvent(_message.Message):
    __slots__ = ("progress", "log", "content", "result", "input_required")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    INPUT_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    log: LogMessage
    content: _tool_pb2.Content
    result: _tool_pb2.ToolResult
    input_required: _tool_pb2.InputRequired
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., log: _Optional[_Union[LogMessage, _Mapping]] = ..., content: _Optional[_Union[_tool_pb2.Content, _Mapping]] = ..., result: _Optional[_Union[_tool_pb2.ToolResult, _Mapping]] = ..., input_required: _Optional[_Union[_tool_pb2.InputRequired, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("progress", "total", "message")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    progress: float
    total: float
    message: str
    def __init__(self, progress: _Optional[float] = ..., total: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class LogMessage(_message.Message):
    __slots__ = ("level", "logger", "data")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LOGGER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    level: str
    logger: str
    data: bytes
    def __init__(self, level: _Optional[str] = ..., logger: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...
