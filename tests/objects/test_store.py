"""The audio store from outside: exact bytes in, the same bytes out, shared where they are the same."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError, UsageError
from beatflow.objects import packset
from beatflow.objects.batch import Stored
from beatflow.objects.ids import sha256
from beatflow.objects.layout import SampleFormat
from beatflow.objects.sndfile import SoundFile
from beatflow.objects.store import AudioStore
from tests.objects import sounds

PCM = sounds.samples(sounds.music(400_000), SampleFormat.S16LE)
SONG = sounds.wav(PCM, after=sounds.chunk(b"LIST", b"INFOname"))


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio")


def add(store: AudioStore, *files: bytes) -> list[Stored]:
    with store.batch() as batch:
        stored = [batch.add_stream(io.BytesIO(data)) for data in files]
        batch.publish()
    return stored


def encoded(file_format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    with SoundFile(file, "w", 44100, 2, subtype, format=file_format) as sound:
        sound.write(sounds.music(30_000).astype("f4"))
    return file.getvalue()


FILES = {
    "empty": b"",
    "one byte": b"x",
    "header only": sounds.wav(b""),
    "song": SONG,
    "rf64": sounds.rf64(PCM),
    "aiff": sounds.aiff(sounds.samples(sounds.music(90_000), SampleFormat.S24BE), 24),
    "float": sounds.wav(sounds.samples(sounds.music(90_000), SampleFormat.F32LE), SampleFormat.F32LE),
    "silence": sounds.wav(bytes(9_000_000)),
    "announces 3 GB": sounds.wav(PCM[:100_001], size=3_000_000_000),
    "flac": encoded("FLAC", "PCM_16"),
    "ogg": encoded("OGG", "VORBIS"),
    "mp3": encoded("MP3", "MPEG_LAYER_III"),
    "noise": np.random.default_rng(5).bytes(3_000_000),
}


@pytest.mark.parametrize("name", FILES)
def test_exact_bytes_come_back(name: str, store: AudioStore) -> None:
    data = FILES[name]
    (stored,) = add(store, data)
    assert (stored.oid, stored.size) == (sha256(data).hex(), len(data))
    assert store.read(stored.oid) == data
    assert store.size(stored.oid) == len(data)
    assert stored.oid in store
    with store.open(stored.oid) as file:
        assert file.read() == data
    assert list(store.check(data=True)) == []
    assert not list((store.path / "tmp").iterdir())


@settings(max_examples=25, deadline=None)
@given(files=st.lists(st.binary(max_size=200_000), max_size=4))
def test_anything_is_kept(files: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = AudioStore.create(tmp_path_factory.mktemp("s") / "audio")
    oids = [stored.oid for stored in add(store, *files)]
    assert [store.read(oid) for oid in oids] == files
    assert list(store.oids()) == sorted(set(oids))


def test_the_same_files_make_the_same_pack(tmp_path: Path) -> None:
    packs = []
    for workers in (2, 5):
        store = AudioStore.create(tmp_path / str(workers), workers=workers)
        add(store, *FILES.values())
        packs.append([path.name for path in (store.path / "packs").iterdir()])
    assert packs[0] == packs[1]
    assert len(packs[0]) == 1


def test_what_is_there_is_not_stored_again(store: AudioStore) -> None:
    (first,) = add(store, SONG)
    assert 0 < first.new_bytes < 0.9 * len(SONG)
    before = store.usage()
    with store.batch() as batch:
        assert batch.add_stream(io.BytesIO(SONG)) == Stored(first.oid, first.size, 0)
        assert first.oid not in batch
        assert batch.publish() is None
    assert store.usage() == before


def test_twice_in_one_batch(store: AudioStore) -> None:
    with store.batch() as batch:
        first, second = (batch.add_stream(io.BytesIO(SONG)) for _ in range(2))
        assert second.new_bytes == 0
        assert first.oid in batch
        assert first.oid not in store
        batch.publish()
    assert store.usage().manifests == 1


def test_an_edit_costs_what_it_changes(store: AudioStore) -> None:
    add(store, SONG)
    before = store.usage()
    edited = sounds.wav(PCM[:800_000] + PCM[804_000:], after=sounds.chunk(b"LIST", b"INFOname"))
    (stored,) = add(store, edited)
    assert store.read(stored.oid) == edited
    assert store.usage().raw_bytes - before.raw_bytes < 0.5 * len(SONG)


def test_long_silence_is_stored_once(store: AudioStore) -> None:
    (stored,) = add(store, sounds.wav(bytes(30_000_000)))
    assert stored.new_bytes < 10_000


def test_left_without_publishing(store: AudioStore) -> None:
    with store.batch() as batch:
        stored = batch.add_stream(io.BytesIO(SONG))
        assert list((store.path / "tmp").iterdir())
    assert stored.oid not in store
    assert not list((store.path / "tmp").iterdir())


def test_interrupted_by_its_progress(store: AudioStore, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(SONG)
    seen: list[int] = []

    def interrupt(count: int) -> None:
        seen.append(count)
        if sum(seen) > len(SONG) // 2:
            raise KeyboardInterrupt

    with store.batch() as batch:
        kept = batch.add_stream(io.BytesIO(b"kept"))
        with pytest.raises(KeyboardInterrupt):
            batch.add_path(path, progress=interrupt)
        assert batch.add_path(path, progress=seen.append).size == len(SONG)
        batch.publish()
    assert store.read(kept.oid) == b"kept"
    assert store.read(sha256(SONG).hex()) == SONG
    assert store.usage().manifests == 2


class Unlucky(io.BytesIO):
    """A disk that fails at the end."""

    def read(self, count: int | None = -1) -> bytes:
        data = super().read(count)
        if not data:
            raise OSError(5, "Input/output error")
        return data


def test_a_bad_item_does_not_abort_the_batch(store: AudioStore) -> None:
    with store.batch() as batch:
        for _ in range(2):
            with pytest.raises(OSError, match="Input"):
                batch.add_stream(Unlucky(SONG))
        batch.add_stream(io.BytesIO(b"good"))
        batch.publish()
    assert store.usage().chunks == 1


class Growing:
    """A progress callback that appends to the file being read, so many times."""

    def __init__(self, path: Path, times: int) -> None:
        self.path = path
        self.times = times

    def __call__(self, count: int) -> None:
        if self.times:
            self.times -= 1
            with self.path.open("ab") as file:
                file.write(b"more")


def test_a_file_that_changes_once_is_read_again(store: AudioStore, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(SONG)
    with store.batch() as batch:
        stored = batch.add_path(path, Growing(path, 1))
        batch.publish()
    assert store.read(stored.oid) == SONG + b"more"
    assert store.usage().manifests == 1


def test_a_file_that_keeps_changing_is_refused(store: AudioStore, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(SONG)
    with store.batch() as batch:
        with pytest.raises(ConflictError, match=r"take\.wav changes"):
            batch.add_path(path, Growing(path, 99))
        assert batch.publish() is None


def test_a_file_replaced_under_its_name_is_read_again(store: AudioStore, tmp_path: Path) -> None:
    path, other = tmp_path / "take.wav", tmp_path / "other.wav"
    path.write_bytes(SONG)
    other.write_bytes(SONG[::-1])
    os.utime(other, ns=(0, path.stat().st_mtime_ns))

    def replace(count: int) -> None:
        if other.exists():
            other.replace(path)

    with store.batch() as batch:
        stored = batch.add_path(path, replace)
        batch.publish()
    assert store.read(stored.oid) == SONG[::-1]


def test_what_cannot_be_added(store: AudioStore, tmp_path: Path) -> None:
    with store.batch() as batch:
        with pytest.raises(BeatFlowError, match="regular"):
            batch.add_path(tmp_path)
        with pytest.raises(FileNotFoundError):
            batch.add_path(tmp_path / "nowhere.wav")


def test_random_access(store: AudioStore) -> None:
    oid = add(store, SONG)[0].oid
    random = np.random.default_rng(2)
    with store.open(oid) as file:
        for at in random.integers(0, len(SONG), 200):
            file.seek(int(at))
            count = int(random.integers(0, 100_000))
            assert file.read(count) == SONG[at : at + count]
        assert file.seek(-10, io.SEEK_END) == len(SONG) - 10
        assert file.read() == SONG[-10:]
        assert file.read() == b""
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)
        assert not file.writable()


def test_libsndfile_reads_straight_from_the_store(store: AudioStore) -> None:
    oid = add(store, SONG)[0].oid
    with store.open(oid) as file, SoundFile(file) as sound:
        sound.seek(300_000)
        assert sound.read(1000, dtype="int16").tobytes() == PCM[1_200_000:1_204_000]


def test_prefixes(store: AudioStore) -> None:
    oids = sorted(stored.oid for stored in add(store, b"a", b"b", b"c"))
    assert [store.find_prefix(oid[:6]) for oid in oids] == [[oid] for oid in oids]
    assert store.find_prefix(oids[0].upper()) == [oids[0]]
    assert store.find_prefix("0000000000") == []
    for wrong in ("abc", "wxyz", "a" * 65):
        with pytest.raises(UsageError):
            store.find_prefix(wrong)
    with pytest.raises(UsageError):
        _ = "short" in store


def test_what_is_not_there(store: AudioStore) -> None:
    missing = "ab" * 32
    assert missing not in store
    for ask in (store.read, store.manifest, store.size, store.open, store.iter_bytes):
        with pytest.raises(NotFoundError):
            ask(missing)


def test_opening_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        AudioStore(tmp_path)
    store = AudioStore.create(tmp_path / "audio")
    assert AudioStore.create(tmp_path / "audio").path == store.path
    (store.path / "format").write_text("beatflow audio store 2\n")
    with pytest.raises(BeatFlowError, match="later format"):
        AudioStore(store.path)
    (store.path / "format").write_text("?")
    with pytest.raises(DamagedError):
        AudioStore(store.path)


def test_a_reader_sees_what_is_published_later(store: AudioStore) -> None:
    reader = AudioStore(store.path)
    assert list(reader.oids()) == []
    oid = add(store, b"new")[0].oid
    assert oid in reader
    assert reader.read(oid) == b"new"


@pytest.mark.parametrize("mapped_bytes", [0, 1 << 20])
def test_many_packs(store: AudioStore, monkeypatch: pytest.MonkeyPatch, mapped_bytes: int) -> None:
    monkeypatch.setattr(packset, "_MAPPED_BYTES", mapped_bytes)
    files = [f"file {number}".encode() for number in range(30)]
    oids = [add(store, data)[0].oid for data in files]
    reader = AudioStore(store.path)
    assert [reader.read(oid) for oid in oids] == files
    assert "ab" * 32 not in reader
    assert reader.usage().packs == 30


def test_read_only_folder(store: AudioStore) -> None:
    oid = add(store, SONG)[0].oid
    folders = [store.path, *(path for path in store.path.iterdir() if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        reader = AudioStore(store.path)
        assert reader.read(oid) == SONG
        assert list(reader.check(data=True)) == []
    finally:
        for path in folders:
            path.chmod(0o755)


def test_packs_are_shared_with_a_fork(
    store: AudioStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oid = add(store, SONG)[0].oid
    fork = AudioStore.create(tmp_path / "fork")
    assert store.clone_packs(fork) == 1
    assert store.clone_packs(fork) == 0
    (pack,) = (fork.path / "packs").iterdir()
    assert pack.stat().st_nlink == 2

    def refuse(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    copy = AudioStore.create(tmp_path / "copy")
    assert store.clone_packs(copy) == 1
    assert fork.read(oid) == copy.read(oid) == SONG


def test_sweep_removes_what_a_killed_writer_left(store: AudioStore) -> None:
    (store.path / "tmp" / "1-dead.pack").write_bytes(b"four")
    assert store.sweep() == 4
    assert store.sweep() == 0


def test_opening_a_store_loads_no_codec(store: AudioStore) -> None:
    oid = add(store, SONG)[0].oid
    code = (
        "import sys; from pathlib import Path; from beatflow.objects.store import AudioStore;"
        f"store = AudioStore(Path({str(store.path)!r})); assert {oid!r} in store; store.size({oid!r});"
        "assert not {'numpy', 'soundfile', 'zstandard', 'pyfastcdc'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_memory_does_not_grow_with_the_file(store: AudioStore) -> None:
    """300 MB in and out, half of it silence; numpy, libsndfile and this test's noise alone take 53 MiB."""
    code = f"""
import io, resource
from pathlib import Path
import numpy as np
from beatflow.objects.store import AudioStore
from tests.objects import sounds
from beatflow.objects.layout import SampleFormat

class Long(io.RawIOBase):
    left = 300_000_000
    noise = np.random.default_rng(1).integers(-900, 900, 4_000_000, np.int16).tobytes()
    start = sounds.wav(b"", size=left)[:44]
    def read(self, count):
        data, self.start = self.start[:count], self.start[count:]
        if data: return data
        at = self.left % len(self.noise)
        data = self.noise[at : at + min(count, self.left)] if self.left > 150_000_000 else bytes(min(count, self.left))
        self.left -= len(data)
        return data

store = AudioStore(Path({str(store.path)!r}))
with store.batch() as batch:
    oid = batch.add_stream(Long()).oid
    batch.publish()
assert sum(map(len, store.iter_bytes(oid))) == 300_000_044
status = Path("/proc/self/status")
if status.exists():
    # Linux counts into ru_maxrss what the parent had before it started this process.
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert peak < 110 * 1024, peak
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
