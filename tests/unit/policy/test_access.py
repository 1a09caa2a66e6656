import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import InvalidCall
from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.policy.access import Access, AccessRule, Scope, denied

ADA = Principal("spiffe://mesh/ada")
EVE = Principal(r"CN=eve,O=Mallory\, Inc")


def allowed(access, principal, *names):
    return [name for name in names if access.scope(principal).allows(name)]


def test_without_rules_everybody_may_call_everything():
    for principal in (ANONYMOUS, ADA):
        assert Access().scope(principal).is_all
        assert Access().scope(principal).allows("anything")


def test_with_rules_only_what_a_rule_allows():
    access = Access(
        (
            AccessRule(("spiffe://mesh/*",), ("weather*", "prompt:*")),
            AccessRule(("*",), ("ping",)),
            AccessRule(("",), ("shop.v1.Orders/List",)),
            AccessRule(("nobody",), ("*",)),
        )
    )
    names = ("weather", "weather.now", "my_weather", "prompt:about", "ping", "shop.v1.Orders/List")
    assert allowed(access, ADA, *names) == ["weather", "weather.now", "prompt:about", "ping"]
    assert allowed(access, EVE, *names) == ["ping"]
    assert allowed(access, ANONYMOUS, *names) == ["ping", "shop.v1.Orders/List"]
    assert access.scope(Principal("nobody")).is_all
    assert not Access((AccessRule(("x",), ("*",)),)).scope(ADA).allows("")


def test_only_the_asterisk_means_more_than_itself():
    access = Access((AccessRule((r"CN=eve,O=Mallory\, Inc",), ("resource:a?b[1].*|c",)),))
    assert allowed(access, EVE, "resource:a?b[1].png|c", "resource:axb1.png|c", "c") == [
        "resource:a?b[1].png|c"
    ]
    assert not allowed(access, Principal("CN=eve"), "resource:a?b[1].png|c")


def test_a_name_with_a_line_end_does_not_slip_through():
    access = Access((AccessRule(("ada",), ("ping",)),))
    assert not allowed(access, Principal("ada\n"), "ping")
    assert not allowed(access, Principal("ada"), "ping\n")


def test_callers_of_the_same_rules_have_equal_scopes():
    rules = AccessRule(("a", "b"), ("x", "y")), AccessRule(("b", "a"), ("y", "x"))
    access = Access(rules)
    assert access.scope(Principal("a")) == access.scope(Principal("b")) == Scope(("x", "y"))
    assert len({access.scope(Principal(name)) for name in "abcdef"}) == 2


def test_the_scopes_of_any_number_of_callers_are_bounded():
    access = Access((AccessRule(("a*",), ("x",)),))
    for number in range(5000):
        assert access.scope(Principal(f"a{number}")).allows("x")
    assert len(access._scopes) <= 1024


@pytest.mark.parametrize(
    ("callers", "tools", "reason"),
    [
        ((), ("x",), "callers is missing"),
        (("x",), (), "tools is missing"),
        (("x",), ("",), "empty pattern fits nothing"),
        (("x" * 2000,), ("x",), "longer than 1024"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(callers, tools, reason):
    with pytest.raises(InvalidCall, match=reason):
        AccessRule(callers, tools)


def test_a_refusal_says_who_may_not_and_what_to_do():
    assert "spiffe://mesh/ada may not call it" in denied(ADA, "wipe").message
    assert "without a certificate" in denied(ANONYMOUS, "wipe").message
    assert "--access" in denied(ADA, "wipe").message


names = st.text(st.sampled_from("ab.*/\n"), max_size=6)


@given(names.filter(bool), names)
def test_a_pattern_without_asterisk_fits_itself_alone(pattern, name):
    literal = pattern.replace("*", "a")
    assert Scope((literal,)).allows(name) == (literal == name)


@given(st.lists(names.filter(bool), min_size=1, max_size=4), names)
def test_more_patterns_never_allow_less(patterns, name):
    fewer = Scope(tuple(sorted(set(patterns[1:]))))
    if fewer.allows(name):
        assert Scope(tuple(sorted(set(patterns)))).allows(name)
