"""History on its way: what a store lacks, as a pack, and copied into another store."""

import shutil
import subprocess
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.git.history import (
    SUBMODULE,
    copy_history,
    is_behind,
    iter_new_files,
    iter_new_objects,
    list_commits_between,
    write_pack,
)
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry, Signature, Tree

ADA = Signature("Ada", "ada@example.com", 1_700_000_000, 0)


def grow(git: GitStore, *texts: str) -> list[str]:
    """Commit after commit, each with one more file in a folder; their ids."""
    made: list[str] = []
    tree: Tree = {}
    for text in texts:
        tree[f"folder/{text}.txt"] = Entry(FILE, git.write_blob(text.encode()))
        made.append(git.write_commit(git.write_tree(tree), made[-1:], text, ADA))
    return made


@pytest.fixture
def git(tmp_path: Path) -> GitStore:
    return GitStore.create(tmp_path / "one")


@pytest.fixture
def empty(tmp_path: Path) -> GitStore:
    return GitStore.create(tmp_path / "two")


def test_only_what_is_new_is_listed_and_once(git: GitStore) -> None:
    first, second, third = grow(git, "a", "b", "c")
    everything = list(iter_new_objects(git, [third], []))
    assert len(everything) == len(set(everything)) == 3 + 3 * 2 + 3
    new = set(iter_new_objects(git, [third], [second]))
    assert new == {
        third,
        git.read_commit(third).tree,
        *(entry.oid for _, entry in git.iter_folder(git.read_commit(third).tree)),
        git.write_blob(b"c"),
    }
    assert list(iter_new_objects(git, [first], [third])) == []
    assert [entry.oid for entry in iter_new_files(git, [third], [second])] == [git.write_blob(b"c")]


def test_other_repositories_commits_are_not_ours(git: GitStore) -> None:
    tree = git.write_tree({"sub": Entry(SUBMODULE, "1" * 40), "a": Entry(FILE, git.write_blob(b"a"))})
    commit = git.write_commit(tree, [], "x", ADA)
    assert set(iter_new_objects(git, [commit], [])) == {commit, tree, git.write_blob(b"a")}


def test_a_pack_stands_alone(git: GitStore, tmp_path: Path) -> None:
    first, second = grow(git, "a", "b")
    counted: list[int] = []
    pack = write_pack(git, [second], [first], tmp_path, counted.append)
    assert pack is not None
    assert {path.suffix for path in tmp_path.glob("pack-*")} == {".pack", ".idx"}
    assert sum(counted) == 4
    assert write_pack(git, [first], [second], tmp_path) is None
    if shutil.which("git"):
        listed = subprocess.run(
            ["git", "verify-pack", "-v", str(pack)], capture_output=True, text=True, check=True
        ).stdout
        assert second in listed
        assert first not in listed


def test_copied_history_is_whole_and_comes_once(git: GitStore, empty: GitStore) -> None:
    first, second, third = grow(git, "a", "b", "c")
    copy_history(git, empty, [second])
    assert [commit.oid for commit in empty.iter_history([second])] == [second, first]
    assert empty.read_tree(empty.read_commit(second).tree).keys() == {"folder/a.txt", "folder/b.txt"}
    assert empty.read_refs() == {}
    empty.write_ref("refs/heads/main", second)
    packs = len(list((empty.path / "objects" / "pack").glob("*.pack")))
    copy_history(git, empty, [second])
    assert len(list((empty.path / "objects" / "pack").glob("*.pack"))) == packs
    copy_history(git, empty, [third, first])
    empty.flush()
    assert not empty.has(git.write_blob(b"nothing of the kind"))
    assert [commit.oid for commit in empty.iter_history([third])] == [third, second, first]


def test_a_history_with_a_hole_is_refused(git: GitStore, empty: GitStore, tmp_path: Path) -> None:
    (commit,) = grow(git, "a")
    blob = git.write_blob(b"a")
    (git.path / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(DamagedError, match="missing"):
        copy_history(git, empty, [commit])
    assert not list((empty.path / "objects" / "pack").iterdir())


def test_an_object_that_ends_too_early_is_refused_and_not_read_for_ever(
    git: GitStore, empty: GitStore
) -> None:
    blob = git.write_blob(bytes(range(256)) * 200)
    tree = git.write_tree({"a.bin": Entry(FILE, blob)})
    commit = git.write_commit(tree, [], "x", ADA)
    path = git.path / "objects" / blob[:2] / blob[2:]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedError, match="cut short"):
        copy_history(git, empty, [commit])


def test_settings_can_be_taken_out_again(git: GitStore) -> None:
    before = (git.path / "config").read_text()
    git.write_config("remote.my.nas.url", "a")
    git.remove_config("remote.my.nas.url")
    git.remove_config("remote.my.nas.fetch")
    assert git.read_config("remote.my.nas.url") is None
    assert (git.path / "config").read_text().removeprefix(before) == '[remote "my.nas"]\n'


def test_commits_between_are_those_that_git_names(git: GitStore) -> None:
    first, second, third = grow(git, "a", "b", "c")
    tree = git.read_commit(first).tree
    side = git.write_commit(tree, [first], "side", ADA)
    merged = git.write_commit(tree, [third, side], "merge", ADA)

    def between(tips: list[str], known: list[str]) -> set[str]:
        return {commit.oid for commit in list_commits_between(git, tips, known)}

    assert between([merged], []) == {first, second, third, side, merged}
    assert between([merged], [third]) == {side, merged}
    assert between([merged], [side]) == {second, third, merged}
    assert between([merged, side], [merged]) == set()
    assert between([side], [second]) == {side}
    assert is_behind(git, first, merged)
    assert is_behind(git, merged, merged)
    assert not is_behind(git, merged, first)
    assert not is_behind(git, side, third)


def test_a_clock_that_went_backwards_hides_nothing(git: GitStore) -> None:
    tree = git.write_tree({})
    before = ADA._replace(time_s=ADA.time_s - 1000)
    # Written by git itself: BeatFlow's commits are never older than their parents.
    old = git.write_commit(tree, [], "old", ADA)
    raw = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\nnew\n"
    line = b"Ada <ada@example.com> %d +0000" % before.time_s
    new = git._write(b"commit", raw % (tree.encode(), old.encode(), line, line))
    assert is_behind(git, old, new)
    assert {commit.oid for commit in list_commits_between(git, [new], [])} == {old, new}
    assert new in {commit.oid for commit in list_commits_between(git, [new], [old])}
