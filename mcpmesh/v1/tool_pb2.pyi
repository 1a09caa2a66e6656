import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from mcpmesh.v1 import prompt_pb2 as _prompt_pb2
from mcpmesh.v1 import resource_pb2 as _resource_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Tool(_message.Message):
    __slots__ = ("name", "title", "description", "input_schema", "output_schema", "annotations", "version", "labels", "timeout", "policy", "capability", "prompt", "resource")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    description: str
    input_schema: bytes
    output_schema: bytes
    annotations: ToolAnnotations
    version: str
    labels: _containers.ScalarMap[str, str]
    timeout: _duration_pb2.Duration
    policy: CallPolicy
    capability: str
    prompt: _prompt_pb2.Prompt
    resource: _resource_pb2.Resource
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., input_schema: _Optional[bytes] = ..., output_schema: _Optional[bytes] = ..., annotations: _Optional[_Union[ToolAnnotations, _Mapping]] = ..., version: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., policy: _Optional[_Union[CallPolicy, _Mapping]] = ..., capability: _Optional[str] = ..., prompt: _Optional[_Union[_prompt_pb2.Prompt, _Mapping]] = ..., resource: _Optional[_Union[_resource_pb2.Resource, _Mapping]] = ...) -> None: ...

class CallPolicy(_message.Message):
    __slots__ = ("balance", "retry", "deadline", "admission", "hedge", "fallback", "cache", "split", "mirror")
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    HEDGE_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    MIRROR_FIELD_NUMBER: _ClassVar[int]
    balance: BalancePolicy
    retry: RetryPolicy
    deadline: DeadlinePolicy
    admission: AdmissionPolicy
    hedge: HedgePolicy
    fallback: FallbackPolicy
    cache: CachePolicy
    split: SplitPolicy
    mirror: MirrorPolicy
    def __init__(self, balance: _Optional[_Union[BalancePolicy, _Mapping]] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., deadline: _Optional[_Union[DeadlinePolicy, _Mapping]] = ..., admission: _Optional[_Union[AdmissionPolicy, _Mapping]] = ..., hedge: _Optional[_Union[HedgePolicy, _Mapping]] = ..., fallback: _Optional[_Union[FallbackPolicy, _Mapping]] = ..., cache: _Optional[_Union[CachePolicy, _Mapping]] = ..., split: _Optional[_Union[SplitPolicy, _Mapping]] = ..., mirror: _Optional[_Union[MirrorPolicy, _Mapping]] = ...) -> None: ...

