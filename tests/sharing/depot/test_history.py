"""History in a depot: packs that stand alone, and what is believed of those that come."""

import os
import shutil
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry
from beatflow.places.disk import DiskPlace
from beatflow.places.place import Item, Place, PlaceError, Progress
from beatflow.sharing.depot import history
from beatflow.sharing.depot.history import DepotHistory
from tests.sharing.depot.conftest import ADA


@pytest.fixture
def git(tmp_path: Path) -> GitStore:
    return GitStore.create(tmp_path / "ours.git")


def commit(git: GitStore, text: str, *parents: str) -> str:
    blob = git.write_blob(text.encode())
    return git.write_commit(git.write_tree({f"{text}.txt": Entry(FILE, blob)}), parents, text, ADA)


def check(git: GitStore, tip: str, count: int) -> None:
    found = list(git.iter_history([tip]))
    assert len(found) == count
    for each in found:
        for entry in git.read_tree(each.tree).values():
            git.check_object(entry.oid)


def test_each_push_adds_what_is_new_and_a_fetch_takes_what_it_lacks(
    git: GitStore, place: Place, tmp_path: Path
) -> None:
    depot = DepotHistory(place, None)
    one = commit(git, "one")
    packs = depot.send(git, [one], [], [])
    two = commit(git, "two", one)
    more = depot.send(git, [two], [one], packs)
    assert more[:1] == packs
    assert len(more) == 2
    assert depot.send(git, [two], [two], more) == more
    other = GitStore.create(tmp_path / "other.git")
    fetching = DepotHistory(place, tmp_path / "cache")
    fetching.fetch(other, [one], packs)
    check(other, one, 1)
    assert not other.has(two)
    assert other.read_refs() == {}
    other.write_ref("refs/heads/main", one)
    came: list[int] = []
    fetching.fetch(other, [two], more, came.append)
    assert came == [item.size for item in place.list("history/") if item.key == f"history/{more[1]}.pack"]
    check(other, two, 2)
    assert list((other.path / "tmp").iterdir()) == []


def test_what_was_remembered_and_is_gone_is_fetched_again(
    git: GitStore, place: Place, tmp_path: Path
) -> None:
    one = commit(git, "one")
    wild = commit(git, "wild", one)
    packs = DepotHistory(place, None).send(git, [one, wild], [], [])
    other = GitStore.create(tmp_path / "other.git")
    depot = DepotHistory(place, tmp_path / "cache")
    depot.fetch(other, [one], packs)
    assert not other.has(wild)
    depot.fetch(other, [wild], packs)
    check(other, wild, 2)


@pytest.mark.parametrize("content", [b"", b"[" * 50_000, b"{}", b"[3]"])
def test_a_damaged_cache_costs_time_only(git: GitStore, place: Place, tmp_path: Path, content: bytes) -> None:
    one = commit(git, "one")
    packs = DepotHistory(place, None).send(git, [one], [], [])
    (tmp_path / "history.json").write_bytes(content)
    other = GitStore.create(tmp_path / "other.git")
    DepotHistory(place, tmp_path).fetch(other, [one], packs)
    check(other, one, 1)


@pytest.mark.parametrize("damage", ["flipped", "other", "gone"])
def test_a_damaged_pack_is_refused_and_the_next_full_push_heals(
    git: GitStore, place: Place, tmp_path: Path, damage: str
) -> None:
    one = commit(git, "one")
    depot = DepotHistory(place, None)
    packs = depot.send(git, [one], [], [])
    path = tmp_path / "stick" / "history" / f"{packs[0]}.pack"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:] if damage == "flipped" else b"PACK")
    other = GitStore.create(tmp_path / "other.git")
    with pytest.raises((DamagedError, PlaceError)) as caught:
        DepotHistory(place, tmp_path / "cache").fetch(other, [one], packs)
    assert caught.value.hint
    assert not other.has(one)
    if damage == "gone":
        two = commit(git, "two", one)
        healed = depot.send(git, [two], [one], packs)
        assert len(healed) == 1
        DepotHistory(place, tmp_path / "cache").fetch(other, [two], healed)
        check(other, two, 2)


def test_a_pack_that_lacks_something_is_refused(git: GitStore, place: Place, tmp_path: Path) -> None:
    one = commit(git, "one")
    two = commit(git, "two", one)
    (only,) = DepotHistory(place, None).send(git, [two], [one], [])
    other = GitStore.create(tmp_path / "other.git")
    with pytest.raises(DamagedError):
        DepotHistory(place, None).fetch(other, [two], [only])
    assert not other.has(two)


