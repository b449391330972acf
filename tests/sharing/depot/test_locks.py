"""Locks in a depot."""

import json
import threading
from pathlib import Path

import pytest

from beatflow.errors import ConflictError, NotFoundError
from beatflow.places.disk import DiskPlace
from beatflow.places.place import Content, Place
from beatflow.sharing.depot.layout import LOCKS, make_depot
from beatflow.sharing.depot.locks import DepotLocks

PATH = "stems/vocals.wav"
NOW = 1_700_000_000.0


@pytest.fixture
def locks(place: Place) -> DepotLocks:
    make_depot(place)
    return DepotLocks(place)


def test_before_the_first_push_there_is_nothing_to_lock(place: Place) -> None:
    with pytest.raises(NotFoundError):
        DepotLocks(place).lock(PATH, "Ada", NOW)


def test_one_holds_it_and_others_are_told(locks: DepotLocks) -> None:
    assert locks.list_locks(NOW) == []
    mine = locks.lock(PATH, "Ada", NOW, NOW + 60)
    assert locks.list_locks(NOW) == [mine]
    with pytest.raises(
        ConflictError, match="locked by Ada since 2023-11-14 22:13 UTC until 2023-11-14 22:14 UTC"
    ):
        locks.lock(PATH, "Bob", NOW + 59)
    with pytest.raises(ConflictError, match="locked by Ada"):
        locks.unlock(PATH, "Bob", NOW + 59)
    renewed = locks.lock(PATH, "Ada", NOW + 1)
    assert (renewed.expires_at_s, renewed.locked_at_s) == (None, NOW + 1)
    assert locks.unlock(PATH, "Ada", NOW) == renewed
    assert locks.unlock(PATH, "Ada", NOW) is None
    assert locks.list_locks(NOW) == []
    assert locks.lock(PATH, "Bob", NOW).owner == "Bob"
    assert locks.list_broken() == []


def test_an_expired_one_is_none(locks: DepotLocks) -> None:
    locks.lock(PATH, "Ada", NOW, NOW + 60)
    assert locks.list_locks(NOW + 60) == []
    assert locks.lock(PATH, "Bob", NOW + 60).owner == "Bob"
    assert locks.list_broken() == []


def test_breaking_one_leaves_a_trace(locks: DepotLocks) -> None:
    mine = locks.lock(PATH, "Ada", NOW)
    assert locks.unlock(PATH, "Bob", NOW + 5, force=True) == mine
    assert locks.list_locks(NOW) == []
    (broken,) = locks.list_broken()
    assert (broken.lock, broken.broken_by, broken.broken_at_s) == (mine, "Bob", NOW + 5)


def test_odd_names_are_listed_by_path(locks: DepotLocks) -> None:
    paths = ["ä ö.wav", "a/b", "A/b", "\udcff.wav"]
    for path in paths:
        locks.lock(path, "Ada", NOW)
    assert [lock.path for lock in locks.list_locks(NOW)] == sorted(paths)


def test_what_is_damaged_or_lies_elsewhere_is_none(locks: DepotLocks, place: Place) -> None:
    mine = locks.lock(PATH, "Ada", NOW)
    content = place.read(next(item.key for item in place.list(LOCKS)))
    assert content
    value = json.loads(content.data)
    for number, data in enumerate(
        [
            b"",
            b"[]",
            b"[" * 50_000,
            json.dumps(value | {"path": 5}).encode(),
            json.dumps(value | {"locked_at_s": "x"}).encode(),
            b'{"path":"a","owner":"b","id":"c","locked_at_s":NaN,"expires_at_s":null}',
            content.data,  # true, but under another name
        ]
    ):
        place.swap(f"{LOCKS}{number:064}.json", data, None)
    place.swap(f"{LOCKS}note.txt", b"", None)
    place.swap(f"{LOCKS}broken/{1:064}.json", content.data, None)
    assert locks.list_locks(NOW) == [mine]
    assert locks.list_broken() == []


def test_an_impossible_time_can_still_be_told(locks: DepotLocks) -> None:
    locks.lock(PATH, "Ada", 1e30)
    with pytest.raises(ConflictError, match="an impossible time"):
        locks.lock(PATH, "Bob", NOW)


def test_of_many_at_once_one_gets_it(locks: DepotLocks) -> None:
    won: list[str] = []

    def lock(name: str) -> None:
        try:
            locks.lock(PATH, name, NOW)
        except ConflictError:
            return
        won.append(name)

    threads = [threading.Thread(target=lock, args=(f"musician {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lock.owner for lock in locks.list_locks(NOW)] == won


def test_a_lock_that_was_given_up_is_not_read_again(locks: DepotLocks, tmp_path: Path) -> None:
    class Counting(DiskPlace):
        def read(self, key: str) -> Content | None:
            read.append(key)
            return super().read(key)

    read: list[str] = []
    for name in ("a.wav", "b.wav", "c.wav"):
        locks.lock(name, "Ada", NOW)
    locks.unlock("a.wav", "Ada", NOW)
    locks.unlock("b.wav", "Ada", NOW)
    counting = DepotLocks(Counting(tmp_path / "stick"))
    assert [lock.path for lock in counting.list_locks(NOW)] == ["c.wav"]
    assert len(read) == 1


def test_a_holders_name_cannot_steer_a_terminal(locks: DepotLocks) -> None:
    locks.lock(PATH, "Eve \x1b[31m", NOW)
    assert [lock.owner for lock in locks.list_locks(NOW)] == ["Eve ?[31m"]
