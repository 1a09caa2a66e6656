"""Addresses are taken, shared and named."""

import socket

import pytest

from mcpmesh.cli.endpoint import cannot_listen, numbered, reachable, reserve
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.process import as_options
from mcpmesh.cli.serve import with_port
from mcpmesh.config import RouterSettings, ServeSettings


@pytest.mark.parametrize(
    ("endpoint", "reached"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("0.0.0.0:1", "127.0.0.1:1"),
        (":1", "127.0.0.1:1"),
        ("[::]:1", "[::1]:1"),
    ],
)
def test_everywhere_is_reached_over_loopback(endpoint: str, reached: str) -> None:
    assert reachable(endpoint) == reached


def test_given_ports_count_up_and_free_ones_stay_free() -> None:
    assert [numbered("h:5", i) for i in (0, 2)] == ["h:5", "h:7"]
    assert numbered("[::1]:0", 3) == "[::1]:0"


def test_reserved_port_is_shared_with_those_that_ask_for_it() -> None:
    held, endpoint = reserve("127.0.0.1:0", "--grpc")
    port = int(endpoint.rpartition(":")[2])
    with held, socket.create_server(("127.0.0.1", port), reuse_port=True) as listening:
        assert listening.getsockname()[1] == port


def test_port_that_another_mesh_shares_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), reuse_port=True) as other,
        pytest.raises(CommandError, match=r"in use.*--grpc HOST:PORT") as caught,
    ):
        reserve(f"127.0.0.1:{other.getsockname()[1]}", "--grpc")
    assert caught.value.code == Exit.UNAVAILABLE


def test_host_that_is_nowhere_is_told() -> None:
    error = socket.gaierror(-2, "Name or service not known")
    told = cannot_listen("nowhere:1", "--grpc", error).message
    assert "Name or service not known; give an address of this machine with --grpc" in told


def test_settings_written_as_options_leave_nothing_to_the_environment() -> None:
    options = as_options(RouterSettings(static=("h:1=a", "h:2")), grpc="x:1", worker_of="y:1")
    assert "--grpc=x:1" in options
    assert [o for o in options if o.startswith("--static")] == ["--static=h:1=a", "--static=h:2"]
    assert "--worker-of=y:1" in options


def test_advertised_port_zero_follows_the_port_listened_on() -> None:
    fixed = with_port(ServeSettings(listen="127.0.0.1:5000", advertise="10.0.0.1:0"))
    assert fixed.advertise == "10.0.0.1:5000"
    free = with_port(ServeSettings(advertise="10.0.0.1:0"))
    assert free.advertise.rpartition(":")[2] == free.listen.rpartition(":")[2] != "0"
