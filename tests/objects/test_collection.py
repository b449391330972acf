"""Garbage collection: what is kept stays readable, what is dropped is gone, what is damaged is left alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import ConflictError, DamagedError
from beatflow.objects import collection
from beatflow.objects.ids import sha256
from beatflow.objects.pack import Flag, Kind
from beatflow.objects.store import AudioStore
from tests.objects.damage import entries, flip, only_pack
from tests.objects.test_care import add, plain, publish

FILES = [np.random.default_rng(number).bytes(3000 + number) for number in range(6)]


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio")


@settings(max_examples=30, deadline=None)
@given(
    batches=st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=4),
    kept=st.sets(st.integers(0, 5)),
    reread=st.booleans(),
)
def test_keeps_exactly_what_it_should(
    batches: list[set[int]], kept: set[int], reread: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = AudioStore.create(tmp_path_factory.mktemp("s") / "audio")
    for batch in batches:
        add(store, *(FILES[number] for number in sorted(batch)))
    there = {number for batch in batches for number in batch}
    oids = [sha256(data).hex() for data in FILES]
    planned = store.collect([oids[number] for number in kept], dry_run=True)
    assert set(store.oids()) == {oids[number] for number in there}
    done = store.collect([oids[number] for number in kept])
    assert done.objects == planned.objects
    assert done.packs_after == planned.packs_after <= 1
    assert done.bytes_after == store.usage().stored_bytes
    assert abs(done.bytes_after - planned.bytes_after) < 200
    assert set(store.oids()) == {oids[number] for number in there & kept}
    reader = AudioStore(store.path) if reread else store
    assert all(reader.read(oids[number]) == FILES[number] for number in there & kept)
    assert list(store.check(data=True)) == []
    assert not list((store.path / "tmp").iterdir())
    assert store.collect(store.oids()).objects == 0


def test_a_reader_lives_through_it(store: AudioStore) -> None:
    oids = [add(store, data)[0] for data in FILES]
    reader = AudioStore(store.path)
    with reader.open(oids[0]) as file:
        assert all(oid in reader for oid in oids)
        store.collect(oids)
        assert file.read() == FILES[0]
    assert [reader.read(oid) for oid in oids] == FILES


def test_one_sound_pack_is_left_as_it_is(store: AudioStore) -> None:
    oids = add(store, *FILES)
    pack = only_pack(store.path)
    inode = pack.stat().st_ino
    store.collect(oids)
    assert only_pack(store.path).stat().st_ino == inode


def test_large_packs_are_not_joined(store: AudioStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "SMALL_PACK_BYTES", 100)
    oids = [add(store, data)[0] for data in FILES]
    assert store.collect(oids).packs_after == 6
    monkeypatch.setattr(collection, "SMALL_PACK_BYTES", 10_000)
    monkeypatch.setattr(collection, "MAX_PACK_BYTES", 8000)
    assert store.collect(oids).packs_after == 2
    assert [store.read(oid) for oid in oids] == FILES


def test_a_damaged_pack_is_left_alone(store: AudioStore) -> None:
    kept, dropped = add(store, FILES[0], FILES[1])
    pack = only_pack(store.path)
    flip(pack, entries(pack)[0].offset + 100)
    other = add(store, FILES[2])[0]
    done = store.collect([kept, other])
    assert done.damaged == (pack.stem,)
    assert pack.exists()
    assert store.read(other) == FILES[2]
    assert store.read(dropped) == FILES[1]


def test_a_pack_without_directory_is_left_alone(store: AudioStore) -> None:
    oids = add(store, FILES[0], FILES[1])
    pack = only_pack(store.path)
    flip(pack, -60)
    assert store.collect(oids[:1]).damaged == (pack.stem,)
    assert store.collect(oids[:1], dry_run=True).damaged == (pack.stem,)
    assert [store.read(oid) for oid in oids] == FILES[:2]


def test_a_good_copy_is_not_dropped_for_a_damaged_one(store: AudioStore) -> None:
    (oid,) = add(store, FILES[0])
    pack = only_pack(store.path)
    first = entries(pack)[0]
    flip(pack, first.offset + 100)
    publish(store, plain(Kind.CHUNK, first.id, FILES[0]))
    publish(store, plain(Kind.CHUNK, first.id, FILES[0]), plain(Kind.CHUNK, bytes(32), b"dead"))
    store.collect([oid])
    assert store.read(oid) == FILES[0]


def test_a_manifest_that_cannot_be_read_stops_it(store: AudioStore) -> None:
    oids = add(store, FILES[0], FILES[1])
    pack = only_pack(store.path)
    flip(pack, next(entry for entry in entries(pack) if entry.kind == Kind.MANIFEST).offset + 70)
    with pytest.raises(DamagedError):
        store.collect(oids)
    assert pack.exists()


def test_dependencies_and_unknown_kinds_are_kept(store: AudioStore) -> None:
    names = {name: name.encode() * 32 for name in "abcdef"}
    needs = {name: b"\x01\x00" + names[name] for name in "abc"}
    publish(
        store,
        plain(Kind.CHUNK, names["a"], b"a keyframe"),
        plain(Kind.CHUNK, names["b"], needs["a"], codec=64, flags=Flag.DEPENDS),
        plain(Kind.CHUNK, names["d"], b"nobody needs this"),
        plain(90, names["e"], needs["b"], flags=Flag.DEPENDS),
    )
    assert store.collect([]).objects == 1
    assert {entry.id for entry in entries(only_pack(store.path))} == {names[name] for name in "abe"}


def test_a_batch_that_relied_on_what_is_gone(store: AudioStore) -> None:
    add(store, FILES[0])
    (kept,) = add(store, FILES[1])
    with store.batch() as batch:
        batch.add_stream(io.BytesIO(FILES[0] + b""))
        batch.add_stream(io.BytesIO(FILES[2]))
        AudioStore(store.path).collect([kept])
        with pytest.raises(ConflictError, match="cleaned up"):
            batch.publish()
    assert list(store.oids()) == [kept]


def test_a_batch_that_relied_on_what_is_gone_and_has_looked_again(store: AudioStore) -> None:
    """What is new lets it list the packs: that one has gone must not be forgotten by the end."""
    add(store, FILES[0])
    (kept,) = add(store, FILES[1])
    with store.batch() as batch:
        batch.add_stream(io.BytesIO(FILES[0]))
        AudioStore(store.path).collect([kept])
        batch.add_stream(io.BytesIO(FILES[2]))
        with pytest.raises(ConflictError, match="cleaned up"):
            batch.publish()
    assert list(store.oids()) == [kept]


def test_a_batch_that_relied_on_a_manifest(store: AudioStore) -> None:
    """All chunks of a file may be another's too."""
    data = np.random.default_rng(9).bytes(1_000_000)
    (longer,) = add(store, data)
    beginning = data[: store.manifest(longer).chunks[0].length]
    (shorter,) = add(store, beginning)
    for is_asked in (False, True):
        with store.batch() as batch:
            assert batch.holds(shorter) if is_asked else batch.add_stream(io.BytesIO(beginning))
            AudioStore(store.path).collect([longer])
            with pytest.raises(ConflictError, match="cleaned up"):
                batch.publish()
        assert add(store, beginning) == [shorter]
    with store.batch() as batch:
        assert batch.holds(shorter)
        AudioStore(store.path).collect([longer, shorter])
        batch.publish()
