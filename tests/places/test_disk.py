"""A folder as a place: sticks that are not there, are full, are read-only, or hold what they were not given."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from beatflow.filelock import try_lock
from beatflow.places.disk import DiskPlace
from beatflow.places.place import PlaceError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_disk_that_is_not_plugged_in_is_not_written_beside(tmp_path: Path, source: Path) -> None:
    place = DiskPlace(tmp_path / "STICK" / "track")
    assert place.is_empty()
    for write in (lambda: place.store("a", source), lambda: place.swap("a", b"", None)):
        with pytest.raises(PlaceError, match="there is no folder") as caught:
            write()
        assert "plug the disk in" in str(caught.value.hint)
    assert not (tmp_path / "STICK").exists()


def test_what_systems_leave_behind_is_nothing(tmp_path: Path) -> None:
    place = DiskPlace(tmp_path / "stick")
    (tmp_path / "stick").mkdir()
    for name in (
        "System Volume Information",
        ".Trashes",
        ".Spotlight-V100",
        "._x",
        ".DS_Store",
        "lost+found",
    ):
        (tmp_path / "stick" / name).mkdir()
    assert place.is_empty()
    (tmp_path / "stick" / "My Song.wav").touch()
    assert not place.is_empty()
    assert list(place.list()) == []


@pytest.mark.parametrize("name", [".git", ".beatflow", ".ssh"])
def test_a_hidden_folder_of_somebody_is_something(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert not DiskPlace(tmp_path).is_empty()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "does not answer as it should"),
    ],
)
def test_a_full_or_broken_disk_is_told_and_leaves_nothing(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    place = DiskPlace(tmp_path / "stick")
    place.swap("a", b"1", None)

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("beatflow.places.disk.fsync_file", fail)
    with pytest.raises(PlaceError, match=words) as caught:
        place.store("audio/b", source)
    assert caught.value.hint
    monkeypatch.undo()
    assert [item.key for item in place.list()] == ["a"]
    assert list((tmp_path / "stick" / ".incoming").iterdir()) == []


def test_a_stick_that_holds_something_else_is_found_out(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip(descriptor: int) -> None:
        os.pwrite(descriptor, b"\0" * 512, 1_000_000)

    monkeypatch.setattr("beatflow.places.disk.fsync_file", flip)
    place = DiskPlace(tmp_path / "stick")
    with pytest.raises(PlaceError, match="does not hold what was written"):
        place.store("a", source)
    assert place.find("a") is None


def test_what_the_dead_left_is_swept_and_what_the_living_write_is_not(tmp_path: Path, source: Path) -> None:
    place = DiskPlace(tmp_path / "stick")
    incoming = tmp_path / "stick" / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / "dead.part").write_bytes(b"half")
    with (incoming / "living.part").open("wb") as living:
        assert try_lock(living.fileno())
        place.store("a", source)
        assert [path.name for path in incoming.iterdir()] == ["living.part"]


def test_killed_while_it_writes_it_leaves_what_was_there(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
import beatflow.places.disk as disk
place = disk.DiskPlace(Path({str(tmp_path / "stick")!r}))
tag = place.swap("refs.json", b"old", None)
disk.fsync_file = lambda _: os.kill(os.getpid(), 9)
place.swap("refs.json", b"new", tag)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    place = DiskPlace(tmp_path / "stick")
    content = place.read("refs.json")
    assert content
    assert content.data == b"old"
    assert place.swap("refs.json", b"next", content.tag)


if hasattr(os, "mkfifo"):

    def test_a_pipe_in_place_of_a_file_is_nothing(tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "refs.json")
        place = DiskPlace(tmp_path)
        assert place.read("refs.json") is None
        assert place.find("refs.json") is None
        assert list(place.list()) == []


def test_a_disk_without_locks_is_refused_for_refs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> bool:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("beatflow.places.disk.try_lock", fail)
    place = DiskPlace(tmp_path / "stick")
    with pytest.raises(PlaceError, match="cannot lock files"):
        place.swap("refs.json", b"", None)


def test_somebody_who_holds_the_lock_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.errors import LockedError

    monkeypatch.setattr("beatflow.places.disk._LOCK_S", 0.05)
    place = DiskPlace(tmp_path / "stick")
    place.swap("a", b"", None)
    with (tmp_path / "stick" / ".lock").open("rb") as other:
        assert try_lock(other.fileno())
        with pytest.raises(LockedError):
            place.swap("b", b"", None)
    place.swap("b", b"", None)


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(PlaceError, match="a file is in its place"):
        DiskPlace(tmp_path / "song.wav").is_empty()
    with pytest.raises(PlaceError, match="there is no folder"):
        DiskPlace(tmp_path / "song.wav" / "track").swap("refs.json", b"{}", None)
