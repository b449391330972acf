"""Sounds written anew: no circles between old and new, records that are smaller as they are, only what is proved."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.objects import renewal as renewal_module
from beatflow.objects.ids import sha256
from beatflow.objects.manifest import ChunkRef, Manifest, Region, encode
from beatflow.objects.pack import Codec, Entry, Flag, Kind
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.prediction import ONE, Prediction, Proposal, Source, Term
from beatflow.objects.predictioncodec import encode as predict_chunk
from beatflow.objects.reach import Reach
from beatflow.objects.samples import Integers, write_samples
from beatflow.objects.store import AudioStore
from tests.objects.damage import entries
from tests.objects.test_care import add, plain, publish
from tests.objects.test_coding import LAYOUT, chunk_of, file_of, predicted, read, whole

NOISE = np.random.default_rng(5).integers(-20000, 20000, (20_000, 2)).astype(np.int32)
NOISE[10_000:] = 0


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio", workers=2)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("indexed", [False, True])
def test_old_and_new_copies_that_lead_round_in_a_circle(
    store: AudioStore, apart: bool, indexed: bool
) -> None:
    """Killed between its last two steps, a renewal leaves each of two chunks predicted from the other."""
    publish(store, whole(1), predicted(2, [1], 1), predicted(3, [2], 2), file_of(1), file_of(2), file_of(3))
    new = [whole(3), predicted(2, [3], 1), predicted(1, [2], 2)]
    if apart:
        for record in new:
            publish(store, record)
    else:
        publish(store, *new)
    if indexed:
        AudioStore(store.path)._packs.write_index(store.path / "tmp")
    for number in (1, 2, 3):
        read(store, number)
    assert list(AudioStore(store.path).check(data=True)) == []
    oids = list(store.oids())
    store.collect(oids)
    for number in (1, 2, 3):
        read(store, number)
    assert len(list((store.path / "packs").iterdir())) == 1


def reference(samples: Integers) -> tuple[ChunkRef, bytes]:
    raw = write_samples(samples, LAYOUT)
    return ChunkRef(sha256(raw), len(raw)), raw


def predicted_from(samples: Integers, source: Integers, lag: int, reach: Reach) -> NewRecord:
    """Return a chunk that is another, later than any search would find it."""
    ref, raw = reference(samples)
    terms = (Term(0, 0, 0, 0, lag, ONE, 0), Term(0, 1, 0, 1, lag, ONE, 0))
    its, data = reference(source)
    prediction = Prediction((Source(LAYOUT, (its,), 0),), (len(samples),), terms)
    found = predict_chunk(raw, LAYOUT, Proposal(prediction, ((data,),), reach))
    return NewRecord(
        Kind.CHUNK, ref.id, Codec.PREDICTION, Flag.DEPENDS, found.parameters, ref.length, found.payload
    )


def file_record(samples: Integers) -> NewRecord:
    ref, _ = reference(samples)
    return plain(Kind.MANIFEST, ref.id, encode(Manifest((Region(LAYOUT, (ref,)),))))


def fill(store: AudioStore) -> tuple[str, str]:
    """Store a chunk, and the same 9000 frames later, predicted from it with a depth larger than need be."""
    late = np.roll(NOISE, 9000, axis=0)
    ref, raw = reference(NOISE)
    publish(
        store,
        plain(Kind.CHUNK, ref.id, raw),
        predicted_from(late, NOISE, 9000, Reach(5, 7)),
        file_record(NOISE),
        file_record(late),
    )
    return ref.id.hex(), reference(late)[0].id.hex()


def chunk_entry(store: AudioStore, oid: str) -> tuple[Path, Entry]:
    (found,) = (
        (path, entry)
        for path in (store.path / "packs").iterdir()
        for entry in entries(path)
        if entry.kind == Kind.CHUNK and entry.id.hex() == oid
    )
    return found


def test_a_record_that_is_smaller_as_it_is_stays(store: AudioStore) -> None:
    first, second = fill(store)
    with store.renewal() as renewal:
        for oid in (first, second):
            renewal.add(oid)
            assert oid in renewal
        renewal.prove()
        assert renewal.count_after([first, second]) < store.usage().stored_bytes
        renewal.publish([first, second])
    path, entry = chunk_entry(store, second)
    assert entry.codec == Codec.PREDICTION
    # Its depth and cost are those of where it stands now.
    with path.open("rb") as file:
        file.seek(entry.offset + 16)
        assert file.read(4)[2:] == bytes((1, 7))
    assert store.read(second) == reference(np.roll(NOISE, 9000, axis=0))[1]


def test_a_record_whose_source_comes_later_is_coded_again(store: AudioStore) -> None:
    first, second = fill(store)
    with store.renewal() as renewal:
        renewal.add(second)
        renewal.add(first)
        renewal.prove()
        renewal.publish([first, second])
    assert chunk_entry(store, second)[1].codec == Codec.FLAC
    assert AudioStore(store.path).read(first) == reference(NOISE)[1]
    assert list(store.check(data=True)) == []


def test_nothing_is_predicted_from_what_was_not_written_anew(store: AudioStore) -> None:
    first, second = fill(store)
    with store.renewal() as renewal:
        assert renewal.source(first) is None
        renewal.add(first)
        assert renewal.source(first) is not None
        assert renewal.source(second) is None
    assert not list((store.path / "tmp").iterdir())
    assert len(list((store.path / "packs").iterdir())) == 1


def test_several_packs(store: AudioStore, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [np.random.default_rng(number).bytes(5000) for number in range(6)]
    oids = add(store, *files)
    monkeypatch.setattr(renewal_module, "MAX_PACK_BYTES", 8000)
    with store.renewal() as renewal:
        for oid in oids:
            renewal.add(oid)
        renewal.prove()
        renewal.publish(oids)
    assert len(list((store.path / "packs").iterdir())) > 2
    assert [store.read(oid) for oid in oids] == files
    assert not list((store.path / "tmp").iterdir())


def test_what_cannot_be_decoded_stays_with_all_that_it_needs(store: AudioStore) -> None:
    later = chunk_of(2)._replace(id=b"\x07" * 32)
    needs = b"\x01\x00" + chunk_of(1).id + b"of a later version"
    old = {
        publish(store, whole(1), file_of(1)),
        publish(
            store,
            NewRecord(Kind.CHUNK, later.id, 70, Flag.DEPENDS, bytes((3, 2, 1, 2)), later.length, needs),
            plain(Kind.MANIFEST, later.id, encode(Manifest((Region(None, (later,)),)))),
        ),
    }
    gone = publish(store, whole(5), file_of(5))
    oids = list(store.oids())
    with store.renewal() as renewal:
        for oid in oids:
            renewal.add(oid)
        renewal.prove()
        renewal.publish(oids)
    names = {path.stem for path in (store.path / "packs").iterdir()}
    assert old <= names
    assert gone not in names
    read(store, 1)
    read(store, 5)
