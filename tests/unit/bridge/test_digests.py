"""Digests say whether a list is another, in whichever way it came to be what it is."""

from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.bridge.digests import Digests
from mcpmesh.bridge.view import View
from mcpmesh.v1 import tool_pb2

OURS = View(labels=(("team", "ours"),))
VIEWS = (None, OURS, View(compact=True, pinned=frozenset("ab")))
NAMES = st.sampled_from("abcd")


def entry(name, description, ours):
    return tool_pb2.Tool(
        name=name, description=description, labels={"team": "ours"} if ours else {}
    )


ENTRIES = st.dictionaries(NAMES, st.tuples(st.sampled_from("xy"), st.booleans()))


def tools(entries):
    return {name: entry(name, *rest) for name, rest in entries.items()}


@given(st.lists(ENTRIES, min_size=2, max_size=5), st.sampled_from(VIEWS))
def test_changes_lead_to_the_digests_of_what_is_there_then(states, view):
    kept = Digests()
    seen = tools(states[0])
    kept.of(seen.values(), view)
    for state in map(tools, states[1:]):
        pairs = [(seen.get(name), state.get(name)) for name in seen.keys() | state.keys()]
        kept.take([pair for pair in pairs if pair[0] != pair[1]])
        seen = state
        assert kept.of((), view) == Digests().of(seen.values(), view)


@given(ENTRIES, ENTRIES)
def test_lists_that_differ_have_digests_that_differ(one, other):
    first, second = tools(one), tools(other)
    same = first == second
    assert (Digests().of(first.values(), None) == Digests().of(second.values(), None)) is same
    own = [{name: each for name, each in of.items() if OURS.lists(each)} for of in (first, second)]
    same = own[0] == own[1]
    assert (Digests().of(first.values(), OURS) == Digests().of(second.values(), OURS)) is same


def test_the_order_of_entries_does_not_matter():
    found = list(tools({"a": ("x", True), "b": ("y", False)}).values())
    assert Digests().of(found, None) == Digests().of(reversed(found), None)


def test_views_are_kept_up_to_a_bound():
    digests = Digests()
    for number in range(3000):
        digests.of((), View(pinned=frozenset({str(number)})))
    assert len(digests._sums) <= 1024
