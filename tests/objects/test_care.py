"""Damage: noticed wherever it is, never read as sound, and put aside without losing what is whole."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError, UsageError
from beatflow.objects import packset
from beatflow.objects.ids import sha256
from beatflow.objects.layout import SampleFormat
from beatflow.objects.manifest import ChunkRef, Manifest, Region, encode
from beatflow.objects.pack import Flag, Kind
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.store import AudioStore
from tests.objects import sounds
from tests.objects.damage import entries, flip, only_pack

SONG = sounds.wav(sounds.samples(sounds.music(300_000), SampleFormat.S16LE))
OTHER = np.random.default_rng(1).bytes(5000)


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio")


def add(store: AudioStore, *files: bytes) -> list[str]:
    with store.batch() as batch:
        oids = [batch.add_stream(io.BytesIO(data)).oid for data in files]
        batch.publish()
    return oids


def publish(store: AudioStore, *records: NewRecord) -> str:
    """Write a pack that no batch of this version would write."""
    writer = PackWriter(store.path / "tmp" / "x")
    for record in records:
        writer.add(record)
    name = writer.finish()
    writer.path.rename(store.path / "packs" / f"{name}.pack")
    return name


def plain(kind: int, id: bytes, data: bytes, codec: int = 0, flags: int = 0) -> NewRecord:
    return NewRecord(kind, id, codec, flags, bytes(4), len(data), data)


@pytest.mark.parametrize("mapped_bytes", [0, 1 << 20])
def test_any_flipped_bit(store: AudioStore, monkeypatch: pytest.MonkeyPatch, mapped_bytes: int) -> None:
    """Either the right bytes come back or DamagedError; and check finds it."""
    monkeypatch.setattr(packset, "_MAPPED_BYTES", mapped_bytes)
    oids = add(store, SONG, OTHER)
    pack = only_pack(store.path)
    whole = pack.read_bytes()
    edges = [
        place
        for entry in entries(pack)
        for place in (*range(entry.offset, entry.offset + 64, 9), entry.end - 1)
    ]
    for at in [*range(0, 16, 3), *edges, *range(len(whole) - 40 - 52 * 3, len(whole), 5)]:
        flip(pack, at)
        hurt = AudioStore(store.path)
        assert list(hurt.check(data=True)), at
        for oid, data in zip(oids, (SONG, OTHER), strict=True):
            with contextlib.suppress(NotFoundError, DamagedError):
                assert hurt.read(oid) == data
        pack.write_bytes(whole)


def test_the_error_names_sound_pack_and_place(store: AudioStore) -> None:
    (oid,) = add(store, OTHER)
    pack = only_pack(store.path)
    flip(pack, entries(pack)[0].offset + 100)
    with pytest.raises(DamagedError, match=rf"sound {oid} .*pack {pack.stem}, offset 16"):
        store.read(oid)
    (problem,) = store.check([oid], data=True)
    assert (problem.oid, pack.stem in (problem.cause or "")) == (oid, True)
    found = list(store.check(data=True))
    assert [problem.offset for problem in found if problem.offset] == [16]
    assert [problem.oid for problem in found if problem.oid] == [oid]


def test_a_chunk_that_decodes_to_something_else(store: AudioStore) -> None:
    wrong = plain(Kind.CHUNK, sha256(b"right"), b"wrong")
    manifest = encode(Manifest((Region(None, (ChunkRef(sha256(b"right"), 5),)),)))
    publish(store, wrong, plain(Kind.MANIFEST, sha256(b"right"), manifest))
    with pytest.raises(DamagedError, match="SHA-256"):
        store.read(sha256(b"right").hex())


def test_a_manifest_of_something_else(store: AudioStore) -> None:
    """Two chunks in the wrong order: each is right, and only the whole tells."""
    one, two = b"one, ", b"two"
    ids = [sha256(data) for data in (one, two)]
    refs = ChunkRef(ids[1], len(two)), ChunkRef(ids[0], len(one))
    chunks = [plain(Kind.CHUNK, id, data) for id, data in zip(ids, (one, two), strict=True)]
    whole = sha256(one + two)
    publish(store, *chunks, plain(Kind.MANIFEST, whole, encode(Manifest((Region(None, refs),)))))
    with pytest.raises(DamagedError, match="put together"):
        store.read(whole.hex())
    assert list(store.check()) == []
    assert ["put together" in problem.message for problem in store.check([whole.hex()], data=True)] == [True]


def test_a_file_of_one_chunk_is_that_chunk(store: AudioStore) -> None:
    manifest = encode(Manifest((Region(None, (ChunkRef(sha256(b"other"), 5),)),)))
    publish(
        store, plain(Kind.CHUNK, sha256(b"other"), b"other"), plain(Kind.MANIFEST, sha256(b"right"), manifest)
    )
    assert [problem.oid for problem in store.check()] == [sha256(b"right").hex()]


def test_another_copy_is_read_where_one_is_damaged(store: AudioStore) -> None:
    (oid,) = add(store, OTHER)
    pack = only_pack(store.path)
    first = entries(pack)[0]
    flip(pack, first.offset + 100)
    publish(store, plain(Kind.CHUNK, first.id, OTHER))
    assert store.read(oid) == OTHER


def test_records_of_the_future(store: AudioStore) -> None:
    ids = [bytes((number,)) * 32 for number in range(3)]
    chunk = Manifest((Region(None, (ChunkRef(ids[0], 3), ChunkRef(ids[0], 3))),))
    publish(
        store,
        plain(Kind.CHUNK, ids[0], b"new", codec=200),
        plain(Kind.MANIFEST, ids[1], encode(chunk)),
        plain(77, ids[2], b"what is this"),
    )
    assert list(store.oids()) == [ids[1].hex()]
    assert list(store.check()) == []
    with pytest.raises(BeatFlowError, match="newer"):
        store.read(ids[1].hex())
    publish(store, plain(Kind.CHUNK, ids[2], b"new", flags=0x20))
    publish(store, plain(Kind.MANIFEST, ids[0], encode(Manifest((Region(None, (ChunkRef(ids[2], 3),)),)))))
    with pytest.raises(BeatFlowError, match="flags"):
        store.read(ids[0].hex())


def test_check_finds_what_is_missing(store: AudioStore) -> None:
    lost, base = ChunkRef(sha256(b"lost"), 4), ChunkRef(sha256(b"base"), 4)
    short = ChunkRef(sha256(b"short"), 6)
    payload = b"\x01\x00" + sha256(b"nowhere") + b"residual"
    publish(
        store,
        NewRecord(Kind.CHUNK, base.id, 64, Flag.DEPENDS, bytes(4), 4, payload),
        plain(Kind.CHUNK, short.id, b"short"),
        plain(Kind.MANIFEST, bytes(32), encode(Manifest((Region(None, (lost, base, short)),)))),
    )
    (problem,) = store.check()
    assert problem.message.startswith("3 of 3 chunks cannot be read")
    assert [(part.start_byte, part.size) for part in problem.ranges] == [(0, 14)]
    checkup = store.checkup()
    reasons = checkup.lost_of(store.manifest(bytes(32).hex()))
    assert reasons[lost.id] == f"chunk {lost.id.hex()} is missing"
    assert "predicted from, is missing" in reasons[base.id]
    assert "has 5 bytes in place of 6" in reasons[short.id]
    assert list(checkup.lost_sources(base.id)) == [sha256(b"nowhere")]
    assert [problem.message for problem in store.check(["ab" * 32])] == ["is not in the store"]


def test_a_prediction_is_lost_with_its_source_and_stands_with_another_copy(store: AudioStore) -> None:
    base = ChunkRef(sha256(b"base"), 4)
    payload = b"\x01\x00" + sha256(b"nowhere") + b"residual"
    publish(
        store,
        NewRecord(Kind.CHUNK, base.id, 64, Flag.DEPENDS, bytes(4), 4, payload),
        plain(Kind.MANIFEST, sha256(b"base"), encode(Manifest((Region(None, (base,)),)))),
    )
    assert [problem.oid for problem in store.check()] == [sha256(b"base").hex()]
    publish(store, plain(Kind.CHUNK, base.id, b"base"))
    assert list(store.check()) == []


def test_where_in_a_file_the_damage_is(store: AudioStore) -> None:
    (oid,) = add(store, SONG)
    pack = only_pack(store.path)
    manifest = store.manifest(oid)
    refs = [ref for region in manifest.regions if region.layout for ref in region.chunks]
    for ref in refs[1:3]:
        entry = next(entry for entry in entries(pack) if entry.id == ref.id)
        flip(pack, entry.offset + 100)
    header = next(region.length for region in manifest.regions if not region.layout)
    first, frames = refs[0].length // 4, (refs[1].length + refs[2].length) // 4
    for found in (store.check(data=True), store.check([oid]), store.check([oid], data=True)):
        (problem,) = (problem for problem in found if problem.oid)
        (part,) = problem.ranges
        assert (part.start_byte, part.size) == (header + 4 * first, 4 * frames)
        assert (part.start_frame, part.frames) == (first, frames)
        assert (part.start_s, part.duration_s) == (first / 44100, frames / 44100)
    # The structure alone does not show it.
    assert list(store.check()) == []


def test_progress_of_a_check(store: AudioStore) -> None:
    add(store, SONG, OTHER)
    seen: list[int] = []
    assert list(store.check(data=True, progress=seen.append)) == []
    payloads = sum(64 + entry.stored_length for entry in entries(only_pack(store.path)))
    assert sum(seen) == payloads + store.usage().stored_bytes


class Remembered:
    """A pass that lives as long as the test."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def has(self, pack: Path) -> bool:
        return pack.stem in self.names

    def add(self, pack: Path) -> None:
        self.names.append(pack.stem)


