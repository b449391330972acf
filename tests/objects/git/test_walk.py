"""A walk gives what git's own gives: every commit once, no parent before a child; and reads no further than needed."""

import json
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import DamagedError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Commit, Signature
from beatflow.objects.git.walk import Walk

ADA = Signature("Ada", "ada@example.com", 1_700_000_000)
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def history(rows: list[tuple[int, list[int]]]) -> dict[str, Commit]:
    """Make commits of (time, how far back each parent is); the first is the oldest."""
    return {
        f"{number:040x}": Commit(
            f"{number:040x}",
            EMPTY_TREE,
            tuple(dict.fromkeys(f"{number - back:040x}" for back in parents if back <= number)),
            ADA,
            "",
            time_s,
        )
        for number, (time_s, parents) in enumerate(rows)
    }


def behind(commits: dict[str, Commit], tips: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(tips)
    while waiting:
        oid = waiting.pop()
        if oid not in found:
            found.add(oid)
            waiting.extend(commits[oid].parents)
    return found


def check(commits: dict[str, Commit], walk: Walk, starts: list[str], hidden: list[str]) -> None:
    order = [commit.oid for commit in walk.iter_commits(starts, hidden)]
    assert len(order) == len(set(order))
    assert set(order) == behind(commits, starts) - behind(commits, hidden)
    place = {oid: at for at, oid in enumerate(order)}
    for oid in order:
        for parent in commits[oid].parents:
            assert place.get(parent, len(order)) > place[oid]


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.integers(1, 5), max_size=3)), min_size=1, max_size=25
)


@given(ROWS, st.data())
def test_any_history_with_any_clocks(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, list[int]]], data: st.DataObject
) -> None:
    commits = history(rows)
    folder = tmp_path_factory.mktemp("walk")
    walk = Walk(folder, commits.__getitem__, folder / "in-order.json")
    tips = st.lists(st.sampled_from(sorted(commits)), max_size=3)
    # Twice, so that what is remembered of the first walk is in the way of the second.
    for _ in range(2):
        check(commits, walk, data.draw(tips), data.draw(tips))


@given(ROWS, st.data())
def test_any_history_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, list[int]]], data: st.DataObject
) -> None:
    """As BeatFlow writes it, many commits of one second."""
    commits: dict[str, Commit] = {}
    for oid, commit in history(rows).items():
        time_s = max([commit.time_s, *(commits[parent].time_s for parent in commit.parents)])
        commits[oid] = commit._replace(time_s=time_s)
    folder = tmp_path_factory.mktemp("walk")
    walk = Walk(folder, commits.__getitem__, folder / "in-order.json")
    tips = st.lists(st.sampled_from(sorted(commits)), min_size=1, max_size=3)
    for _ in range(2):
        starts = data.draw(tips)
        check(commits, walk, starts, data.draw(tips))
        assert set(starts) <= set(json.loads((folder / "in-order.json").read_text())["in_order"])


def test_reads_no_further_than_its_caller_once_all_is_known_to_be_in_order(tmp_path: Path) -> None:
    commits = history([(number, [1]) for number in range(1000)])
    read: list[str] = []

    def note(oid: str) -> Commit:
        read.append(oid)
        return commits[oid]

    walk = Walk(tmp_path, note, tmp_path / "in-order.json")
    tip, before = sorted(commits)[-1], sorted(commits)[-2]
    assert next(walk.iter_commits([before])).oid == before
    read.clear()
    assert next(walk.iter_commits([tip])).oid == tip
    assert len(set(read)) <= 4
    read.clear()
    assert len(list(walk.iter_commits([tip], [sorted(commits)[-4]]))) == 3
    assert len(set(read)) <= 8


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    git = GitStore.create(tmp_path / "git")
    (git.path / "state").mkdir()
    return git


def test_a_history_on_a_disk_loose_and_packed(store: GitStore) -> None:
    tree = store.write_tree({})
    oids: list[str] = []
    for number in range(6):
        author = ADA._replace(time_s=ADA.time_s + number // 2)
        oids.append(store.write_commit(tree, oids[-1:], f"take {number}\n\nparent 5\ncommitter x", author))
    store.write_ref("refs/heads/main", oids[-1])
    assert [commit.oid for commit in store.iter_topological([oids[-1]])] == oids[::-1]
    memory = store.path / "state" / "in-order.json"
    assert json.loads(memory.read_text()) == {"in_order": [oids[-1]]}
    memory.unlink()
    subprocess.run(["git", f"--git-dir={store.path}", "gc", "-q", "--prune=now"], check=True)
    assert [commit.oid for commit in GitStore(store.path).iter_topological([oids[-1]])] == oids[::-1]


def test_what_is_before_the_damage_is_shown(store: GitStore) -> None:
    tree = store.write_tree({})
    oids: list[str] = []
    for number in range(4):
        oids.append(store.write_commit(tree, oids[-1:], f"take {number}", ADA))
    place = store.path / "objects" / oids[1][:2] / oids[1][2:]
    data = place.read_bytes()
    place.chmod(0o644)
    place.write_bytes(data[: len(data) // 2])
    walk = GitStore(store.path).iter_topological([oids[-1]])
    assert [commit.oid for commit in islice(walk, 2)] == [oids[3], oids[2]]
    with pytest.raises(DamagedError):
        next(walk)
    assert not (store.path / "state" / "in-order.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"in_order": 5}', b'{"in_order": [5, "zz"]}', b"\xff"])
def test_a_damaged_memory_is_no_memory(store: GitStore, content: bytes) -> None:
    oid = store.write_commit(store.write_tree({}), [], "take", ADA)
    (store.path / "state" / "in-order.json").write_bytes(content)
    assert [commit.oid for commit in store.iter_topological([oid])] == [oid]