def test_many_packs_become_one(
    git: GitStore, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_PACKS", 4)
    depot = DepotHistory(place, None)
    packs: list[str] = []
    tips: list[str] = []
    for number in range(6):
        new = commit(git, str(number), *tips[-1:])
        packs = depot.send(git, [new], tips[-1:], packs)
        tips.append(new)
        assert len(packs) == (number + 1 if number < 4 else number - 3)
    other = GitStore.create(tmp_path / "other.git")
    DepotHistory(place, None).fetch(other, [tips[-1]], packs)
    check(other, tips[-1], 6)


def test_who_lacks_what_others_pushed_does_not_put_packs_together(
    git: GitStore, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_PACKS", 1)
    theirs = GitStore.create(tmp_path / "theirs.git")
    foreign, own = commit(theirs, "foreign"), commit(git, "own")
    packs = DepotHistory(place, None).send(theirs, [foreign], [], [])
    both = DepotHistory(place, None).send(git, [own], [foreign], packs)
    assert both[:1] == packs
    other = GitStore.create(tmp_path / "other.git")
    DepotHistory(place, None).fetch(other, [own, foreign], both)
    check(other, own, 1)
    check(other, foreign, 1)


def test_what_dies_on_the_way_leaves_nothing_that_is_named(git: GitStore, tmp_path: Path) -> None:
    class Full(DiskPlace):
        def store(self, key: str, source: Path, progress: Progress | None = None) -> Item:
            raise PlaceError("full")

    one = commit(git, "one")
    with pytest.raises(PlaceError):
        DepotHistory(Full(tmp_path / "stick"), None).send(git, [one], [], [])
    assert list((git.path / "tmp").iterdir()) == []


def test_a_blob_that_is_large_travels(git: GitStore, place: Place, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    blob = git.write_blob(data)
    tip = git.write_commit(git.write_tree({"a.bin": Entry(FILE, blob)}), [], "large", ADA)
    packs = DepotHistory(place, None).send(git, [tip], [], [])
    shutil.rmtree(git.path)
    other = GitStore.create(tmp_path / "other.git")
    DepotHistory(place, None).fetch(other, [tip], packs)
    assert other.read_blob(blob) == data


class Counting(DiskPlace):
    """Tells what was fetched; from some moment on nothing can be."""

    def __init__(self, root: Path, broken: str | None = None) -> None:
        super().__init__(root)
        self.fetched: list[str] = []
        self.broken = broken

    def fetch(self, key: str, target: Path, progress: Progress | None = None) -> None:
        if key == self.broken:
            raise PlaceError("the connection broke")
        super().fetch(key, target, progress)
        self.fetched.append(key)


def test_what_came_before_an_interruption_need_not_come_again(
    git: GitStore, place: Place, tmp_path: Path
) -> None:
    depot = DepotHistory(place, None)
    one = commit(git, "one")
    packs = depot.send(git, [one], [], [])
    two = commit(git, "two", one)
    packs = depot.send(git, [two], [one], packs)
    other = GitStore.create(tmp_path / "other.git")
    broken = Counting(tmp_path / "stick", f"history/{packs[1]}.pack")
    with pytest.raises(PlaceError, match="broke"):
        DepotHistory(broken, tmp_path / "cache").fetch(other, [two], packs)
    (kept,) = (tmp_path / "cache" / "history").iterdir()
    counting = Counting(tmp_path / "stick")
    DepotHistory(counting, tmp_path / "cache").fetch(other, [two], packs)
    assert (broken.fetched, counting.fetched) == (
        [f"history/{packs[0]}.pack"],
        [f"history/{packs[1]}.pack"],
    )
    check(other, two, 2)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["history.json"]
    # What was kept is proved like anything that comes.
    kept.parent.mkdir()
    kept.write_bytes(b"PACK")
    third = GitStore.create(tmp_path / "third.git")
    (tmp_path / "cache" / "history.json").unlink()
    DepotHistory(place, tmp_path / "cache").fetch(third, [two], packs)
    check(third, two, 2)


def test_damaged_packs_are_found(git: GitStore, place: Place, tmp_path: Path) -> None:
    depot = DepotHistory(place, None)
    packs: list[str] = []
    tips: list[str] = []
    for number in range(3):
        tips.append(commit(git, str(number), *tips[-1:]))
        packs = depot.send(git, tips[-1:], tips[-2:-1], packs)
    assert depot.find_damaged(git, packs) == []
    folder = tmp_path / "stick" / "history"
    (folder / f"{packs[0]}.pack").unlink()
    (folder / f"{packs[2]}.pack").write_bytes(b"PACK")
    assert depot.find_damaged(git, packs) == [packs[0], packs[2]]
