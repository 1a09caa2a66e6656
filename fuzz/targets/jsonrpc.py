"""JSON-RPC bodies: reading, and refusing in a way that can be written."""

import orjson

from mcpmesh.codec.jsonrpc import (
    Notification,
    Request,
    RpcError,
    decode,
    embedded,
    error_bytes,
    message_of,
    result_bytes,
)

SEEDS = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo","arguments":{}}}',
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    b'{"jsonrpc":"2.0","id":3,"result":{}}', b'{"jsonrpc":"2.0","id":null,"error":{"code":1}}',
    b'[{"jsonrpc":"2.0"}]', b'{"jsonrpc":"1.0","id":true}', b"[" * 1_200, b'"\\ud800"',
    b'{"jsonrpc":"2.0","id":18446744073709551616,"method":"m"}', b"{\n}", b"1e999", b"\xff",
)  # fmt: skip


def check(data: bytes) -> None:
    """Read a body; only RpcError may come out, and whatever comes out can be answered."""
    try:
        value = decode(data)
    except RpcError as error:
        _check_refusal(error)
        return
    for one in value if isinstance(value, list) else [value]:
        try:
            message = message_of(one)
        except RpcError as error:
            _check_refusal(error)
            continue
        if isinstance(message, Request):
            answer = orjson.loads(result_bytes(message.id, {"params": message.params}))
            assert answer["id"] == message.id
        elif isinstance(message, Notification):
            assert isinstance(message.method, str)
    raw = result_bytes(1, {"value": embedded(data)})
    assert b"\n" not in raw
    assert orjson.loads(raw)["result"]["value"] == value


def _check_refusal(error: RpcError) -> None:
    refusal = orjson.loads(error_bytes(error))
    assert refusal["error"]["code"] == error.code
    assert refusal["error"]["message"]
    assert len(error.message) < 500
