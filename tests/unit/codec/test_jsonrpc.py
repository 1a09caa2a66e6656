import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec import jsonrpc
from mcpmesh.codec.jsonrpc import Notification, Request, Response, RpcError, decode, message_of

ids = st.integers(-(2**53), 2**53) | st.text(max_size=20)


@given(ids, st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers(0, 9)))
def test_a_request_is_read_as_it_was_written(request_id, method, params):
    body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    assert message_of(decode(orjson.dumps(body))) == Request(request_id, method, params)


def test_kinds_of_messages_are_told_apart():
    assert message_of({"jsonrpc": "2.0", "method": "a"}) == Notification("a", {})
    assert message_of({"jsonrpc": "2.0", "id": 1, "result": 3}) == Response(1, 3)
    assert message_of({"jsonrpc": "2.0", "id": 1, "error": {}}) == Response(1, None, {})
    with pytest.raises(RpcError):
        message_of({"jsonrpc": "2.0", "id": 1, "error": {}, "result": 1})


@given(ids)
def test_answers_repeat_the_id(request_id):
    for body in (
        jsonrpc.result_bytes(request_id, {}),
        jsonrpc.encoded_result_bytes(request_id, b"{}"),
    ):
        assert orjson.loads(body) == {"jsonrpc": "2.0", "id": request_id, "result": {}}
    error = orjson.loads(jsonrpc.error_bytes(RpcError(-32600, "no"), request_id))
    assert error == {"jsonrpc": "2.0", "id": request_id, "error": {"code": -32600, "message": "no"}}


def test_embedded_json_keeps_its_bytes_but_never_breaks_a_line():
    big = b'{"n":123456789012345678901234567890}'
    assert big in jsonrpc.result_bytes(1, jsonrpc.embedded(big))
    assert b"\n" not in jsonrpc.result_bytes(1, jsonrpc.embedded(b'{\r\n"a": [1,\n2]}'))
    with pytest.raises(ValueError, match="unexpected"):
        jsonrpc.embedded(b"{nope")
