"""The error table is total, both ways."""

import inspect

import pytest
from grpc import StatusCode

from mcpmesh import errors
from mcpmesh.codec.status import (
    CLASS,
    STATUS,
    WITHHELD,
    Status,
    error_of,
    pushback_from,
    status_from,
    status_of,
)

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.MeshError)
]


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
def test_every_status_of_a_peer_has_a_class(code):
    error = error_of(code, "why", retry_after_ms=5)
    assert type(error) is CLASS[code]
    assert (error.message, error.retry_after_ms) == ("why", 5)


def test_a_status_without_a_message_names_its_code():
    assert "NOT_FOUND" in error_of(StatusCode.NOT_FOUND, "").message


@pytest.mark.parametrize("number", range(17))
def test_every_number_of_the_wire_has_a_status(number):
    assert STATUS[number].value[0] == number


@pytest.mark.parametrize("text", [b"", b"x", b"-1", b"17", b"999", b"1000", b"0000", b"9" * 5000])
def test_what_names_no_status_is_unknown(text):
    assert status_from(text) is StatusCode.UNKNOWN


def test_a_status_is_read_from_its_number():
    assert [status_from(text) for text in (b"0", b"8", b"16")] == [
        StatusCode.OK, StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAUTHENTICATED,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["x", "-1", "9" * 10, "9" * 5000, "²"])
def test_a_pushback_that_is_no_number_of_ms_means_never(text):
    assert pushback_from(text) == pushback_from(text.encode()) == -1
    assert pushback_from("70") == pushback_from(b"70") == 70
    assert pushback_from("") == 0


def test_what_is_too_large_and_what_is_too_much_are_told_apart_by_the_pushback():
    for sent in (errors.TooLarge("big"), errors.Overloaded("busy", retry_after_ms=7)):
        status = status_of(sent)
        assert status.code is StatusCode.RESOURCE_EXHAUSTED
        ((_, pushback),) = status.metadata
        found = error_of(status.code, status.message, retry_after_ms=pushback_from(pushback))
        assert type(found) is type(sent)
        assert (found.message, found.retry_after_ms) == (sent.message, sent.retry_after_ms)
        assert found.retryable is isinstance(sent, errors.Overloaded)


@pytest.mark.parametrize("found", CLASSES)
def test_every_class_has_a_status_and_a_jsonrpc_code_of_ours(found):
    status = status_of(found("why"))
    assert status.code.value[0] == found.grpc_code
    code = found.jsonrpc_code
    assert code in (-32601, -32602, -32603) or -32019 <= code <= -32000
    assert code not in (-32002, -32042)


@pytest.mark.parametrize("found", CLASSES)
def test_the_message_of_an_internal_error_stays_here(found):
    internal = found.grpc_code == StatusCode.INTERNAL.value[0]
    assert status_of(found("why")).message == (WITHHELD if internal else "why")


def test_an_exception_that_is_not_ours_is_internal():
    assert status_of(KeyError("secret")) == Status(StatusCode.INTERNAL, WITHHELD)
