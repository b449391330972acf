"""Files that somebody writes while they are being read: read again, or refused; never half old and half new."""

import io
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beatflow import worktree
from beatflow.errors import ConflictError
from beatflow.objects.store import AudioStore
from tests.conftest import Bf
from tests.world import tone, wav_bytes

SOUND = wav_bytes(tone(3.0))
OTHER = wav_bytes(tone(3.0, hz=330.0))
Change = Callable[[Path], None]


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def replace(path: Path) -> None:
    """Put another file of the same size and date in its place."""
    other = path.with_name("other")
    other.write_bytes(OTHER)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def write_mapped(path: Path) -> None:
    """Change bytes through a memory map, and set the date back."""
    status = path.stat()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[-8:] = os.urandom(8)
        mapped.flush()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = (grow, cut, replace, write_mapped)


class Meanwhile:
    """A progress callback, as which somebody changes the file being read, so many times."""

    def __init__(self, path: Path, change: Change, times: int) -> None:
        self.path = path
        self.change = change
        self.times = times

    def __call__(self, count: int = 0) -> None:
        if self.times:
            self.times -= 1
            self.change(self.path)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    path.write_bytes(SOUND)
    # So that what happens to it next happens in another tick of the file system's clock.
    time.sleep(0.02)
    return path


@pytest.mark.parametrize("change", CHANGES)
def test_a_sound_that_changes_once_is_read_again(tmp_path: Path, take: Path, change: Change) -> None:
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        stored = batch.add_path(take, Meanwhile(take, change, 1))
        batch.publish()
    assert store.read(stored.oid) == take.read_bytes() != SOUND
    assert list(store.oids()) == [stored.oid]


@pytest.mark.parametrize("change", CHANGES)
def test_a_sound_that_keeps_changing_is_refused(tmp_path: Path, take: Path, change: Change) -> None:
    store = AudioStore.create(tmp_path / "audio")

    def change_later(path: Path) -> None:
        time.sleep(0.01)
        change(path)

    with store.batch() as batch:
        with pytest.raises(ConflictError, match=r"take\.wav changes"):
            batch.add_path(take, Meanwhile(take, change_later, 99))
        assert batch.publish() is None


@pytest.mark.parametrize("times", [1, 99])
def test_words_that_change_while_they_are_read(bf: Bf, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    bf.ok("init")
    notes = bf.directory / "notes.txt"
    notes.write_text("old" * 5000)
    time.sleep(0.02)

    def rewrite(path: Path) -> None:
        path.write_text(path.read_text().replace("old", "new") + ".")
        time.sleep(0.01)

    meanwhile, real = Meanwhile(notes, rewrite, times), worktree._read_small

    def read(path: Path, status: os.stat_result, is_lfs: bool) -> tuple[bytes, bool]:
        found = real(path, status, is_lfs)
        if path == notes:
            meanwhile()
        return found

    monkeypatch.setattr(worktree, "_read_small", read)
    if times > 1:
        assert "notes.txt changes while it is being read" in bf.fails(4, "commit", "-m", "torn")
    else:
        bf.ok("commit", "-m", "whole")
        assert bf.ok("cat", "HEAD:notes.txt").out_bytes == b"new" * 5000 + b"."


def test_a_stream_that_ends_early_is_kept_as_it_came(tmp_path: Path) -> None:
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        stored = batch.add_stream(io.BytesIO(SOUND[:-1001]))
        batch.publish()
    assert store.read(stored.oid) == SOUND[:-1001]
