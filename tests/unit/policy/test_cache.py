import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.answer_store import AnswerStore
from mcpmesh.policy.cache import Cache

ROOM = 10_000


def test_an_answer_is_given_while_it_is_fresh_with_its_age() -> None:
    store: AnswerStore[str] = AnswerStore()
    store.put("a", "answer", 10, 100.0, 5.0, ROOM)
    assert store.get("a", 104.0) == ("answer", 4.0)
    assert store.get("a", 105.0) is None
    assert (len(store), store.bytes_kept) == (0, 0)
    assert store.get("b", 100.0) is None


def test_what_was_not_used_for_longest_goes_first() -> None:
    store: AnswerStore[str] = AnswerStore()
    for key in "abc":
        store.put(key, key, 2500, 0.0, 5.0, ROOM)
    assert store.get("a", 1.0)
    store.put("d", "d", 2500, 1.0, 5.0, ROOM)
    assert [key for key in "abcd" if store.get(key, 1.0)] == ["a", "c", "d"]


def test_what_is_too_large_alone_is_not_kept() -> None:
    store: AnswerStore[str] = AnswerStore()
    store.put("a", "small", 10, 0.0, 5.0, ROOM)
    store.put("b", "large", ROOM, 0.0, 5.0, ROOM)
    assert store.get("b", 0.0) is None
    assert store.get("a", 0.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4000)), max_size=200))
def test_memory_is_bounded_and_counted_right(puts: list[tuple[int, int]]) -> None:
    store: AnswerStore[int] = AnswerStore()
    for now, (key, size) in enumerate(puts):
        store.put(key, size, size, now, 20.0, ROOM)
        store.get(key // 2, now)
        assert store.bytes_kept <= ROOM
    for key in range(31):
        store.get(key, 1e9)
    assert (len(store), store.bytes_kept) == (0, 0)


@pytest.mark.parametrize("setting", [{"ttl": -1.0}, {"ttl": float("inf")}, {"max_bytes": -1}])
def test_settings_that_cannot_work_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidCall):
        Cache(**setting)  # type: ignore[arg-type]
