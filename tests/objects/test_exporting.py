"""Files written side by side: in order, whole, on any number of threads; nothing is left running when it fails."""

import io
import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import DamagedError
from beatflow.objects import exporting, reading
from beatflow.objects.exporting import Output, write_files
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef, Manifest, Region
from beatflow.objects.pack import Codec, Flag, Kind, Record
from beatflow.objects.store import AudioStore
from beatflow.objects.timeline import iter_in_time
from beatflow.predicting.prediction import SoundAdvisor
from tests.objects import sounds
from tests.objects.damage import entries, flip, only_pack

FRAMES = 400_000
STEMS = [np.rint(sounds.music(FRAMES, seed=seed) * 12000).astype("<i2") for seed in (1, 2)]
FILES = {
    "mix.wav": sounds.wav((STEMS[0] + STEMS[1]).tobytes()),
    "drums.wav": sounds.wav(STEMS[0].tobytes()),
    "bass.wav": sounds.wav(STEMS[1].tobytes()),
    "nothing.wav": b"",
    "notes.bin": np.random.default_rng(1).bytes(300_000),
}


@pytest.fixture
def stored(tmp_path: Path) -> tuple[AudioStore, dict[str, str]]:
    """A store with a mix that is predicted from its stems, and the oid of each file."""
    store = AudioStore.create(tmp_path / "audio", workers=2)
    oids: dict[str, str] = {}
    with store.batch() as batch:
        for name, data in reversed(FILES.items()):
            path = tmp_path / name
            path.write_bytes(data)
            beside = [
                batch.source(oids[stem], tmp_path / stem)
                for stem in ("bass.wav", "drums.wav")
                if stem in oids
            ]
            advisor = SoundAdvisor([], [source for source in beside if source]) if name == "mix.wav" else None
            oids[name] = batch.add_path(path, None, advisor).oid
        batch.publish()
    mix = store.manifest(oids["mix.wav"]).chunks
    found = {entry.id: entry for entry in entries(only_pack(store.path))}
    assert sum(bool(found[ref.id].flags & Flag.DEPENDS) for ref in mix) > 2
    return store, oids


def targets(oids: dict[str, str], folder: Path) -> list[tuple[str, Path]]:
    folder.mkdir()
    return [(oid, folder / name) for name, oid in oids.items()]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_files_come_back(stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, workers: int) -> None:
    store, oids = stored
    counts: list[int] = []
    AudioStore(store.path, workers).write_files(targets(oids, tmp_path / "out"), counts.append)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert sum(counts) == sum(map(len, FILES.values()))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("beatflow-write")]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[bytes, int]]:
    """How often each chunk was decoded, by its id and codec."""
    counts: Counter[tuple[bytes, int]] = Counter()
    decode = reading.decode_payload

    def count(record: Record) -> bytes:
        if record.entry.kind == Kind.CHUNK:
            counts[record.entry.id, record.entry.codec] += 1
        return decode(record)

    monkeypatch.setattr(reading, "decode_payload", count)
    return counts


def test_each_chunk_is_decoded_once(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, decoded: Counter[tuple[bytes, int]]
) -> None:
    """Whatever is rebuilt from it: also when a store is checked."""
    store, oids = stored
    store.write_files(targets(oids, tmp_path / "out"))
    assert set(decoded.values()) == {1}
    decoded.clear()
    assert list(AudioStore(store.path, 1).check(data=True)) == []
    assert set(decoded.values()) == {1}


def test_the_first_damage_is_named(stored: tuple[AudioStore, dict[str, str]], tmp_path: Path) -> None:
    store, oids = stored
    chunks = store.manifest(oids["drums.wav"]).chunks
    found = {entry.id: entry for entry in entries(only_pack(store.path))}
    for ref in (chunks[2], chunks[-1]):
        flip(only_pack(store.path), found[ref.id].offset + 100)
    only = {name: oids[name] for name in ("drums.wav", "bass.wav")}
    for number in range(5):
        with pytest.raises(DamagedError, match=rf"sound {oids['drums.wav']} .*{chunks[2].id.hex()}"):
            AudioStore(store.path, 4).write_files(targets(only, tmp_path / f"out{number}"))


