"""Predicted chunks in a store: bounded chains, no cycles whatever is lost and added again, no wrong bytes."""

import io
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects import reading
from beatflow.objects.batch import Stored
from beatflow.objects.coding import RunCoder
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef, Manifest, Region, encode
from beatflow.objects.pack import Codec, Entry, Flag, Kind
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.prediction import ONE, Prediction, Proposal, Source, Term
from beatflow.objects.predictioncodec import encode as predict_chunk
from beatflow.objects.reach import MAX_DEPTH, Reach
from beatflow.objects.samples import Integers, write_samples
from beatflow.objects.store import AudioStore
from beatflow.predicting.prediction import SoundAdvisor
from tests.objects import sounds
from tests.objects.damage import entries, flip
from tests.objects.test_care import plain, publish

LAYOUT = Layout(SampleFormat.S16LE, 2)
FRAMES = 300_000


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio", workers=2)


def song(seed: int, gain: float = 1.0) -> NDArray[np.int16]:
    return np.rint(sounds.music(FRAMES, seed=seed) * 25000 * gain).astype(np.int16)


def write(path: Path, samples: NDArray[np.int16]) -> Path:
    path.write_bytes(sounds.wav(samples.astype("<i2").tobytes()))
    return path


def add(store: AudioStore, path: Path, *beside: tuple[Stored, Path | None]) -> Stored:
    """Store a file that may be predicted from others."""
    with store.batch() as batch:
        found = [batch.source(stored.oid, place) for stored, place in beside]
        advisor = SoundAdvisor([source for source in found if source], [])
        stored = batch.add_path(path, None, advisor)
        batch.publish()
    return stored


def pack_of(store: AudioStore, chunk: bytes) -> Path:
    (found,) = (path for path in packs(store) if any(entry.id == chunk for entry in entries(path)))
    return found


def packs(store: AudioStore) -> list[Path]:
    return sorted((store.path / "packs").iterdir())


def chunks(store: AudioStore) -> Iterator[tuple[Path, Entry]]:
    for pack in packs(store):
        yield from ((pack, entry) for entry in entries(pack) if entry.kind == Kind.CHUNK)


def count_predicted(store: AudioStore) -> int:
    return sum(entry.codec == Codec.PREDICTION for _, entry in chunks(store))


# Chunks by hand ------------------------------------------------------------------------------------------


def frames_of(number: int) -> Integers:
    return np.full((50, 2), number, np.int32)


def chunk_of(number: int) -> ChunkRef:
    raw = write_samples(frames_of(number), LAYOUT)
    return ChunkRef(sha256(raw), len(raw))


def whole(number: int) -> NewRecord:
    return plain(Kind.CHUNK, chunk_of(number).id, write_samples(frames_of(number), LAYOUT))


def predicted(number: int, others: list[int], depth: int, flags: int = Flag.DEPENDS) -> NewRecord:
    """Return a chunk of one level predicted from chunks of others, with the depth that it claims."""
    sources = tuple(Source(LAYOUT, (chunk_of(other),), 0) for other in others)
    terms = (Term(0, 0, 0, 0, 0, ONE, 0), Term(0, 1, 0, 1, 0, ONE, 0))
    inputs = tuple((write_samples(frames_of(other), LAYOUT),) for other in others)
    proposal = Proposal(Prediction(sources, (50,), terms), inputs, Reach(depth, 2))
    found = predict_chunk(write_samples(frames_of(number), LAYOUT), LAYOUT, proposal)
    ref = chunk_of(number)
    return NewRecord(Kind.CHUNK, ref.id, Codec.PREDICTION, flags, found.parameters, ref.length, found.payload)


def file_of(number: int) -> NewRecord:
    """Return the manifest of a file that is one chunk."""
    return plain(Kind.MANIFEST, chunk_of(number).id, encode(Manifest((Region(None, (chunk_of(number),)),))))


def read(store: AudioStore, number: int) -> None:
    """Read a file of one chunk, in a store opened afresh: nothing is at hand."""
    found = AudioStore(store.path).read(chunk_of(number).id.hex())
    assert found == write_samples(frames_of(number), LAYOUT)


@pytest.mark.parametrize("length", [1, 8, 9])
def test_chains_end(store: AudioStore, length: int) -> None:
    records = [predicted(number, [number - 1], number) for number in range(1, length + 1)]
    publish(store, whole(0), *records, file_of(length))
    if length <= MAX_DEPTH:
        read(store, length)
    else:
        with pytest.raises(DamagedError, match="from itself"):
            read(store, length)
        assert list(store.check(data=True))


