"""Settings refuse what cannot work, and say why."""

import dataclasses

import pytest

from mcpmesh.config import (
    AccessSettings,
    BridgeSettings,
    ClientSettings,
    InvalidSetting,
    LimitSettings,
    ProcessSettings,
    RouterSettings,
    ServeSettings,
    StaticReplica,
    TlsSettings,
)
from mcpmesh.config.access import check_provable

ALL = (
    RouterSettings, BridgeSettings, ServeSettings, LimitSettings, ProcessSettings, ClientSettings,
    AccessSettings,
)  # fmt: skip


@pytest.mark.parametrize("settings", ALL)
def test_defaults_pass_their_own_checks(settings: type) -> None:
    assert settings() == settings()


@pytest.mark.parametrize(
    ("settings", "name", "value", "reason"),
    [
        (RouterSettings, "grpc", "7070", "HOST:PORT"),
        (RouterSettings, "grpc", "localhost:70700", "0 to 65535"),
        (RouterSettings, "grpc", "::1:7070", "brackets"),
        (LimitSettings, "max_message_bytes", 10, "1024 to"),
        (LimitSettings, "max_metadata_bytes", 2**30, "1024 to"),
        (LimitSettings, "max_concurrent_streams", 0, "1 to"),
        (LimitSettings, "max_frame_bytes", 1000, "16384 to"),
        (LimitSettings, "header_timeout", 0.0, "0.1"),
        (LimitSettings, "max_connection_age", -1.0, "0"),
        (RouterSettings, "default_timeout", 0.0, "seconds"),
        (RouterSettings, "default_timeout", float("nan"), "seconds"),
        (RouterSettings, "lease", 301.0, "1.0 to 300.0"),
        (RouterSettings, "call_log", "some", "off, errors, sampled, all"),
        (BridgeSettings, "http", "", "HOST:PORT"),
        (BridgeSettings, "allowed_origins", ("example.com",), "SCHEME://HOST"),
        (BridgeSettings, "allowed_origins", ("https://example.com/app",), "SCHEME://HOST"),
        (BridgeSettings, "session_key", "short", "16 characters"),
        (AccessSettings, "access", ("callers=ada",), 'is not {"callers": […]'),
        (AccessSettings, "access", ('{"callers": ["a"]}',), "tools is missing"),
        (AccessSettings, "access", ('{"caller": ["a"]}',), "did you mean callers"),
        (AccessSettings, "access", ('{"callers": "a", "tools": ["a"]}',), "not a list"),
        (ServeSettings, "router", "127.0.0.1:0", "port above 0"),
        (ServeSettings, "advertise", "nowhere", "HOST:PORT"),
        (ProcessSettings, "drain_grace", -1.0, "seconds"),
        (ProcessSettings, "log_level", "loud", "debug, info"),
        (ClientSettings, "router", ":7070", "host"),
    ],
)
def test_wrong_value_is_refused_with_the_reason(
    settings: type, name: str, value: object, reason: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings(**{name: value})
    assert caught.value.setting == name
    assert reason in caught.value.reason


def test_the_largest_message_has_room_beside_itself() -> None:
    with pytest.raises(InvalidSetting) as caught:
        LimitSettings(max_message_bytes=100 * 2**20)
    assert caught.value.setting == "max_unfinished_bytes"
    assert "make it 111412224 or more" in caught.value.reason
    assert LimitSettings(max_message_bytes=100 * 2**20, max_unfinished_bytes=111412224)
    assert LimitSettings.of_messages(100 * 2**20).max_unfinished_bytes == 111412224
    assert LimitSettings.of_messages(4 * 2**20) == LimitSettings()


def test_session_key_stays_out_of_the_repr() -> None:
    assert "0123456789abcdef" not in repr(BridgeSettings(session_key="0123456789abcdef"))


def test_tool_server_may_stand_without_a_router() -> None:
    assert ServeSettings(router="").router == ""


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "[::1]:9000", "tools.example.com:9000"])
def test_static_replica_has_an_id_that_can_travel(endpoint: str) -> None:
    replica = StaticReplica(endpoint, tools=("a",))
    assert replica.id == StaticReplica(endpoint).id
    assert ":" not in replica.id


@pytest.mark.parametrize("text", ["host", "host:0", "host:1=no tool", "=a"])
def test_static_replica_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="static"):
        RouterSettings(static=(text,))


@pytest.mark.parametrize(
    ("text", "tools"), [("h:1", ()), ("h:1=a,b", ("a", "b")), ("[::1]:1=a", ("a",))]
)
def test_static_replica_reads_what_it_writes(text: str, tools: tuple[str, ...]) -> None:
    (replica,) = RouterSettings(static=(text,)).static_replicas()
    assert replica.tools == tools
    assert str(replica) == text


@pytest.mark.parametrize("settings", ALL)
def test_same_name_means_the_same_everywhere(settings: type) -> None:
    types = {f.name: f.type for other in ALL for f in dataclasses.fields(other)}
    assert all(types[field.name] == field.type for field in dataclasses.fields(settings))


def test_rules_about_names_need_callers_that_prove_theirs() -> None:
    named = AccessSettings(('{"callers": ["ada"], "tools": ["*"]}',))
    with pytest.raises(InvalidSetting, match="--tls-client-ca"):
        check_provable(named, TlsSettings())
    asks = TlsSettings(tls_cert="a.pem", tls_client_ca="ca.pem")
    assert check_provable(named, asks).names_callers
    everybody = AccessSettings(('{"callers": ["*", ""], "tools": ["ping"]}',))
    assert not check_provable(everybody, TlsSettings()).is_open
