"""Leases and versions: nothing outlives its TTL, nothing is silently replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.discovery.lease import MAX_TTL, MIN_TTL, LeaseNotFound
from mcpmesh.discovery.registration import RegistrationRemoved, RegistrationUpdated
from mcpmesh.discovery.registry import MAX_TOOLS, Registry
from mcpmesh.errors import InvalidCall, Overloaded
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from tests.unit.discovery.shapes import join, replica

ADD = Tool("add", input_schema=b'{"type":"object"}')


def test_a_lease_of_no_ttl_lasts_ten_seconds():
    lease = Registry().register(replica("a"), [ADD], None, 5.0, "l")
    assert (lease.ttl, lease.expires_at) == (10.0, 15.0)


@pytest.mark.parametrize(
    ("wanted", "granted"), [(0.0, MIN_TTL), (-3.0, MIN_TTL), (30.0, 30.0), (1e9, MAX_TTL)]
)
def test_a_ttl_is_kept_within_its_limits(wanted, granted):
    assert Registry().register(replica("a"), [ADD], wanted, 0.0, "l").ttl == granted


def test_a_renewed_lease_counts_from_the_renewal():
    registry = Registry()
    lease = join(registry, "a", ADD)
    assert registry.renew(lease, 9.0).expires_at == 19.0
    assert registry.expire(18.9) == ()
    assert [gone.replica.id for gone in registry.expire(19.0)] == ["a"]
    assert registry.next_expiry() is None


def test_a_lease_that_ended_cannot_be_renewed_even_before_it_is_swept():
    registry = Registry()
    lease = join(registry, "a", ADD)
    with pytest.raises(LeaseNotFound, match="register again"):
        registry.renew(lease, 10.0)
    with pytest.raises(LeaseNotFound):
        registry.drain(lease, 10.0)


def test_registering_again_ends_the_lease_before():
    registry = Registry()
    old = registry.register(replica("a"), [ADD], None, 0.0, "old").id
    new = registry.register(replica("a"), [Tool("sub")], None, 1.0, "new").id
    with pytest.raises(LeaseNotFound):
        registry.renew(old, 2.0)
    registry.renew(new, 2.0)
    registry.deregister(old)
    assert [tool.name for tool in registry.get("a").tools] == ["sub"]


def test_every_change_raises_the_version_by_one_and_a_renewal_does_not():
    registry = Registry()
    lease = join(registry, "a", ADD)
    registry.renew(lease, 1.0)
    registry.drain(lease, 1.0)
    registry.drain(lease, 1.0)
    registry.deregister(lease)
    registry.deregister(lease)
    changes = registry.take_changes()
    assert [type(change) for change in changes] == [
        RegistrationUpdated,
        RegistrationUpdated,
        RegistrationRemoved,
    ]
    assert [change.version for change in changes] == [2, 3, 4]
    assert registry.take_changes() == ()


def test_a_drained_replica_keeps_its_lease():
    registry = Registry()
    lease = join(registry, "a", ADD)
    registry.drain(lease, 1.0)
    registry.renew(lease, 9.0)
    assert registry.get("a").draining
    assert registry.get("a").expires_at == 19.0


def test_a_static_replica_never_expires_and_cannot_be_taken_over():
    registry = Registry()
    registry.add_static(replica("s"), [ADD])
    assert registry.expire(1e12) == ()
    with pytest.raises(InvalidCall, match="configured"):
        join(registry, "s", ADD)
    registry.remove_static("s")
    assert len(registry) == 0


def test_adding_the_same_static_replica_again_is_no_change():
    registry = Registry()
    registry.add_static(replica("s"), [ADD])
    registry.add_static(replica("s"), [ADD])
    assert registry.version == 2


@pytest.mark.parametrize("tools", [[], [ADD] * (MAX_TOOLS + 1), [ADD, ADD]])
def test_a_refused_registration_changes_nothing(tools):
    registry = Registry()
    join(registry, "a", ADD)
    with pytest.raises(InvalidCall, match="replica a"):
        registry.register(replica("a"), tools, None, 0.0, "other")
    assert registry.version == 2
    registry.renew("lease of a", 1.0)


def test_a_full_registry_refuses_newcomers_and_still_takes_the_known():
    registry = Registry(max_replicas=1)
    join(registry, "a", ADD)
    with pytest.raises(Overloaded, match="full"):
        join(registry, "b", ADD)
    join(registry, "a", Tool("sub"))


def test_a_differing_newcomer_gets_a_version_beside_the_old():
    registry = Registry()
    join(registry, "a", Tool("add", "one", version="1"))
    join(registry, "b", Tool("add", "two", version="1"))
    join(registry, "c", Tool("add", "two", version="1"))
    (old,), (new,), (same,) = (registry.get(each).tools for each in "abc")
    assert old.version == "1"
    assert new.version.startswith("1-")
    assert len(new.version) == len("1-") + 8
    assert new == same


def test_a_better_description_is_beside_the_old_under_a_derived_version_too():
    registry = Registry()
    join(registry, "a", Tool("add", "one"))
    join(registry, "b", Tool("add", "two"))
    assert registry.get("b").tools[0].version.startswith(registry.get("a").tools[0].version + "-")


def test_the_only_owner_of_a_version_may_redefine_it():
    registry = Registry()
    join(registry, "a", Tool("add", "one", version="1"))
    join(registry, "a", Tool("add", "two", version="1"))
    assert registry.get("a").tools[0] == Tool("add", "two", version="1")


def test_a_newcomer_joins_its_peers_beside_though_the_old_version_is_free_again():
    registry = Registry()
    old = join(registry, "a", Tool("add", "one", version="1"))
    join(registry, "b", Tool("add", "two", version="1"))
    registry.deregister(old)
    join(registry, "c", Tool("add", "two", version="1"))
    assert registry.get("c").tools == registry.get("b").tools


def test_a_version_at_the_limit_of_length_still_fits_with_its_digest():
    registry = Registry()
    join(registry, "a", Tool("add", "one", version="v" * 128))
    join(registry, "b", Tool("add", "two", version="v" * 128))
    assert len(registry.get("b").tools[0].version) == 128


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["register", "renew", "drain", "deregister"]),
        st.sampled_from("abc"),
        st.floats(0.5, 400.0),
        st.floats(0.0, 12.0),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_lease_outlives_its_ttl(steps):
    registry, now, ends = Registry(), 0.0, {}
    for action, who, ttl, wait in steps:
        now += wait
        registry.expire(now)
        assert {each.replica.id for each in registry} == {r for r, end in ends.items() if end > now}
        ends = {r: end for r, end in ends.items() if end > now}
        lease = f"lease of {who}"
        if action == "register":
            join(registry, who, ADD, ttl=ttl, now=now)
            ends[who] = now + min(max(ttl, MIN_TTL), MAX_TTL)
        elif action == "deregister":
            registry.deregister(lease)
            ends.pop(who, None)
        elif who in ends:
            registry.drain(lease, now)
            if action == "renew":
                ends[who] = registry.renew(lease, now).expires_at
    assert registry.next_expiry() == (min(ends.values()) if ends else None)


TOOLS = st.builds(
    Tool,
    st.sampled_from(["x", "y"]),
    st.sampled_from(["one", "two", "three"]),
    version=st.sampled_from(["", "1", "2"]),
    labels=st.sampled_from([{}, {"zone": "a"}]),
)


@given(st.lists(st.tuples(st.sampled_from("abcd"), TOOLS, st.booleans()), max_size=30))
def test_a_version_never_means_two_things_and_others_are_never_changed(steps):
    registry = Registry()
    for who, tool, leaves in steps:
        others = {each.replica.id: each for each in registry if each.replica.id != who}
        if leaves:
            registry.deregister(f"lease of {who}")
        else:
            join(registry, who, tool)
            kept = registry.get(who).tools[0]
            assert (kept.description, kept.labels) == (tool.description, tool.labels)
        assert {e.replica.id: e for e in registry if e.replica.id != who} == others
        meaning = {}
        for each in registry:
            for held in each.tools:
                assert meaning.setdefault((held.name, held.version), held) == held


def test_an_endpoint_of_a_replica_may_change_with_its_registration():
    registry = Registry()
    join(registry, "a", ADD)
    registry.register(Replica("a", "10.0.0.1:1"), [ADD], None, 0.0, "l")
    assert registry.get("a").replica.endpoint == "10.0.0.1:1"