def test_a_check_goes_on_where_it_was(store: AudioStore) -> None:
    for data in (SONG, OTHER):
        add(store, data)
    packs = sorted((store.path / "packs").iterdir())
    done = Remembered()
    done.add(packs[0])
    flip(packs[0], 100)
    flip(packs[1], 100)
    found = list(store.checkup().check_packs(True, done))
    assert {problem.pack for problem in found} == {packs[1].stem}
    assert done.names == [packs[0].stem]


def test_quarantine_keeps_what_is_sound(store: AudioStore) -> None:
    song, other = add(store, SONG, OTHER)
    pack = only_pack(store.path)
    damaged_entry = next(entry for entry in entries(pack) if entry.raw_length > 100_000)
    flip(pack, damaged_entry.offset + 1000)
    damaged = pack.read_bytes()
    done = store.quarantine(pack.stem)
    assert (done.lost, done.moved_to.read_bytes()) == (1, damaged)
    assert only_pack(store.path).stem == done.pack
    assert store.read(other) == OTHER
    assert store.count_sound(done.pack or "") == done.records
    assert [problem.oid for problem in store.check(data=True)] == [song]
    # The file itself, added again, heals the store.
    assert add(store, SONG) == [song]
    assert store.read(song) == SONG
    assert list(store.check(data=True)) == []


