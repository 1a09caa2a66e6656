"""How a call of a gRPC service that failed is told to the model, and to the mesh."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import orjson
from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from mcpmesh.codec.status import PUSHBACK, pushback_from
from mcpmesh.errors import NoReplica, Overloaded
from mcpmesh.sdk.failure import Refused, ToolFailure

#: The trailer with a google.rpc.Status.
DETAILS = "grpc-status-details-bin"
_MOST_DETAILS = 10
_MAX_DETAILS_BYTES = 4000
_RETRYABLE = frozenset((StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED, StatusCode.ABORTED))
_RETRY_INFO = error_details_pb2.RetryInfo.DESCRIPTOR.full_name


def failure_of(
    path: str, error: grpc.RpcError, pool: Any, hide: Callable[[str], str]
) -> ToolFailure | Refused:
    """Return what a call's end means; `pool` has the types of the service's own details.

    UNAVAILABLE, and RESOURCE_EXHAUSTED with gRPC's own wish for another try, are the mesh's
    business: it may have another replica. All else is the service's answer, for the model.
    """
    trailers = _trailers(error)
    details = list(_details(trailers, pool))
    code: StatusCode = error.code()
    message = f"{path}: {code.name}: {hide(error.details() or 'no reason given')}"
    wait_ms = _wait_ms(trailers, details)
    if code is StatusCode.UNAVAILABLE:
        # A long wish is for the model to know, and no call waits for it.
        return Refused(NoReplica(message, retry_after_ms=wait_ms if wait_ms <= 1000 else 0))
    if code is StatusCode.RESOURCE_EXHAUSTED and wait_ms and PUSHBACK in trailers:
        return Refused(Overloaded(message, retry_after_ms=wait_ms))
    if details:
        text = hide(orjson.dumps(details).decode())
        cut = text if len(text) <= _MAX_DETAILS_BYTES else f"{text[:_MAX_DETAILS_BYTES]}…"
        message = f"{message}\nDetails: {cut}"
    # A negative wish says never: the answer is larger than we take, for one.
    retryable = code in _RETRYABLE and pushback_from(trailers.get(PUSHBACK, "")) >= 0
    return ToolFailure(message, code=code.name, retryable=retryable, retry_after_ms=wait_ms)


def _trailers(error: grpc.RpcError) -> dict[str, str | bytes]:
    return dict(error.trailing_metadata() or ())


def _details(trailers: dict[str, str | bytes], pool: Any) -> Iterator[dict[str, Any]]:
    """Yield the details that a google.rpc.Status carries, each with its type."""
    encoded = trailers.get(DETAILS)
    if not isinstance(encoded, bytes):
        return
    try:
        status = status_pb2.Status.FromString(encoded)
    except DecodeError:
        return
    for each in status.details[:_MOST_DETAILS]:
        yield _detail(each, pool)


def _detail(packed: any_pb2.Any, pool: Any) -> dict[str, Any]:
    name = packed.type_url.rpartition("/")[2]
    # google.rpc's own types need not be among the protos of the service.
    for each in (descriptor_pool.Default(), pool):
        try:
            kind = message_factory.GetMessageClass(each.FindMessageTypeByName(name))
            message = kind.FromString(packed.value)
            read = json_format.MessageToDict(message, descriptor_pool=each)
        except (KeyError, DecodeError, TypeError, ValueError, json_format.Error):
            continue
        return {"@type": name, **(read if isinstance(read, dict) else {"value": read})}
    return {"@type": name}


def _wait_ms(trailers: dict[str, str | bytes], details: list[dict[str, Any]]) -> int:
    """Return how long the service wants to be left alone; 0 when it does not say."""
    if PUSHBACK in trailers:
        return max(0, pushback_from(trailers[PUSHBACK]))
    for each in details:
        if each["@type"] == _RETRY_INFO:
            delay = error_details_pb2.RetryInfo()
            json_format.ParseDict({"retryDelay": each.get("retryDelay", "0s")}, delay)
            return max(0, min(int(delay.retry_delay.ToMilliseconds()), 86_400_000))
    return 0
