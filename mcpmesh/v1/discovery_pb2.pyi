import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from mcpmesh.v1 import tool_pb2 as _tool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListToolsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "labels", "all_versions", "kind")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ALL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    labels: _containers.ScalarMap[str, str]
    all_versions: bool
    kind: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., all_versions: _Optional[bool] = ..., kind: _Optional[str] = ...) -> None: ...

class ListToolsResponse(_message.Message):
    __slots__ = ("tools", "next_page_token", "cursor")
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedCompositeFieldContainer[ToolStatus]
    next_page_token: str
    cursor: str
    def __init__(self, tools: _Optional[_Iterable[_Union[ToolStatus, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., cursor: _Optional[str] = ...) -> None: ...

class ToolStatus(_message.Message):
    __slots__ = ("tool", "replicas", "ready_replicas")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    READY_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    tool: _tool_pb2.Tool
    replicas: int
    ready_replicas: int
    def __init__(self, tool: _Optional[_Union[_tool_pb2.Tool, _Mapping]] = ..., replicas: _Optional[int] = ..., ready_replicas: _Optional[int] = ...) -> None: ...

class GetToolRequest(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class SearchToolsRequest(_message.Message):
    __slots__ = ("query", "limit", "labels", "kind")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    query: str
    limit: int
    labels: _containers.ScalarMap[str, str]
    kind: str
    def __init__(self, query: _Optional[str] = ..., limit: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., kind: _Optional[str] = ...) -> None: ...

class SearchToolsResponse(_message.Message):
    __slots__ = ("hits",)
    HITS_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[SearchHit]
    def __init__(self, hits: _Optional[_Iterable[_Union[SearchHit, _Mapping]]] = ...) -> None: ...

class SearchHit(_message.Message):
    __slots__ = ("tool", "score", "reason", "words", "meaning", "worth")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    WORTH_FIELD_NUMBER: _ClassVar[int]
    tool: ToolStatus
    score: float
    reason: str
    words: float
    meaning: float
    worth: Estimate
    def __init__(self, tool: _Optional[_Union[ToolStatus, _Mapping]] = ..., score: _Optional[float] = ..., reason: _Optional[str] = ..., words: _Optional[float] = ..., meaning: _Optional[float] = ..., worth: _Optional[_Union[Estimate, _Mapping]] = ...) -> None: ...

class Estimate(_message.Message):
    __slots__ = ("mean", "low", "high")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    mean: float
    low: float
    high: float
    def __init__(self, mean: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("tool", "score")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    tool: str
    score: float
    def __init__(self, tool: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("accuracy",)
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    accuracy: Estimate
    def __init__(self, accuracy: _Optional[_Union[Estimate, _Mapping]] = ...) -> None: ...

class ListChoicesRequest(_message.Message):
    __slots__ = ("capability",)
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    capability: str
    def __init__(self, capability: _Optional[str] = ...) -> None: ...

class ListChoicesResponse(_message.Message):
    __slots__ = ("choices",)
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    def __init__(self, choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("capability", "tools", "calls", "explored")
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    EXPLORED_FIELD_NUMBER: _ClassVar[int]
    capability: str
    tools: _containers.RepeatedCompositeFieldContainer[Choosable]
    calls: int
    explored: int
    def __init__(self, capability: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[Choosable, _Mapping]]] = ..., calls: _Optional[int] = ..., explored: _Optional[int] = ...) -> None: ...

class Choosable(_message.Message):
    __slots__ = ("tool", "ready", "calls", "worth", "success", "accuracy", "seconds")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    WORTH_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    tool: str
    ready: bool
    calls: int
    worth: Estimate
    success: Estimate
    accuracy: Estimate
    seconds: Estimate
    def __init__(self, tool: _Optional[str] = ..., ready: _Optional[bool] = ..., calls: _Optional[int] = ..., worth: _Optional[_Union[Estimate, _Mapping]] = ..., success: _Optional[_Union[Estimate, _Mapping]] = ..., accuracy: _Optional[_Union[Estimate, _Mapping]] = ..., seconds: _Optional[_Union[Estimate, _Mapping]] = ...) -> None: ...

class WatchToolsRequest(_message.Message):
    __slots__ = ("cursor", "labels", "kind")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    labels: _containers.ScalarMap[str, str]
    kind: str
    def __init__(self, cursor: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., kind: _Optional[str] = ...) -> None: ...

class CatalogEvent(_message.Message):
    __slots__ = ("cursor", "snapshot", "updated", "removed", "resync")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    snapshot: ToolSnapshot
    updated: ToolStatus
    removed: ToolRemoved
    resync: Resync
    def __init__(self, cursor: _Optional[str] = ..., snapshot: _Optional[_Union[ToolSnapshot, _Mapping]] = ..., updated: _Optional[_Union[ToolStatus, _Mapping]] = ..., removed: _Optional[_Union[ToolRemoved, _Mapping]] = ..., resync: _Optional[_Union[Resync, _Mapping]] = ...) -> None: ...

class ToolSnapshot(_message.Message):
    __slots__ = ("tools",)
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedCompositeFieldContainer[ToolStatus]
    def __init__(self, tools: _Optional[_Iterable[_Union[ToolStatus, _Mapping]]] = ...) -> None: ...

class ToolRemoved(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Resync(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = ("tool",)
    TOOL_FIELD_NUMBER: _ClassVar[int]
    tool: str
    def __init__(self, tool: _Optional[str] = ...) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ("replicas",)
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[ReplicaStatus]
    def __init__(self, replicas: _Optional[_Iterable[_Union[ReplicaStatus, _Mapping]]] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("id", "endpoint", "server", "labels", "weight", "services", "server_name")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    SERVER_NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    endpoint: str
    server: str
    labels: _containers.ScalarMap[str, str]
    weight: int
    services: _containers.RepeatedScalarFieldContainer[str]
    server_name: str
    def __init__(self, id: _Optional[str] = ..., endpoint: _Optional[str] = ..., server: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., weight: _Optional[int] = ..., services: _Optional[_Iterable[str]] = ..., server_name: _Optional[str] = ...) -> None: ...

class ReplicaStatus(_message.Message):
    __slots__ = ("replica", "state", "in_flight", "lease_remaining", "tools", "reason", "health", "health_reason", "ejected_for", "share", "recent", "picks")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    LEASE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    HEALTH_REASON_FIELD_NUMBER: _ClassVar[int]
    EJECTED_FOR_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    RECENT_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    replica: Replica
    state: str
    in_flight: int
    lease_remaining: _duration_pb2.Duration
    tools: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    health: str
    health_reason: str
    ejected_for: _duration_pb2.Duration
    share: float
    recent: RecentAttempts
    picks: int
    def __init__(self, replica: _Optional[_Union[Replica, _Mapping]] = ..., state: _Optional[str] = ..., in_flight: _Optional[int] = ..., lease_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., tools: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., health: _Optional[str] = ..., health_reason: _Optional[str] = ..., ejected_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., share: _Optional[float] = ..., recent: _Optional[_Union[RecentAttempts, _Mapping]] = ..., picks: _Optional[int] = ...) -> None: ...

class RecentAttempts(_message.Message):
    __slots__ = ("over", "picks", "successes", "failures", "mean_time", "pick_ratio")
    OVER_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSES_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    MEAN_TIME_FIELD_NUMBER: _ClassVar[int]
    PICK_RATIO_FIELD_NUMBER: _ClassVar[int]
    over: _duration_pb2.Duration
    picks: int
    successes: int
    failures: int
    mean_time: _duration_pb2.Duration
    pick_ratio: float
    def __init__(self, over: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., picks: _Optional[int] = ..., successes: _Optional[int] = ..., failures: _Optional[int] = ..., mean_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., pick_ratio: _Optional[float] = ...) -> None: ...

class ExplainToolRequest(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ExplainToolResponse(_message.Message):
    __slots__ = ("name", "version", "policy", "summary", "ranking", "picks")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    policy: str
    summary: str
    ranking: _containers.RepeatedCompositeFieldContainer[RankedReplica]
    picks: _containers.RepeatedCompositeFieldContainer[Pick]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., policy: _Optional[str] = ..., summary: _Optional[str] = ..., ranking: _Optional[_Iterable[_Union[RankedReplica, _Mapping]]] = ..., picks: _Optional[_Iterable[_Union[Pick, _Mapping]]] = ...) -> None: ...

class RankedReplica(_message.Message):
    __slots__ = ("status", "takes_calls", "reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TAKES_CALLS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    status: ReplicaStatus
    takes_calls: bool
    reason: str
    def __init__(self, status: _Optional[_Union[ReplicaStatus, _Mapping]] = ..., takes_calls: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class Pick(_message.Message):
    __slots__ = ("ago", "replica_id", "attempt", "in_flight", "least_in_flight", "most_in_flight", "reason")
    AGO_FIELD_NUMBER: _ClassVar[int]
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    LEAST_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    MOST_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ago: _duration_pb2.Duration
    replica_id: str
    attempt: int
    in_flight: int
    least_in_flight: int
    most_in_flight: int
    reason: str
    def __init__(self, ago: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., replica_id: _Optional[str] = ..., attempt: _Optional[int] = ..., in_flight: _Optional[int] = ..., least_in_flight: _Optional[int] = ..., most_in_flight: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