@pytest.mark.parametrize("depths", [(1, 1), (1, 2), (2, 1), (8, 8), (8, 7), (0, 0), (255, 255)])
def test_chunks_predicted_from_each_other(store: AudioStore, depths: tuple[int, int]) -> None:
    publish(store, predicted(1, [2], depths[0]), predicted(2, [1], depths[1]), file_of(1), file_of(2))
    for number in (1, 2):
        with pytest.raises(DamagedError):
            read(store, number)
    # An open store that adds one of them again is not led round in a circle either, and heals it.
    raw = write_samples(frames_of(1), LAYOUT)
    with store.batch() as batch:
        batch.add_stream(io.BytesIO(raw))
        batch.publish()
    read(store, 1)


def test_a_chunk_predicted_from_itself(store: AudioStore) -> None:
    publish(store, predicted(1, [1], 1), file_of(1))
    with pytest.raises(DamagedError):
        read(store, 1)


def test_copies_that_are_predicted_from_each_other(store: AudioStore) -> None:
    """Each of two chunks is plain in one pack and predicted from the other in the next one."""
    publish(store, whole(1), file_of(1))
    publish(store, predicted(2, [1], 1), file_of(2))
    publish(store, whole(2))
    publish(store, predicted(1, [2], 1))
    read(store, 1)
    read(store, 2)
    files = [chunk_of(number).id.hex() for number in (1, 2)]
    assert not list(store.check(data=True))
    store.collect(files)
    read(store, 1)
    read(store, 2)


def test_collection_keeps_what_the_copy_it_keeps_depends_on(store: AudioStore) -> None:
    publish(store, whole(1), file_of(1))
    publish(store, whole(2), file_of(2))
    publish(store, predicted(3, [1], 1), file_of(3))
    publish(store, predicted(3, [2], 1))
    store.collect([chunk_of(3).id.hex()])
    read(store, 3)


