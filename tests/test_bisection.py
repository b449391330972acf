"""Halving a history: the right commit, in as few tests as can be."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.bisect.bisection import find_step, reach, sort_topologically
from beatflow.errors import ConflictError

LINE: dict[str, tuple[str, ...]] = {str(n): (str(n - 1),) if n else () for n in range(16)}


def make_history(seed: int, size: int) -> dict[str, tuple[str, ...]]:
    """Make a random graph in which each commit but the first has one to three older parents."""
    chance = random.Random(seed)
    history: dict[str, tuple[str, ...]] = {"0": ()}
    for number in range(1, size):
        count = min(number, chance.choice((1, 1, 1, 2, 3)))
        nearest = range(max(0, number - 6), number)
        history[str(number)] = tuple(map(str, chance.sample(nearest, min(count, len(nearest)))))
    return history


def search(
    history: dict[str, tuple[str, ...]], bad: str, good: list[str], culprit: str, untestable: set[str]
) -> tuple[tuple[str, ...], int]:
    """Test as often as is asked for; every descendant of the culprit is bad."""
    goods, skipped, tests = set(good), set[str](), 0
    while (step := find_step(history, bad, goods, skipped)).candidate:
        tests += 1
        if step.candidate in untestable:
            skipped.add(step.candidate)
        elif culprit in reach(history, [step.candidate]):
            bad = step.candidate
        else:
            goods.add(step.candidate)
    return step.suspects, tests


@pytest.mark.parametrize("culprit", range(1, 16))
def test_a_line_of_sixteen_takes_four_tests(culprit: int) -> None:
    found, tests = search(LINE, "15", ["0"], str(culprit), set())
    assert found == (str(culprit),)
    assert tests <= 4


def test_the_root_may_be_the_first_bad_one() -> None:
    assert search(LINE, "15", [], "0", set()) == (("0",), 4)


@given(st.integers(0, 10_000), st.integers(2, 40), st.data())
def test_any_graph_gives_its_culprit(seed: int, size: int, data: st.DataObject) -> None:
    history = make_history(seed, size)
    bad = str(size - 1)
    culprit = data.draw(st.sampled_from(sorted(reach(history, [bad]))))
    good = [oid for oid in sorted(reach(history, [bad])) if culprit not in reach(history, [oid])][:1]
    found, tests = search(history, bad, good, culprit, set())
    assert found == (culprit,)
    assert tests < size


@given(st.integers(0, 10_000), st.integers(2, 30), st.data())
def test_what_cannot_be_tested_never_hides_a_wrong_answer(seed: int, size: int, data: st.DataObject) -> None:
    history = make_history(seed, size)
    bad = str(size - 1)
    behind = sorted(reach(history, [bad]))
    culprit = data.draw(st.sampled_from(behind))
    untestable = set(data.draw(st.lists(st.sampled_from(behind)))) - {bad}
    found, _ = search(history, bad, [], culprit, untestable)
    assert culprit in found
    # Whatever is left besides the first bad one could not be tested, or is known to be bad only from the other side.
    assert len(found) == 1 or set(found) & untestable


def test_the_most_balanced_commit_is_chosen() -> None:
    #  base ─ a1 ─ a2 ─ a3 ─┐
    #     └── b1 ───────────┴ merge
    history: dict[str, tuple[str, ...]] = {
        "base": (), "a1": ("base",), "a2": ("a1",), "a3": ("a2",), "b1": ("base",), "merge": ("a3", "b1"),
    }  # fmt: skip
    step = find_step(history, "merge", ["base"])
    assert step.candidate in ("a2", "a3")
    assert set(step.suspects) == {"a1", "a2", "a3", "b1", "merge"}
    assert find_step(history, "merge", ["base", "a3"]).candidate == "b1"
    assert find_step(history, "merge", ["a3", "b1"]).suspects == ("merge",)


def test_where_sides_part_is_tested_first() -> None:
    history: dict[str, tuple[str, ...]] = {"base": (), "good": ("base",), "mid": ("base",), "bad": ("mid",)}
    step = find_step(history, "bad", ["good"])
    assert (step.candidate, step.is_base) == ("base", True)
    assert find_step(history, "bad", ["good", "base"]).candidate == "mid"
    assert find_step(history, "bad", ["good"], {"base"}).candidate == "mid"
    with pytest.raises(ConflictError, match="mended in between"):
        find_step(history, "base", ["good"])


def test_good_and_bad_at_once_is_refused() -> None:
    with pytest.raises(ConflictError, match="both good and bad"):
        find_step(LINE, "3", ["3"])
    with pytest.raises(ConflictError, match="mended in between"):
        find_step(LINE, "3", ["7"])


def test_unrelated_histories_are_searched_as_far_as_they_go() -> None:
    history: dict[str, tuple[str, ...]] = {"other": (), "one": (), "two": ("one",)}
    assert search(history, "two", ["other"], "one", set()) == (("one",), 1)


def test_only_what_counts_is_suspected() -> None:
    counted = {"3", "7", "11"}
    step = find_step(LINE, "15", ["0"], counted=counted)
    assert step.suspects == ("11", "7", "3")
    assert step.candidate in ("7", "3")
    assert find_step(LINE, "15", ["7"], counted=counted).suspects == ("11",)
    assert find_step(LINE, "15", ["11"], counted=counted).suspects == ()


def test_tests_left() -> None:
    assert [find_step(LINE, str(n), ["0"]).tests_left for n in (1, 2, 3, 4, 5, 15)] == [0, 1, 2, 2, 3, 4]


@given(st.integers(0, 1000), st.integers(1, 30))
def test_parents_come_before_children(seed: int, size: int) -> None:
    history = make_history(seed, size)
    order = sort_topologically(history, set(history))
    assert sorted(order) == sorted(history)
    place = {oid: at for at, oid in enumerate(order)}
    assert all(place[parent] < place[oid] for oid in history for parent in history[oid])
