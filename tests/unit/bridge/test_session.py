import pytest

from mcpmesh.bridge.request_state import opened_state, sealed_state
from mcpmesh.bridge.session import MAX_REMEMBERED, Sessions
from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.jsonrpc import RpcError


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_session_says_who_the_client_is_until_it_expires():
    clock = Clock()
    sessions = Sessions(Signer("secret of the mesh"), 60.0, clock)
    token = sessions.issue("2025-06-18", "c/1", {"elicitation": {"url": {"x": 1}}, "bad": 3})
    session = sessions.read(token)
    assert (session.version, session.client) == ("2025-06-18", "c/1")
    assert session.capabilities == {"elicitation": {"url": {}}}
    clock.now += 61
    assert sessions.read(token) is None


def test_two_sessions_of_one_client_differ():
    sessions = Sessions(Signer(), 60.0, Clock())
    assert sessions.issue("2025-06-18", "", {}) != sessions.issue("2025-06-18", "", {})


def test_ends_and_levels_are_remembered_within_bounds():
    sessions = Sessions(Signer(), 60.0, Clock())
    for number in range(MAX_REMEMBERED + 5):
        sessions.set_level(str(number), "debug")
    assert sessions.level("0") == "info"
    assert sessions.level(str(MAX_REMEMBERED)) == "debug"


def test_a_signature_is_good_for_one_purpose_and_key():
    signer = Signer("one key of the mesh")
    text = signer.sign(b"a", b"payload")
    assert Signer("one key of the mesh").open(b"a", text) == b"payload"
    assert signer.open(b"b", text) is None
    assert Signer("another key").open(b"a", text) is None
    for forged in ("", "é", "!", text + "A", text[:-1], text * 2):
        assert signer.open(b"a", forged) is None


def test_state_of_a_tool_is_good_for_its_call_and_a_while():
    signer = Signer()
    text = sealed_state(signer, "ask", b'{"a":1,"b":[2]}', b"\x00state", 100.0)
    assert opened_state(signer, "ask", b'{"b": [2], "a": 1}', text, 99.0) == b"\x00state"
    with pytest.raises(RpcError, match="expired"):
        opened_state(signer, "ask", b'{"a":1,"b":[2]}', text, 101.0)
    for tool, arguments in (("other", b'{"a":1,"b":[2]}'), ("ask", b'{"a":1}'), ("ask", b"")):
        with pytest.raises(RpcError, match="another call"):
            opened_state(signer, tool, arguments, text, 99.0)