def test_damage_that_shows_late(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When as much as may wait in memory waits for the chunk that cannot be read."""
    store, oids = stored
    first, *_ = store.manifest(oids["drums.wav"]).chunks
    others = threading.Semaphore(0)
    read = reading.ChunkReader.read

    def read_late(self: reading.ChunkReader, ref: ChunkRef, keep: bool = False) -> bytes:
        if ref == first:
            assert all(others.acquire(timeout=10) for _ in range(3))
            raise DamagedError("it is damaged")
        others.release()
        return read(self, ref, keep)

    monkeypatch.setattr(reading.ChunkReader, "read", read_late)
    with pytest.raises(DamagedError, match="it is damaged"):
        AudioStore(store.path, 2).write_files([(oids["drums.wav"], tmp_path / "out")])


def test_progress_may_end_it(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, oids = stored

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "_TOLD_BYTES", 1)
    with pytest.raises(KeyboardInterrupt):
        store.write_files(targets(oids, tmp_path / "out"), stop)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("beatflow-write")]


def test_what_is_in_the_way_is_left_alone(stored: tuple[AudioStore, dict[str, str]], tmp_path: Path) -> None:
    store, oids = stored
    wanted = targets(oids, tmp_path / "out")
    wanted[0][1].write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        store.write_files(wanted)
    assert wanted[0][1].read_bytes() == b"mine"


# One file ------------------------------------------------------------------------------------------------


class _Hesitant(io.BytesIO):
    """Takes a few bytes at a time, as a disk does that is nearly full."""

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        return super().write(bytes(data[:1000]))


def test_chunks_in_any_order() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        parts = [rng.randbytes(rng.choice([1, 700, 5000])) for _ in range(40)]
        file = _Hesitant()
        output = Output(sha256(b"".join(parts)).hex(), file)
        written: list[int] = []
        for _ in range(2):
            order = list(enumerate(parts))
            rng.shuffle(order)
            with ThreadPoolExecutor(4) as pool:
                for place, data in order:
                    pool.submit(output.put, place, data, written.append)
            assert file.getvalue() == b"".join(parts)
            assert output.is_whole
            assert written == [len(part) for part in parts]
            output.begin_again()
            written.clear()
            assert not output.is_whole


# Time ----------------------------------------------------------------------------------------------------


def manifest_of(layout: Layout | None, *lengths: int) -> Manifest:
    refs = tuple(ChunkRef(bytes([number]) * 32, length) for number, length in enumerate(lengths))
    return Manifest((Region(layout, refs),))


def test_chunks_in_the_order_of_time() -> None:
    slow = manifest_of(Layout(SampleFormat.S16LE, 1, 1000), 2000, 2000, 2000)
    fast = manifest_of(Layout(SampleFormat.S24LE, 2, 1000), 3000, 9000, 6000)
    plain = manifest_of(None, 10_000_000, 5)
    found = [(file, ref.id[0]) for file, ref in iter_in_time([slow, fast, plain])]
    assert found == [(2, 0), (2, 1), (1, 0), (0, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    later = [(file, ref.id[0]) for file, ref in iter_in_time([slow, fast, plain], [10.0, 0.0, 0.0])]
    assert later == [(2, 0), (2, 1), (1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)]


def test_no_file_at_all(tmp_path: Path) -> None:
    store = AudioStore.create(tmp_path / "audio")
    store.write_files([])
    write_files(store._packs, [], 2)


def test_what_a_batch_holds(stored: tuple[AudioStore, dict[str, str]]) -> None:
    """All that is stored, until what it needs is damaged: the stems of a mix as well."""
    store, oids = stored
    with store.batch() as batch:
        assert all(batch.holds(oid) for oid in oids.values())
        assert not batch.holds("ab" * 32)
    found = {entry.id: entry for entry in entries(only_pack(store.path))}
    chunk = store.manifest(oids["drums.wav"]).chunks[2]
    flip(only_pack(store.path), found[chunk.id].offset + 100)
    with AudioStore(store.path).batch() as batch:
        whole = {name for name, oid in oids.items() if batch.holds(oid)}
    assert whole == {"bass.wav", "nothing.wav", "notes.bin"}


# Files beside the store ----------------------------------------------------------------------------------


def test_chunks_are_read_where_they_lie(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, decoded: Counter[tuple[bytes, int]]
) -> None:
    """Nothing but the mix is decoded when its stems lie there."""
    store, oids = stored
    beside = {oids[name]: tmp_path / name for name in ("drums.wav", "bass.wav")}
    store.write_files([(oids["mix.wav"], tmp_path / "out")], None, beside)
    assert (tmp_path / "out").read_bytes() == FILES["mix.wav"]
    coded = {id for id, codec in decoded if codec != Codec.NONE}
    assert not coded & {ref.id for name in beside for ref in store.manifest(name).chunks}


@pytest.mark.parametrize("change", ["wrong", "short", "gone", "folder", "pipe"])
def test_a_file_beside_has_changed(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path, change: str
) -> None:
    """Between being found unchanged and being read."""
    store, oids = stored
    file = tmp_path / "drums.wav"
    if change == "wrong":
        file.write_bytes(bytes(255 - byte for byte in FILES["drums.wav"]))
    elif change == "short":
        file.write_bytes(FILES["drums.wav"][:100_000])
    else:
        file.unlink()
        if change == "folder":
            file.mkdir()
        elif change == "pipe":
            getattr(os, "mkfifo", Path.mkdir)(file)
    wanted = targets(oids, tmp_path / "out")
    store.write_files(wanted, None, {oids[name]: tmp_path / name for name in ("drums.wav", "bass.wav")})
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


def test_a_file_beside_makes_up_for_damage(stored: tuple[AudioStore, dict[str, str]], tmp_path: Path) -> None:
    store, oids = stored
    found = {entry.id: entry for entry in entries(only_pack(store.path))}
    chunk = store.manifest(oids["drums.wav"]).chunks[2]
    flip(only_pack(store.path), found[chunk.id].offset + 100)
    wanted = [(oids[name], tmp_path / f"again-{name}") for name in ("drums.wav", "mix.wav")]
    AudioStore(store.path).write_files(wanted, None, {oids["drums.wav"]: tmp_path / "drums.wav"})
    assert [path.read_bytes() for _, path in wanted] == [FILES["drums.wav"], FILES["mix.wav"]]


def test_neither_the_store_nor_a_file_beside_has_it(
    stored: tuple[AudioStore, dict[str, str]], tmp_path: Path
) -> None:
    store, oids = stored
    found = {entry.id: entry for entry in entries(only_pack(store.path))}
    chunk = store.manifest(oids["drums.wav"]).chunks[2]
    flip(only_pack(store.path), found[chunk.id].offset + 100)
    (tmp_path / "drums.wav").write_bytes(bytes(len(FILES["drums.wav"])))
    with pytest.raises(DamagedError, match=f"sound {oids['drums.wav']}"):
        AudioStore(store.path).write_files(
            [(oids["drums.wav"], tmp_path / "out")], None, {oids["drums.wav"]: tmp_path / "drums.wav"}
        )
