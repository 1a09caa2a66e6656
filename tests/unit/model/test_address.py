"""Addresses: what is read is what is written, and what cannot be one says how it should look."""

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address


@pytest.mark.parametrize(
    ("text", "address", "written"),
    [
        ("127.0.0.1:80", Address("", "127.0.0.1", 80), "127.0.0.1:80"),
        ("[::1]:80", Address("", "::1", 80), "[::1]:80"),
        (":0", Address("", "", 0), ":0"),
        ("mesh.internal:7070", Address("", "mesh.internal", 7070), "mesh.internal:7070"),
        ("ipv4:10.0.0.1:80", Address("", "10.0.0.1", 80), "10.0.0.1:80"),
        ("ipv6:[fe80::1%eth0]:80", Address("", "fe80::1%eth0", 80), "[fe80::1%eth0]:80"),
        ("dns:mesh:80", Address("dns", "mesh", 80), "dns:///mesh:80"),
        ("dns:///mesh:80", Address("dns", "mesh", 80), "dns:///mesh:80"),
        ("unix:run/s", Address("unix", path="run/s"), "unix:run/s"),
        ("unix:/run/s", Address("unix", path="/run/s"), "unix:/run/s"),
        ("unix:///run/s", Address("unix", path="/run/s"), "unix:/run/s"),
        ("unix-abstract:mesh/1", Address("unix-abstract", path="mesh/1"), "unix-abstract:mesh/1"),
    ],
)
def test_forms_of_grpc_are_read(text: str, address: Address, written: str) -> None:
    assert Address.parse(text) == address
    assert str(address) == written
    assert Address.parse(written) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "HOST:PORT"),
        ("mesh", "HOST:PORT"),
        ("mesh:http", "port of 0 to 65535"),
        ("mesh:65536", "port of 0 to 65535"),
        ("::1:80", "brackets"),
        ("/run/s:80", "unix:/PATH"),
        ("ipv4:mesh:80", "not an ipv4 address"),
        ("ipv6:1.2.3.4:80", "not an ipv6 address"),
        ("dns:///mesh", "is not dns:///NAME:PORT with a port"),
        ("dns:mesh:99999", "is not dns:///NAME:PORT with a port"),
        ("dns:///mesh:0", "port above 0"),
        ("dns:///:80", "needs a name"),
        ("dns://8.8.8.8/mesh:80", "three slashes"),
        ("unix:", "has no path"),
        ("unix://host/run/s", "three slashes"),
        ("unix-abstract:", "has no path"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
        ("unix:/run/\0s", "none of them zero"),
    ],
)
def test_what_is_no_address_says_how_one_looks(text: str, said: str) -> None:
    with pytest.raises(InvalidCall, match=said):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:80", True),
        ("127.9.9.9:80", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("unix:/run/s", True),
        ("unix-abstract:s", True),
        (":80", False),
        ("0.0.0.0:80", False),
        ("[::]:80", False),
        ("10.0.0.1:80", False),
        ("localhost.example:80", False),
    ],
)
def test_local_is_what_only_this_machine_reaches(text: str, local: bool) -> None:
    assert Address.parse(text).is_local is local


@pytest.mark.parametrize(("text", "complete"), [
    ("h:1", True), (":1", False), ("h:0", False), ("unix:s", True), ("dns:h:1", True),
])  # fmt: skip
def test_complete_is_what_somebody_can_connect_to(text: str, complete: bool) -> None:
    assert Address.parse(text).is_complete is complete