def test_quarantine_heals_a_directory(store: AudioStore) -> None:
    oids = add(store, SONG, OTHER)
    pack = only_pack(store.path)
    whole = pack.read_bytes()
    flip(pack, -100)
    done = store.quarantine(pack.stem)
    assert (done.lost, done.pack) == (0, pack.stem)
    assert pack.read_bytes() == whole
    assert [store.read(oid) for oid in oids] == [SONG, OTHER]


def test_quarantine_of_a_ruin(store: AudioStore) -> None:
    add(store, OTHER)
    pack = only_pack(store.path)
    pack.write_bytes(bytes(1000))
    done = store.quarantine(pack.stem)
    assert (done.pack, done.records) == (None, 0)
    assert list(store.oids()) == []
    pack.write_bytes(b"again")
    assert store.quarantine(pack.stem).moved_to != done.moved_to


def test_what_is_not_to_be_quarantined(store: AudioStore) -> None:
    add(store, OTHER)
    with pytest.raises(UsageError, match="not damaged"):
        store.quarantine(only_pack(store.path).stem)
    with pytest.raises(NotFoundError):
        store.quarantine("ab" * 32)


def test_a_damaged_manifest_is_healed_by_adding_again(store: AudioStore) -> None:
    (oid,) = add(store, OTHER)
    pack = only_pack(store.path)
    flip(pack, entries(pack)[1].offset + 70)
    with pytest.raises(DamagedError):
        store.read(oid)
    add(store, OTHER)
    assert store.read(oid) == OTHER


def test_writing_files_passes_over_parts_that_are_not_what_they_should_be(
    store: AudioStore, tmp_path: Path
) -> None:
    """Files are compared as a whole; only where that fails is each part."""
    chunk = ChunkRef(sha256(OTHER), len(OTHER))
    manifest = plain(Kind.MANIFEST, chunk.id, encode(Manifest((Region(None, (chunk,)),))))
    wrong = plain(Kind.CHUNK, chunk.id, bytes(len(OTHER)))
    publish(store, wrong, manifest)
    oid = chunk.id.hex()
    with pytest.raises(DamagedError, match="do not match"):
        AudioStore(store.path).write_files([(oid, tmp_path / "lost")])
    publish(store, plain(Kind.CHUNK, chunk.id, OTHER))
    AudioStore(store.path).write_files([(oid, tmp_path / "found")])
    assert (tmp_path / "found").read_bytes() == OTHER
