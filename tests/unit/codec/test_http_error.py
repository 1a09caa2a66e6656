"""The HTTP column of the error table is total."""

import inspect

import pytest
from grpc import StatusCode

from mcpmesh import errors
from mcpmesh.codec.http_error import error_json, http_status_of, http_status_of_tool, retry_after
from mcpmesh.codec.status import WITHHELD
from mcpmesh.v1 import tool_pb2

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.MeshError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_a_status_that_tells_a_failure(kind):
    assert http_status_of(kind("why")) in {400, 401, 403, 404, 409, 413, 429, 500, 501, 503, 504}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.OutOfRange, 400),
        (errors.TooLarge, 413),
        (errors.ToolNotFound, 404),
        (errors.AlreadyExists, 409),
        (errors.Overloaded, 429),
        (errors.ReplicaLost, 503),
        (errors.DeadlineExceeded, 504),
        (errors.RemoteProtocolError, 500),
    ],
)
def test_a_status_says_whose_fault_it_is(kind, status):
    assert http_status_of(kind("why")) == status


def test_a_tool_s_own_failure_has_the_status_of_its_code():
    def status(code):
        return http_status_of_tool(tool_pb2.ToolError(code=code))

    assert [status(code) for code in ("INVALID_ARGUMENT", "UNAVAILABLE", "NOT_FOUND")] == [
        400, 503, 404,
    ]  # fmt: skip
    assert [status(code) for code in ("TOOL_ERROR", "", "OK", "NO_SUCH_WORD")] == [500] * 4
    assert all(status(code.name) >= 400 for code in StatusCode)


def test_the_message_of_an_internal_error_is_withheld():
    assert error_json(errors.InternalError("a secret"))["message"] == WITHHELD
    told = error_json(errors.Overloaded("busy", retry_after_ms=1500))
    assert told == {
        "code": "RESOURCE_EXHAUSTED",
        "message": "busy",
        "retryable": True,
        "retry_after_ms": 1500,
    }


def test_waiting_times_are_whole_seconds_never_too_few():
    assert retry_after(0) == retry_after(-1) == ()
    assert retry_after(1) == ((b"retry-after", b"1"),)
    assert retry_after(1001) == ((b"retry-after", b"2"),)
