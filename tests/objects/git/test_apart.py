"""Counting what two lines of history have without each other."""

import random
from pathlib import Path

import pytest

from beatflow.objects.git.apart import count_apart
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Signature


def test_a_line_and_what_it_is_ahead_of(tmp_path: Path) -> None:
    git = GitStore.create(tmp_path / "git")
    who = Signature("Ada", "ada@example.com", 1_700_000_000, 0)
    empty = git.write_tree({})
    made: list[str] = []
    for number in range(20):
        made.append(git.write_commit(empty, made[-1:], f"take {number}", who))
    assert count_apart(git, made[9], made[9]) == (0, 0)
    assert count_apart(git, made[9], made[4]) == (5, 0)
    assert count_apart(git, made[4], made[9]) == (0, 5)
    assert count_apart(git, made[19], made[0], most=10) == (None, None)
    assert count_apart(git, made[19], git.write_commit(empty, [], "other", who)) == (20, 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("step_s", [0, 60])
def test_it_counts_as_sets_of_ancestors_do(tmp_path: Path, seed: int, step_s: int) -> None:
    """Also where a whole history was made within one second."""
    git = GitStore.create(tmp_path / "git")
    chance = random.Random(seed)
    empty = git.write_tree({})
    behind: dict[str, set[str]] = {}
    for number in range(30):
        known = list(behind)[-6:]
        parents = chance.sample(known, min(len(known), chance.choice((1, 1, 2))))
        who = Signature("Ada", "ada@example.com", 1_700_000_000 + number * step_s, 0)
        oid = git.write_commit(empty, parents, f"take {number}", who)
        behind[oid] = {oid}.union(*(behind[parent] for parent in parents))
    for one in behind:
        for two in behind:
            expected = len(behind[one] - behind[two]), len(behind[two] - behind[one])
            assert count_apart(git, one, two) == expected
