"""Stored files by frame: the right chunks, the right samples, from wherever they can be had, and only right ones."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beatflow.objects.batch import Batch
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.reach import ALONE, Reach
from beatflow.objects.sources import SourceFile
from beatflow.objects.store import AudioStore
from tests.objects import sounds
from tests.objects.damage import entries, flip, only_pack

FRAMES = 300_000
PCM = np.rint(sounds.music(FRAMES) * 25000).astype("<i2")
SONG = sounds.wav(PCM.tobytes(), after=sounds.chunk(b"LIST", b"INFOname"))


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Batch, str, Path]]:
    """A batch of a store that has a song, its oid, and the song's file."""
    path = tmp_path / "song.wav"
    path.write_bytes(SONG)
    store = AudioStore.create(tmp_path / "audio", workers=2)
    with store.batch() as batch:
        oid = batch.add_path(path).oid
        batch.publish()
    with AudioStore(store.path, workers=2).batch() as batch:
        yield batch, oid, path


def open_source(stored: tuple[Batch, str, Path], beside: bool = False) -> SourceFile:
    batch, oid, path = stored
    source = batch.source(oid, path if beside else None)
    assert source
    return source


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("start", "frames"),
    [(0, 10), (70_000, 100_000), (-20, 50), (FRAMES - 5, 50), (-20, FRAMES + 40), (-9, 9), (FRAMES, 3)],
)
def test_frames_by_number(stored: tuple[Batch, str, Path], beside: bool, start: int, frames: int) -> None:
    source = open_source(stored, beside)
    assert (source.layout, source.frames) == (Layout(SampleFormat.S16LE, 2, 44100), FRAMES)
    low, high = max(start, 0), min(start + frames, FRAMES)
    assert source.peek_bytes(low, start + frames) == PCM[low : max(low, high)].tobytes()
    part = source.cover(start, frames)
    if low >= high:
        assert part is None
        return
    assert part
    raws = source.read(part.chunks)
    assert raws is not None
    joined = np.frombuffer(b"".join(raws[ref.id] for ref in part.chunks), "<i2").reshape(-1, 2)
    # Frame `start` lies at `part.start`, and not one chunk more than needed is named.
    assert np.array_equal(joined[part.start + low - start :][: high - low], PCM[low:high])
    assert part.start + (low - start) < part.chunks[0].length // 4
    rest = len(joined) - (part.start + high - start)
    assert 0 <= rest < part.chunks[-1].length // 4
    assert source.reach(part.chunks) == ALONE


def test_where_a_chunk_begins(stored: tuple[Batch, str, Path]) -> None:
    source = open_source(stored)
    part = source.cover(0, FRAMES)
    assert part
    at = 0
    for ref in part.chunks:
        assert source.frame_of(ref.id) == at
        at += ref.length // 4
    assert source.frame_of(bytes(32)) is None


def test_what_lies_there_is_judged_by_its_hash(stored: tuple[Batch, str, Path], tmp_path: Path) -> None:
    batch, oid, path = stored
    damaged = only_pack(tmp_path / "audio")
    for entry in entries(damaged):
        if entry.kind == 1:
            flip(damaged, entry.offset + 65)
    lost, beside = batch.source(oid), batch.source(oid, path)
    assert lost
    assert beside
    part = lost.cover(0, 1000)
    assert part
    assert beside.read(part.chunks) is not None
    assert beside.reach(part.chunks) != ALONE  # at hand, but not to be built on
    with AudioStore(tmp_path / "audio").batch() as fresh:
        changed = bytearray(SONG)
        changed[2000] ^= 1
        path.write_bytes(changed)
        for place in (None, path):
            source = fresh.source(oid, place)
            assert source
            assert source.read(part.chunks) is None
        path.write_bytes(SONG[:1000])
        assert fresh.source(oid, path).peek_bytes(0, 1000) is None  # type: ignore[union-attr]  # it is there


def test_the_longest_stretch_of_sound_counts(tmp_path: Path) -> None:
    second = sounds.chunk(b"data", PCM[:40_000].tobytes())
    file = sounds.wav(PCM[40_000:60_000].tobytes(), after=second)
    (tmp_path / "two.wav").write_bytes(file)
    (tmp_path / "none.wav").write_bytes(b"no sound at all" * 9)
    wide = np.zeros((5000, 9), "<i2")
    (tmp_path / "wide.wav").write_bytes(sounds.wav(wide.tobytes(), channels=9))
    store = AudioStore.create(tmp_path / "audio")
    with store.batch() as batch:
        found = {
            name: batch.source(batch.add_path(tmp_path / name).oid, tmp_path / name)
            for name in ("two.wav", "none.wav", "wide.wav")
        }
        two = found["two.wav"]
        assert two
        assert two.frames in (20_000, 40_000)
        for name in ("none.wav", "wide.wav"):
            source = found[name]
            assert source
            assert (source.layout, source.frames) == (None, 0)
            assert source.cover(0, 10) is None
            assert source.peek_bytes(0, 10) == b""
        assert batch.source("ab" * 32) is None


def test_reach_is_that_of_the_worst(stored: tuple[Batch, str, Path]) -> None:
    batch, oid, _ = stored
    whole = open_source(stored).cover(0, FRAMES)
    assert whole
    reaches = {ref: Reach(number, 9 - number) for number, ref in enumerate(whole.chunks)}
    manifest = batch._known_manifest(bytes.fromhex(oid))
    assert manifest
    source = SourceFile(manifest, batch._open_reader(), reaches.__getitem__)
    assert source.reach(whole.chunks) == Reach(len(whole.chunks) - 1, 9)


def test_many_threads_ask_one_file(stored: tuple[Batch, str, Path]) -> None:
    source = open_source(stored, beside=True)
    part = source.cover(0, FRAMES)
    assert part
    wrong: list[object] = []

    def ask(seed: int) -> None:
        random = np.random.default_rng(seed)
        for start in random.integers(-1000, FRAMES, 50):
            low, high = max(int(start), 0), min(int(start) + 700, FRAMES)
            if source.peek_bytes(low, high) != PCM[low:high].tobytes():
                wrong.append(start)
            ref = part.chunks[seed % len(part.chunks)]
            if source.frame_of(ref.id) is None or source.read((ref,)) is None:
                wrong.append(ref)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