class BalancePolicy(_message.Message):
    __slots__ = ("policy", "choices", "decay", "first_rtt", "probes", "pool_size", "probe_age", "hot_quantile", "blackout", "expiry", "error_penalty", "key", "load_bound", "zone_first", "zone_spill", "subset")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    DECAY_FIELD_NUMBER: _ClassVar[int]
    FIRST_RTT_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    POOL_SIZE_FIELD_NUMBER: _ClassVar[int]
    PROBE_AGE_FIELD_NUMBER: _ClassVar[int]
    HOT_QUANTILE_FIELD_NUMBER: _ClassVar[int]
    BLACKOUT_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    ERROR_PENALTY_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LOAD_BOUND_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIRST_FIELD_NUMBER: _ClassVar[int]
    ZONE_SPILL_FIELD_NUMBER: _ClassVar[int]
    SUBSET_FIELD_NUMBER: _ClassVar[int]
    policy: str
    choices: int
    decay: float
    first_rtt: float
    probes: float
    pool_size: int
    probe_age: float
    hot_quantile: float
    blackout: float
    expiry: float
    error_penalty: float
    key: str
    load_bound: float
    zone_first: bool
    zone_spill: float
    subset: int
    def __init__(self, policy: _Optional[str] = ..., choices: _Optional[int] = ..., decay: _Optional[float] = ..., first_rtt: _Optional[float] = ..., probes: _Optional[float] = ..., pool_size: _Optional[int] = ..., probe_age: _Optional[float] = ..., hot_quantile: _Optional[float] = ..., blackout: _Optional[float] = ..., expiry: _Optional[float] = ..., error_penalty: _Optional[float] = ..., key: _Optional[str] = ..., load_bound: _Optional[float] = ..., zone_first: _Optional[bool] = ..., zone_spill: _Optional[float] = ..., subset: _Optional[int] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("attempts", "first_wait", "longest_wait", "budget_share", "budget_per_second")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_WAIT_FIELD_NUMBER: _ClassVar[int]
    LONGEST_WAIT_FIELD_NUMBER: _ClassVar[int]
    BUDGET_SHARE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    attempts: int
    first_wait: float
    longest_wait: float
    budget_share: float
    budget_per_second: float
    def __init__(self, attempts: _Optional[int] = ..., first_wait: _Optional[float] = ..., longest_wait: _Optional[float] = ..., budget_share: _Optional[float] = ..., budget_per_second: _Optional[float] = ...) -> None: ...

class DeadlinePolicy(_message.Message):
    __slots__ = ("refuse",)
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    refuse: bool
    def __init__(self, refuse: _Optional[bool] = ...) -> None: ...

class AdmissionPolicy(_message.Message):
    __slots__ = ("in_flight", "queue", "queue_wait", "rate", "burst", "caller_in_flight", "caller_rate", "caller_burst", "caller_header", "adaptive", "least_in_flight", "probes")
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_WAIT_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    CALLER_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLER_RATE_FIELD_NUMBER: _ClassVar[int]
    CALLER_BURST_FIELD_NUMBER: _ClassVar[int]
    CALLER_HEADER_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_FIELD_NUMBER: _ClassVar[int]
    LEAST_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    in_flight: int
    queue: int
    queue_wait: float
    rate: float
    burst: int
    caller_in_flight: int
    caller_rate: float
    caller_burst: int
    caller_header: str
    adaptive: bool
    least_in_flight: int
    probes: float
    def __init__(self, in_flight: _Optional[int] = ..., queue: _Optional[int] = ..., queue_wait: _Optional[float] = ..., rate: _Optional[float] = ..., burst: _Optional[int] = ..., caller_in_flight: _Optional[int] = ..., caller_rate: _Optional[float] = ..., caller_burst: _Optional[int] = ..., caller_header: _Optional[str] = ..., adaptive: _Optional[bool] = ..., least_in_flight: _Optional[int] = ..., probes: _Optional[float] = ...) -> None: ...

class HedgePolicy(_message.Message):
    __slots__ = ("quantile", "least")
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    LEAST_FIELD_NUMBER: _ClassVar[int]
    quantile: float
    least: float
    def __init__(self, quantile: _Optional[float] = ..., least: _Optional[float] = ...) -> None: ...

class FallbackPolicy(_message.Message):
    __slots__ = ("tool", "version")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    tool: str
    version: str
    def __init__(self, tool: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class CachePolicy(_message.Message):
    __slots__ = ("ttl", "shared", "max_bytes")
    TTL_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    ttl: float
    shared: bool
    max_bytes: int
    def __init__(self, ttl: _Optional[float] = ..., shared: _Optional[bool] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class SplitPolicy(_message.Message):
    __slots__ = ("shares", "metadata", "key")
    class SharesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SHARES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.ScalarMap[str, float]
    metadata: _containers.ScalarMap[str, str]
    key: str
    def __init__(self, shares: _Optional[_Mapping[str, float]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., key: _Optional[str] = ...) -> None: ...

class MirrorPolicy(_message.Message):
    __slots__ = ("version", "share", "most")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    version: str
    share: float
    most: int
    def __init__(self, version: _Optional[str] = ..., share: _Optional[float] = ..., most: _Optional[int] = ...) -> None: ...

class ToolAnnotations(_message.Message):
    __slots__ = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")
    READ_ONLY_HINT_FIELD_NUMBER: _ClassVar[int]
    DESTRUCTIVE_HINT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENT_HINT_FIELD_NUMBER: _ClassVar[int]
    OPEN_WORLD_HINT_FIELD_NUMBER: _ClassVar[int]
    read_only_hint: bool
    destructive_hint: bool
    idempotent_hint: bool
    open_world_hint: bool
    def __init__(self, read_only_hint: _Optional[bool] = ..., destructive_hint: _Optional[bool] = ..., idempotent_hint: _Optional[bool] = ..., open_world_hint: _Optional[bool] = ...) -> None: ...

class Content(_message.Message):
    __slots__ = ("text", "image", "audio", "resource_link", "resource", "annotations", "role")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_LINK_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    text: TextContent
    image: ImageContent
    audio: AudioContent
    resource_link: ResourceLink
    resource: EmbeddedResource
    annotations: ContentAnnotations
    role: str
    def __init__(self, text: _Optional[_Union[TextContent, _Mapping]] = ..., image: _Optional[_Union[ImageContent, _Mapping]] = ..., audio: _Optional[_Union[AudioContent, _Mapping]] = ..., resource_link: _Optional[_Union[ResourceLink, _Mapping]] = ..., resource: _Optional[_Union[EmbeddedResource, _Mapping]] = ..., annotations: _Optional[_Union[ContentAnnotations, _Mapping]] = ..., role: _Optional[str] = ...) -> None: ...

class TextContent(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class ImageContent(_message.Message):
    __slots__ = ("data", "mime_type")
    DATA_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    mime_type: str
    def __init__(self, data: _Optional[bytes] = ..., mime_type: _Optional[str] = ...) -> None: ...

class AudioContent(_message.Message):
    __slots__ = ("data", "mime_type")
    DATA_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    mime_type: str
    def __init__(self, data: _Optional[bytes] = ..., mime_type: _Optional[str] = ...) -> None: ...

class ResourceLink(_message.Message):
    __slots__ = ("uri", "name", "title", "description", "mime_type", "size")
    URI_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    size: int
    def __init__(self, uri: _Optional[str] = ..., name: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., mime_type: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class EmbeddedResource(_message.Message):
    __slots__ = ("uri", "mime_type", "text", "blob")
    URI_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    uri: str
    mime_type: str
    text: str
    blob: bytes
    def __init__(self, uri: _Optional[str] = ..., mime_type: _Optional[str] = ..., text: _Optional[str] = ..., blob: _Optional[bytes] = ...) -> None: ...

class ContentAnnotations(_message.Message):
    __slots__ = ("audience", "priority")
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    audience: _containers.RepeatedScalarFieldContainer[str]
    priority: float
    def __init__(self, audience: _Optional[_Iterable[str]] = ..., priority: _Optional[float] = ...) -> None: ...

class ToolResult(_message.Message):
    __slots__ = ("content", "structured_content", "is_error", "error", "alerts", "meta")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STRUCTURED_CONTENT_FIELD_NUMBER: _ClassVar[int]
    IS_ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    content: _containers.RepeatedCompositeFieldContainer[Content]
    structured_content: bytes
    is_error: bool
    error: ToolError
    alerts: _containers.RepeatedScalarFieldContainer[str]
    meta: bytes
    def __init__(self, content: _Optional[_Iterable[_Union[Content, _Mapping]]] = ..., structured_content: _Optional[bytes] = ..., is_error: _Optional[bool] = ..., error: _Optional[_Union[ToolError, _Mapping]] = ..., alerts: _Optional[_Iterable[str]] = ..., meta: _Optional[bytes] = ...) -> None: ...

class ToolError(_message.Message):
    __slots__ = ("code", "retryable", "retry_after_ms")
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    retryable: bool
    retry_after_ms: int
    def __init__(self, code: _Optional[str] = ..., retryable: _Optional[bool] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class InputRequired(_message.Message):
    __slots__ = ("input_requests", "request_state")
    class InputRequestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: InputRequest
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[InputRequest, _Mapping]] = ...) -> None: ...
    INPUT_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_STATE_FIELD_NUMBER: _ClassVar[int]
    input_requests: _containers.MessageMap[str, InputRequest]
    request_state: bytes
    def __init__(self, input_requests: _Optional[_Mapping[str, InputRequest]] = ..., request_state: _Optional[bytes] = ...) -> None: ...

class InputRequest(_message.Message):
    __slots__ = ("method", "params")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    method: str
    params: bytes
    def __init__(self, method: _Optional[str] = ..., params: _Optional[bytes] = ...) -> None: ...
