"""Files are read ahead, and come in whole or not at all."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from beatflow.errors import AudioError, ConflictError
from beatflow.objects.intake import _BLOCKS, Buffers, FileReading, Intake
from beatflow.objects.layout import SampleFormat
from beatflow.objects.pack import Kind
from beatflow.objects.runs import LookUps
from beatflow.objects.split import BLOCK_BYTES
from beatflow.objects.store import AudioStore
from beatflow.objects.threads import Threads
from tests.objects import sounds
from tests.objects.damage import entries, flip, only_pack

NOISE = bytes(range(251)) * 50_000
SONGS = [
    sounds.wav(sounds.samples(sounds.music(300_000 + 1000 * seed, seed=seed), SampleFormat.S16LE))
    for seed in range(4)
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "noise.bin"
    path.write_bytes(NOISE)
    return path


def write_songs(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.wav" for number in range(len(SONGS))]
    for path, song in zip(paths, SONGS, strict=True):
        path.write_bytes(song)
    return paths


def test_all_bytes_in_order_and_little_memory(file: Path) -> None:
    buffers, seen, parts = Buffers(), list[int](), list[bytes]()
    with Threads(1, "reader") as pool:
        reading = FileReading(file, pool, buffers)
        intake = Intake(reading)
        intake.tell(seen.append)
        for block in intake:
            parts += [bytes(block.data[place.start : place.end]) for place in block.places]
            intake.release(block)
        assert reading.is_what_it_was()
    assert b"".join(parts) == NOISE
    assert intake.digest() == hashlib.sha256(NOISE).digest()
    assert intake.size == sum(seen) == len(NOISE)
    assert len(buffers._free) <= _BLOCKS
    assert {len(buffer) for buffer in buffers._free} == {BLOCK_BYTES}


def test_a_reading_that_nobody_wants_ends(file: Path) -> None:
    with Threads(1, "reader") as pool:
        reading = FileReading(file, pool, Buffers())
        next(iter(reading))
        reading.close()
        # The thread is free for the next one.
        again = FileReading(file, pool, Buffers())
        block = next(iter(again))
        assert block.data[: block.end] == NOISE[: block.end]
        again.close()


def test_what_is_no_file_is_refused_and_not_opened(tmp_path: Path) -> None:
    names = ["."]
    if hasattr(os, "mkfifo"):  # Windows has no such files
        os.mkfifo(tmp_path / "pipe")
        names.append("pipe")
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        for name in names:
            with pytest.raises(AudioError, match="not a regular file"):
                batch.add_path(tmp_path / name)
        with pytest.raises(FileNotFoundError):
            batch.add_path(tmp_path / "nothing")


@pytest.mark.parametrize("step", [1, -1, 2, 0])
def test_what_follows_may_be_guessed_wrong(tmp_path: Path, step: int) -> None:
    """Whichever file is read ahead, each comes in as it is, and in the order in which they were added."""
    paths = write_songs(tmp_path)
    alone, ahead = AudioStore.create(tmp_path / "alone"), AudioStore.create(tmp_path / "ahead")
    with alone.batch() as batch:
        oids = [batch.add_path(path).oid for path in paths]
        name = batch.publish()
    with ahead.batch() as batch:
        for number, path in enumerate(paths):
            assert batch.add_path(path, following=paths[(number + step) % len(paths)]).oid == oids[number]
        assert batch.publish() == name
    assert [ahead.read(oid) for oid in oids] == SONGS


def test_what_follows_may_be_gone_or_changed_by_then(tmp_path: Path) -> None:
    first, second, third, _ = write_songs(tmp_path)
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        batch.add_path(first, following=second)
        batch.add_path(second, following=third)
        third.write_bytes(SONGS[0] + SONGS[1])
        assert (
            batch.add_path(third, following=tmp_path / "nothing").oid
            == hashlib.sha256(third.read_bytes()).hexdigest()
        )
        with pytest.raises(FileNotFoundError):
            batch.add_path(tmp_path / "nothing")
        batch.publish()
    assert store.usage().manifests == 3


def test_a_file_that_fails_leaves_the_next_alone(tmp_path: Path) -> None:
    first, second, *_ = write_songs(tmp_path)
    store = AudioStore.create(tmp_path / "audio")

    def fail(count: int) -> None:
        raise KeyboardInterrupt

    with store.batch() as batch:
        with pytest.raises(KeyboardInterrupt):
            batch.add_path(first, fail, following=second)
        stored = batch.add_path(second)
        batch.publish()
    assert list(store.oids()) == [stored.oid]
    assert store.read(stored.oid) == SONGS[1]


def test_what_is_looked_up_early_relies_on_nothing_that_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is looked up while one like it is added, and that one is found to have changed and left out."""
    first, second, *_ = write_songs(tmp_path)
    second.write_bytes(SONGS[0])
    begun = list[object]()
    begin, is_the_same = LookUps.begin, FileReading.is_what_it_was

    def note(self: LookUps) -> None:
        begin(self)
        begun.append(self)

    monkeypatch.setattr(LookUps, "begin", note)
    monkeypatch.setattr(FileReading, "is_what_it_was", lambda self: self.path != first and is_the_same(self))
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        with pytest.raises(ConflictError):
            batch.add_path(first, following=second)
        stored = batch.add_path(second)
        batch.publish()
    assert len(begun) == 2
    assert store.read(stored.oid) == SONGS[0]


def test_what_is_looked_up_early_relies_on_no_healing_that_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's copy is damaged, and the file that would have mended it is left out."""
    data = os.urandom(8_000_000)
    first, second = tmp_path / "first.bin", tmp_path / "second.bin"
    first.write_bytes(data)
    second.write_bytes(data)
    store = AudioStore.create(tmp_path / "audio", workers=1)
    with store.batch() as batch:
        oid = batch.add_path(second).oid
        batch.publish()
    for entry in entries(only_pack(store.path)):
        if entry.kind == Kind.CHUNK:
            flip(only_pack(store.path), entry.offset + 100)
    is_the_same = FileReading.is_what_it_was
    with store.batch() as batch:

        def judge(self: FileReading) -> bool:
            for _, outcome in batch._following.lookups._waiting if batch._following else ():
                outcome.result()
            return self.path != first and is_the_same(self)

        monkeypatch.setattr(FileReading, "is_what_it_was", judge)
        with pytest.raises(ConflictError):
            batch.add_path(first, following=second)
        assert batch.add_path(second).oid == oid
        batch.publish()
    assert AudioStore(store.path).read(oid) == data


def test_all_progress_is_told_by_its_own_file(tmp_path: Path) -> None:
    paths = write_songs(tmp_path)
    seen: list[list[int]] = [[] for _ in paths]
    with AudioStore.create(tmp_path / "audio").batch() as batch:
        for number, path in enumerate(paths):
            batch.add_path(path, seen[number].append, following=(*paths, None)[number + 1])
            assert [sum(counts) for counts in seen[: number + 1]] == list(map(len, SONGS[: number + 1]))
            assert not any(seen[number + 1 :])


def test_no_thread_is_left(tmp_path: Path) -> None:
    paths = write_songs(tmp_path)
    (tmp_path / "large.bin").write_bytes(os.urandom(30_000_000))
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        batch.add_path(paths[0], following=tmp_path / "large.bin")
    for thread in threading.enumerate():
        if thread.name.startswith("beatflow"):
            thread.join(10)
            assert not thread.is_alive()
