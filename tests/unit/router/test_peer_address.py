"""A replica that does not know its own host answers where it called from."""

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.router.peer_address import complete_endpoint


@pytest.mark.parametrize(
    ("peer", "completed"),
    [
        ("ipv4:1.2.3.4:567", "1.2.3.4:80"),
        ("ipv6:[::1]:567", "[::1]:80"),
        ("ipv6:%5B::1%5D:5", "[::1]:80"),
        ("ipv6:%5B2001:db8::7%5D:5", "[2001:db8::7]:80"),
        ("ipv6:[::ffff:10.0.0.7]:5", "10.0.0.7:80"),
        ("ipv6:[fe80::1%25eth0]:5", "[fe80::1%eth0]:80"),
        ("unix:", "127.0.0.1:80"),
        ("unix:/run/mesh.sock", "127.0.0.1:80"),
    ],
)
@pytest.mark.parametrize("unspecified", [":80", "0.0.0.0:80", "[::]:80"])
def test_an_unspecified_host_is_the_callers(unspecified, peer, completed):
    assert complete_endpoint(unspecified, peer) == completed


@pytest.mark.parametrize("endpoint", ["10.0.0.1:80", "tool.svc:80", "[::1]:80"])
def test_a_host_that_is_given_stays(endpoint):
    assert complete_endpoint(endpoint, "ipv4:1.2.3.4:567") == endpoint


@pytest.mark.parametrize(
    ("endpoint", "peer"),
    [(":80", "unknown"), (":80", ""), (":0", "ipv4:1.2.3.4:5"), ("x", "ipv4:1.2.3.4:5")],
)
def test_what_leads_nowhere_is_refused(endpoint, peer):
    with pytest.raises(InvalidCall, match=r"endpoint"):
        complete_endpoint(endpoint, peer)