def test_a_chunk_that_takes_too_much_decoding(store: AudioStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_DECODED_CHUNKS", 40)
    leaves = list(range(10, 16))
    publish(store, *map(whole, leaves), predicted(1, leaves, 1), file_of(1))
    read(store, 1)
    many = [predicted(100 + number, leaves, 1) for number in range(16)]
    publish(store, *many, predicted(2, [100 + number for number in range(16)], 2), file_of(2))
    read(store, 2)  # what was decoded once is kept
    monkeypatch.setattr(reading, "MAX_DECODED_CHUNKS", 20)
    with pytest.raises(DamagedError, match="more than 20"):
        read(store, 2)


def test_flags(store: AudioStore) -> None:
    """High ones are ignored, unknown low ones refused by name; without "depends" it is damage."""
    publish(store, whole(0), predicted(1, [0], 1, Flag.DEPENDS | 0x4000), file_of(1))
    read(store, 1)
    publish(store, predicted(2, [0], 1, Flag.DEPENDS | 0x20), file_of(2))
    with pytest.raises(BeatFlowError, match="newer"):
        read(store, 2)
    publish(store, predicted(3, [0], 1, 0), file_of(3))
    with pytest.raises(DamagedError, match="depends on nothing"):
        read(store, 3)


def test_wrong_but_well_formed(store: AudioStore) -> None:
    """A record whose checksum is right and whose samples are not gives no bytes."""
    record = predicted(1, [2], 1)
    publish(store, whole(2), record._replace(payload=change_weight(record.payload)), file_of(1))
    with pytest.raises(DamagedError, match="SHA-256"):
        read(store, 1)


def change_weight(payload: bytes) -> bytes:
    changed = bytearray(payload)
    at = payload.index(struct.pack("<i", ONE))
    changed[at] ^= 0x80
    changed[at + 2] ^= 0x80
    return bytes(changed)


# Lost and added again ------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["deleted", "flipped", "quarantined"])
def test_added_again_beside_what_was_predicted_from_it(
    store: AudioStore, tmp_path: Path, damage: str
) -> None:
    """A is stored, B predicted from A, A is lost and added again with B beside it: no circle comes of it."""
    first, second = write(tmp_path / "a.wav", song(1)), write(tmp_path / "b.wav", song(1, 0.7))
    a = add(store, first)
    (original,) = packs(store)
    b = add(store, second, (a, first))
    assert count_predicted(store)
    if damage == "deleted":
        original.unlink()
    else:
        for entry in entries(original):
            if entry.kind == Kind.CHUNK:
                flip(original, entry.offset + 100)
    if damage == "quarantined":
        store.quarantine(original.stem)
    fresh = AudioStore(store.path, workers=2)
    for oid in (a.oid, b.oid):
        if damage == "deleted" and oid == a.oid:
            continue  # its manifest is gone too
        with pytest.raises(DamagedError):
            fresh.read(oid)
    again = add(fresh, first, (b, second))
    assert again.oid == a.oid
    fresh = AudioStore(store.path)
    assert fresh.read(a.oid) == first.read_bytes()
    assert fresh.read(b.oid) == second.read_bytes()
    fresh.collect([a.oid, b.oid])
    fresh = AudioStore(store.path)
    assert fresh.read(a.oid) == first.read_bytes()
    assert fresh.read(b.oid) == second.read_bytes()


@pytest.mark.parametrize("damage", ["deleted", "flipped"])
def test_adding_again_heals_what_is_without_its_source(
    store: AudioStore, tmp_path: Path, damage: str
) -> None:
    """B's own records are sound; without A they are of no use, and are written again, alone."""
    first, second = write(tmp_path / "a.wav", song(1)), write(tmp_path / "b.wav", song(1, 0.7))
    a = add(store, first)
    (original,) = packs(store)
    b = add(store, second, (a, first))
    if damage == "deleted":
        original.unlink()
    else:
        flip(original, entries(original)[1].offset + 100)
    fresh = AudioStore(store.path, workers=2)
    with pytest.raises(DamagedError):
        fresh.read(b.oid)
    add(fresh, second, (a, first))
    assert AudioStore(store.path).read(b.oid) == second.read_bytes()
    # And then A, beside a B of which both a predicted and a plain copy is there; whatever collection keeps holds.
    add(AudioStore(store.path, workers=2), first, (b, second))
    for _ in range(2):
        fresh = AudioStore(store.path)
        assert fresh.read(a.oid) == first.read_bytes()
        assert fresh.read(b.oid) == second.read_bytes()
        fresh.collect([a.oid, b.oid])


def test_nothing_is_predicted_from_a_damaged_record(store: AudioStore, tmp_path: Path) -> None:
    """The file beside is sound and at hand; what the store has of it is not."""
    first, second = write(tmp_path / "a.wav", song(1)), write(tmp_path / "b.wav", song(1, 0.7))
    a = add(store, first)
    (original,) = packs(store)
    for entry in entries(original):
        flip(original, entry.offset + 100)
    b = add(AudioStore(store.path, workers=2), second, (a, first))
    assert AudioStore(store.path).read(b.oid) == second.read_bytes()


def test_a_source_that_changes_after_it_was_stored(store: AudioStore, tmp_path: Path) -> None:
    """What lies there now is believed only where it is still what was stored."""
    first, second = write(tmp_path / "a.wav", song(1)), write(tmp_path / "b.wav", song(1, 0.7))
    with store.batch() as batch:
        a = batch.add_path(first)
        source = batch.source(a.oid, first)
        assert source
        write(first, song(2))
        b = batch.add_path(second, None, SoundAdvisor([source], []))
        first.unlink()
        source = batch.source(a.oid, first)
        assert source
        third = write(tmp_path / "c.wav", song(1, 0.5))
        c = batch.add_path(third, None, SoundAdvisor([source], []))
        batch.publish()
    assert not count_predicted(store)
    for stored, path in ((b, second), (c, third)):
        assert AudioStore(store.path).read(stored.oid) == path.read_bytes()


def test_a_file_that_is_rolled_back_is_no_source(store: AudioStore, tmp_path: Path) -> None:
    """Chunks that a failing file had written are gone from the batch, and so is what was known of them."""
    first, second = write(tmp_path / "a.wav", song(1)), write(tmp_path / "b.wav", song(1, 0.7))
    base = add(store, first)

    seen = 0

    def fail(count: int) -> None:
        nonlocal seen
        seen += count
        if seen > 1_000_000:
            raise InterruptedError

    with store.batch() as batch:
        source = batch.source(base.oid)
        assert source
        with pytest.raises(InterruptedError):
            batch.add_path(second, fail, SoundAdvisor([source], []))
        b = batch.add_path(second, None, SoundAdvisor([source], []))
        third = write(tmp_path / "c.wav", song(1, 0.5))
        its = batch.source(b.oid, second)
        assert its
        c = batch.add_path(third, None, SoundAdvisor([its], []))
        batch.publish()
    fresh = AudioStore(store.path)
    assert fresh.read(b.oid) == second.read_bytes()
    assert fresh.read(c.oid) == third.read_bytes()
    assert count_predicted(store)


def test_predictions_outlive_collection_quarantine_and_fork(store: AudioStore, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.wav", song(1, 1 - number / 10)) for number in range(4)]
    found: list[Stored] = []
    for path in paths:
        found.append(add(store, path, *((found[-1], None),) if found else ()))
    stranger = add(store, write(tmp_path / "other.wav", song(5)))
    assert count_predicted(store) > 6
    fork = AudioStore.create(tmp_path / "fork")
    store.clone_packs(fork)
    assert [fork.read(stored.oid) for stored in found] == [path.read_bytes() for path in paths]
    # Only the last one is wanted: it stands on the three before it, whose manifests go.
    store.collect([found[-1].oid])
    assert list(store.oids()) == [found[-1].oid]
    fresh = AudioStore(store.path)
    assert fresh.read(found[-1].oid) == paths[-1].read_bytes()
    assert stranger.oid not in fresh
    kept = {entry.id for _, entry in chunks(store)}
    first = fork.manifest(found[0].oid)
    assert {ref.id for ref in first.regions[1].chunks} <= kept
    assert not kept & {ref.id for ref in fork.manifest(stranger.oid).regions[1].chunks}
    (pack,) = packs(store)
    manifest = next(entry for entry in entries(pack) if entry.kind == Kind.MANIFEST)
    flip(pack, manifest.offset + 100)
    store.quarantine(pack.stem)
    assert {entry.id for _, entry in chunks(store)} == kept


def test_many_threads_read_one_chain(store: AudioStore, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.wav", song(1, 1 - number / 10)) for number in range(5)]
    found: list[Stored] = []
    for path in paths:
        found.append(add(store, path, *((found[-1], None),) if found else ()))
    fresh = AudioStore(store.path, workers=4)
    wrong: list[str] = []

    def work(order: int) -> None:
        for number in range(order, order + len(found)):
            stored, path = found[number % len(found)], paths[number % len(found)]
            if fresh.read(stored.oid) != path.read_bytes():
                wrong.append(stored.oid)

    threads = [threading.Thread(target=work, args=(order,)) for order in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# One run -------------------------------------------------------------------------------------------------


class Stubborn:
    """A guide that proposes the same, right or wrong."""

    def __init__(self, proposal: Proposal | None) -> None:
        self.proposal = proposal
        self.passed: list[int] = []
        self.settled: list[bool] = []

    def pass_over(self, frame: int, ref: ChunkRef) -> None:
        self.passed.append(frame)

    def propose(self, frame: int, raw: bytes) -> Proposal | None:
        return self.proposal

    def settle(self, won: bool) -> None:
        self.settled.append(won)


def propose(values: NDArray[np.int16], terms: tuple[Term, ...]) -> Proposal:
    raw = values.astype("<i2").tobytes()
    source = Source(LAYOUT, (ChunkRef(sha256(raw), len(raw)),), 0)
    return Proposal(Prediction((source,), (len(values),), terms), ((raw,),), Reach(1, 2))


BOTH = (Term(0, 0, 0, 0, 0, ONE, 0), Term(0, 1, 0, 1, 0, ONE, 0))


def code(guide: Stubborn, values: NDArray[np.int16], plainly: bool = False) -> NewRecord:
    raw = values.astype("<i2").tobytes()
    coder = RunCoder(LAYOUT, guide)
    return coder.code(0, ChunkRef(sha256(raw), len(raw)), raw, [], plainly)


def test_the_smaller_one_is_taken() -> None:
    values = song(1)[:20_000]
    right, wrong = Stubborn(propose(values, BOTH)), Stubborn(propose(song(7)[:20_000], BOTH))
    assert code(right, values).codec == Codec.PREDICTION
    assert code(wrong, values).codec == Codec.FLAC
    assert (right.settled, wrong.settled) == ([True], [False])


def test_what_must_stand_alone_asks_nobody() -> None:
    values = song(1)[:20_000]
    guide = Stubborn(propose(values, BOTH))
    assert code(guide, values, plainly=True).codec == Codec.FLAC
    assert not guide.settled


def test_a_proposal_that_cannot_be_decoded_is_not_taken() -> None:
    values = song(1)[:20_000]
    too_large = (Term(0, 0, 0, 0, 0, 1 << 30, 0), *BOTH[1:])
    out_of_order = BOTH[::-1]
    for terms in (too_large, out_of_order):
        assert code(Stubborn(propose(values, terms)), values).codec == Codec.FLAC


def test_passed_chunks_are_told_in_order() -> None:
    values = song(1)[:20_000]
    raw = values.astype("<i2").tobytes()
    ref = ChunkRef(sha256(raw), len(raw))
    guide = Stubborn(None)
    passed = [(0, ref), (20_000, ref)]
    RunCoder(LAYOUT, guide).code(40_000, ref, raw, passed)
    assert guide.passed == [0, 20_000]
    assert not passed
