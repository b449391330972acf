"""Sounds between stores: only what is missing, whole and proved, whatever lies in between."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError
from beatflow.objects.exchange import receiving, sending, tail
from beatflow.objects.exchange.shelf import FolderShelf
from beatflow.objects.exchange.wholeness import Wholeness, find_damaged
from beatflow.objects.ids import sha256
from beatflow.objects.manifest import ChunkRef, Manifest, Region, encode
from beatflow.objects.pack import Codec, Flag, Kind
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.pointer import Pointer
from beatflow.objects.reach import MAX_DEPTH
from beatflow.objects.store import AudioStore
from tests.objects.damage import entries, flip
from tests.objects.exchange.shelves import CountingShelf, pointers, read_catalogue, receive, send
from tests.objects.test_care import plain, publish
from tests.objects.test_coding import (
    add,
    chunk_of,
    count_predicted,
    file_of,
    packs,
    predicted,
    read,
    song,
    whole,
    write,
)


@pytest.fixture
def here(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "here", workers=2)


@pytest.fixture
def there(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "there", workers=2)


@pytest.fixture
def shelf(tmp_path: Path) -> CountingShelf:
    return CountingShelf(tmp_path / "shelf")


def versions(store: AudioStore, folder: Path) -> list[Pointer]:
    """A song, the song with one second replaced, and the song at another level."""
    first = song(1)
    second = first.copy()
    second[100_000:144_100] = song(2)[:44_100]
    stored = [add(store, write(folder / "1.wav", first))]
    stored.append(add(store, write(folder / "2.wav", second), (stored[0], None)))
    stored.append(add(store, write(folder / "3.wav", song(1, 0.7)), (stored[0], None)))
    assert count_predicted(store)
    return [Pointer(each.oid, each.size) for each in stored]


def same(store: AudioStore, other: AudioStore, sounds: list[Pointer]) -> bool:
    fresh = AudioStore(other.path)
    return all(fresh.read(sound.oid) == store.read(sound.oid) for sound in sounds)


# The way there and back ----------------------------------------------------------------------------------


def test_only_what_is_missing_travels(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    first = send(here, shelf, sounds[:1])
    second = send(here, shelf, sounds[:2])
    third = send(here, shelf, sounds)
    assert (first.sounds, second.sounds, third.sounds) == (1, 1, 1)
    # The chunks around one second of seven; and what another level leaves.
    assert second.bytes < 0.75 * first.bytes
    assert third.bytes < 0.5 * first.bytes
    assert send(here, shelf, sounds).bytes == 0

    assert receive(there, shelf, sounds[:1]).bytes == pytest.approx(first.bytes, rel=0.03)
    assert receive(there, shelf, sounds[:2]).bytes == pytest.approx(second.bytes, rel=0.03)
    assert receive(there, shelf, sounds).bytes == pytest.approx(third.bytes, rel=0.03)
    assert receive(there, shelf, sounds).sounds == 0
    assert same(here, there, sounds)
    assert list(AudioStore(there.path).check(data=True)) == []


def test_a_plan_reads_the_ends_of_new_packs_once(
    here: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    shelf.reads.clear()
    cache = tmp_path / "cache"
    assert Wholeness(read_catalogue(shelf, cache)).find_missing(sounds) == set()
    assert len(shelf.reads) == 1
    assert Wholeness(read_catalogue(shelf, cache)).find_missing(sounds) == set()
    assert len(shelf.reads) == 1
    (copy,) = cache.iterdir()
    flip(copy, 100)
    assert Wholeness(read_catalogue(shelf, cache)).find_missing(sounds) == set()
    assert len(shelf.reads) == 2
    shutil.rmtree(shelf.folder)
    shelf.folder.mkdir()
    assert len(Wholeness(read_catalogue(shelf, cache)).find_missing(sounds)) == 3
    assert not list(cache.iterdir())


def test_a_store_is_a_shelf(here: AudioStore, there: AudioStore, tmp_path: Path) -> None:
    """Packs as they are in a track have no links and their manifests in between."""
    sounds = versions(here, tmp_path)
    receive(there, FolderShelf(here.path / "packs", "here"), sounds[2:])
    assert same(here, there, sounds[2:])
    assert there.find_absent(sounds) == sounds[:2]


def test_what_a_chunk_is_predicted_from_goes_with_it(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds[2:])
    assert Wholeness(read_catalogue(shelf)).find_missing(sounds) == {sounds[0].oid, sounds[1].oid}
    receive(there, shelf, sounds[2:])
    assert same(here, there, sounds[2:])


def test_files_of_nothing_and_of_bytes(here: AudioStore, there: AudioStore, shelf: CountingShelf) -> None:
    with here.batch() as batch:
        import io

        for data in (b"", b"abc", np.random.default_rng(1).bytes(300_000)):
            batch.add_stream(io.BytesIO(data))
        batch.publish()
    sounds = pointers(here)
    send(here, shelf)
    receive(there, shelf, sounds)
    assert same(here, there, sounds)


# Groups, interruptions -----------------------------------------------------------------------------------


def test_many_packs_and_groups(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PARCEL_BYTES", 100_000)
    monkeypatch.setattr(receiving, "GROUP_BYTES", 150_000)
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    assert len(list(shelf.folder.iterdir())) > 5
    receive(there, shelf, sounds)
    assert len(packs(there)) > 3
    assert same(here, there, sounds)


def test_a_broken_send_goes_on_where_it_stopped(
    here: AudioStore, shelf: CountingShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PARCEL_BYTES", 100_000)
    sounds = versions(here, tmp_path)
    plan = here.plan_sending(read_catalogue(shelf), sounds)
    handed: list[str] = []

    def put(name: str, path: Path, progress: object) -> None:
        if len(handed) > 3:
            raise BeatFlowError("the line is down")
        handed.append(name)
        shutil.copyfile(path, shelf.folder / f"{name}.pack")

    with pytest.raises(BeatFlowError, match="line is down"):
        plan.run(here.path / "tmp", put)
    assert not list((here.path / "tmp").iterdir())
    # No file is there before all of it is.
    assert Wholeness(read_catalogue(shelf)).find_missing(sounds) == {sound.oid for sound in sounds}
    assert not any(entry.kind == Kind.MANIFEST for pack in shelf.folder.iterdir() for entry in entries(pack))
    there = shelf.size
    rest = send(here, shelf, sounds)
    assert rest.bytes < plan.bytes - there + 2000
    assert Wholeness(read_catalogue(shelf)).find_missing(sounds) == set()


@pytest.mark.parametrize("error", [BeatFlowError("the line is down"), KeyboardInterrupt()])
def test_what_has_come_need_not_come_again(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, error: BaseException
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    plan = there.plan_receiving(read_catalogue(shelf), sounds)
    shelf.spoil = None
    reads = 0

    def progress(count: int) -> None:
        nonlocal reads
        reads += count
        if reads > plan.bytes // 2:
            raise error

    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr("beatflow.objects.exchange.span.SPAN_BYTES", 1)
        patch.setattr("beatflow.objects.exchange.span.join.__defaults__", (50_000,))
        plan = there.plan_receiving(read_catalogue(shelf), sounds)
        with pytest.raises(type(error)):
            plan.run(there.path / "tmp", nullcontext, progress)
    assert there.find_absent(sounds) == sounds
    rest = receive(there, shelf, sounds)
    assert rest.bytes < 0.7 * plan.bytes
    assert same(here, there, sounds)


def test_a_store_that_is_collected_meanwhile(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    receive(there, shelf, sounds[:1])
    plan = there.plan_receiving(read_catalogue(shelf), sounds[1:])
    AudioStore(there.path).collect([])
    with pytest.raises(ConflictError, match="cleaned up"):
        plan.run(there.path / "tmp", nullcontext)
    receive(there, shelf, sounds)
    assert same(here, there, sounds)


# Reaches -------------------------------------------------------------------------------------------------


def deepen(store: AudioStore, first: int, depth: int) -> None:
    """Store chunks that stand on each other, up to the given depth, and their files."""
    records = [whole(first), file_of(first)]
    for level in range(1, depth + 1):
        records += [predicted(first + level, [first + level - 1], level), file_of(first + level)]
    publish(store, *records)


@pytest.mark.parametrize("depth", [1, 3, MAX_DEPTH])
def test_a_source_that_is_predicted_otherwise_where_it_comes_to(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, depth: int
) -> None:
    """What is predicted from a chunk is as deep as that chunk is here, or stands alone where that is too deep."""
    deepen(there, 20 - depth, depth)
    publish(here, whole(20), predicted(21, [20], 1), predicted(22, [21], 2), *map(file_of, (20, 21, 22)))
    send(here, shelf)
    sounds = pointers(here)
    receive(there, shelf, sounds)
    for number in (20, 21, 22):
        read(there, number)
    assert list(AudioStore(there.path).check(data=True)) == []


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_a_source_that_is_predicted_otherwise_on_the_shelf(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, depth: int
) -> None:
    deepen(there, 20 - depth, depth)
    send(there, shelf)
    publish(here, whole(20), predicted(21, [20], 1), predicted(22, [21], 2), *map(file_of, (20, 21, 22)))
    assert send(here, shelf).sounds == 2
    # The shelf's packs are a store by themselves.
    copy = AudioStore.create(tmp_path / "copy")
    for pack in shelf.folder.iterdir():
        shutil.copyfile(pack, copy.path / "packs" / pack.name)
    for number in (20, 21, 22):
        read(copy, number)
    assert list(AudioStore(copy.path).check(data=True)) == []
    receive(here, shelf, pointers(copy))
    assert list(AudioStore(here.path).check(data=True)) == []


def test_copies_that_lead_round_in_a_circle(here: AudioStore, shelf: CountingShelf) -> None:
    publish(here, whole(1), predicted(2, [1], 1), file_of(1), file_of(2))
    publish(here, whole(2), predicted(1, [2], 1))
    send(here, shelf)
    assert Wholeness(read_catalogue(shelf)).find_missing(pointers(here)) == set()


# What is wrong -------------------------------------------------------------------------------------------


def test_what_neither_has(here: AudioStore, there: AudioStore, shelf: CountingShelf) -> None:
    lost = Pointer("0" * 64, 5)
    with pytest.raises(NotFoundError, match="the shelf does not have sound 0000"):
        receive(there, shelf, [lost])
    with pytest.raises(NotFoundError, match="neither here nor at the shelf"):
        here.plan_sending(read_catalogue(shelf), [lost])


def test_a_lying_size(here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    liar = Pointer(sounds[0].oid, 10)
    with pytest.raises(DamagedError, match=r"history says that sound .* has 10 bytes"):
        receive(there, shelf, [liar])
    assert not packs(there)


def test_a_line_that_spoils_now_and_then(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    times = 0

    def spoil(name: str, start: int, data: bytes) -> bytes:
        nonlocal times
        times += 1
        return data if times % 2 else bytes([data[0] ^ 1]) + data[1:-9] + bytes([data[-9] ^ 4]) + data[-8:]

    shelf.spoil = spoil
    receive(there, shelf, sounds)
    assert same(here, there, sounds)


def test_any_flipped_bit_on_the_shelf(here: AudioStore, tmp_path: Path, shelf: CountingShelf) -> None:
    """Right bytes come of it, or an error; and what was sound in between may stay."""
    publish(here, whole(1), predicted(2, [1], 1), predicted(3, [2], 2), *map(file_of, (1, 2, 3)))
    sounds = pointers(here)
    send(here, shelf)
    (pack,) = shelf.folder.iterdir()
    good = pack.read_bytes()
    refused = 0
    there = AudioStore.create(tmp_path / "there", workers=2)
    for at in range(0, len(good), 11):
        pack.write_bytes(good)
        flip(pack, at)
        try:
            receive(there, shelf, sounds)
        except BeatFlowError:
            refused += 1
        else:
            assert same(here, there, sounds)
        if packs(there):
            assert list(AudioStore(there.path).check(data=True)) == []
            there = AudioStore.create(tmp_path / f"there{at}", workers=2)
    assert refused > 50


def test_a_second_copy_on_the_shelf_helps(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    (pack,) = shelf.folder.iterdir()
    publish(here, whole(1), whole(4), file_of(4))
    shutil.copyfile(max(packs(here), key=lambda path: path.stat().st_size), shelf.folder / f"{'f' * 64}.pack")
    flip(pack, 100)
    receive(there, shelf, pointers(here))
    read(there, 1)


def test_a_damaged_pack_counts_as_not_there(
    here: AudioStore, there: AudioStore, shelf: CountingShelf
) -> None:
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    (pack,) = shelf.folder.iterdir()
    flip(pack, -10)
    assert list(read_catalogue(shelf).damaged) == [pack.stem]
    assert Wholeness(read_catalogue(shelf)).find_missing(pointers(here))
    pack.write_bytes(b"short")
    assert list(read_catalogue(shelf).damaged) == [pack.stem]
    with pytest.raises(NotFoundError, match="1 damaged packs"):
        receive(there, shelf, pointers(here))
    before = list(shelf.folder.iterdir())
    plan = here.plan_sending(read_catalogue(shelf), pointers(here))
    plan.run(here.path / "tmp", shelf.put)
    assert list(shelf.folder.iterdir()) == before
    assert not read_catalogue(shelf).damaged


@pytest.mark.parametrize("at", [-10, -60, -100])
def test_a_pack_with_a_damaged_end_is_read_by_its_records(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, at: int
) -> None:
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    (pack,) = shelf.folder.iterdir()
    flip(pack, at)
    catalogue = read_catalogue(shelf)
    plan = there.plan_receiving(catalogue, sounds)
    assert plan.run(there.path / "tmp", nullcontext) == plan.bytes
    assert same(here, there, sounds)
    catalogue.refresh()
    assert Wholeness(catalogue).find_missing(sounds) == {sound.oid for sound in sounds}


def test_a_pack_that_is_cut_short_gives_what_is_left(
    here: AudioStore, there: AudioStore, shelf: CountingShelf
) -> None:
    publish(here, whole(1), file_of(1), whole(2), file_of(2))
    (pack,) = packs(here)
    last = max(entries(pack), key=lambda entry: entry.offset)
    (shelf.folder / pack.name).write_bytes(pack.read_bytes()[: last.end - 1])
    receive(there, shelf, pointers(here, chunk_of(1).id.hex()))
    read(there, 1)
    with pytest.raises(NotFoundError, match="1 damaged packs"):
        receive(there, shelf, pointers(here, chunk_of(2).id.hex()))


def test_the_end_of_a_pack_that_came_spoilt_is_asked_for_again(
    here: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    """Its directory is in order, and the manifest before that is not."""
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    (pack,) = shelf.folder.iterdir()
    at = next(entry.offset for entry in entries(pack) if entry.kind == Kind.MANIFEST) + 70
    times = 0

    def spoil(name: str, start: int, data: bytes) -> bytes:
        nonlocal times
        times += 1
        return data if times > most else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    shelf.spoil, most = spoil, 1
    cache = tmp_path / "cache"
    assert not Wholeness(read_catalogue(shelf, cache)).find_missing(pointers(here))
    assert list(cache.iterdir())
    shutil.rmtree(cache)
    times, most = 0, 9
    assert Wholeness(read_catalogue(shelf, cache)).find_missing(pointers(here))
    # What is damaged there is not remembered: it may be put right.
    assert not cache.exists()


def test_a_pack_of_a_later_version(here: AudioStore, shelf: CountingShelf) -> None:
    import struct
    import zlib

    publish(here, whole(1), file_of(1))
    send(here, shelf)
    (pack,) = shelf.folder.iterdir()
    head = pack.read_bytes()[:8] + struct.pack("<HH", 2, 0)
    pack.write_bytes(head + struct.pack("<I", zlib.crc32(head)) + bytes(500))
    with pytest.raises(BeatFlowError, match="newer than this BeatFlow"):
        read_catalogue(shelf)


def put_pack(shelf: CountingShelf, *records: NewRecord) -> None:
    writer = PackWriter(shelf.folder / "x")
    for record in records:
        writer.add(record)
    name = writer.finish()
    writer.path.rename(shelf.folder / f"{name}.pack")


def refuse(store: AudioStore, shelf: CountingShelf, sounds: Pointer | list[Pointer], match: str) -> None:
    with pytest.raises(BeatFlowError, match=match):
        receive(store, shelf, sounds if isinstance(sounds, list) else [sounds])
    assert not packs(store)


def test_a_chunk_under_a_name_that_is_not_its_own(there: AudioStore, shelf: CountingShelf) -> None:
    data = b"poison" * 20
    stranger = plain(Kind.CHUNK, chunk_of(1).id, data)
    manifest = encode(Manifest((Region(None, (ChunkRef(chunk_of(1).id, len(data)),)),)))
    put_pack(shelf, stranger, plain(Kind.MANIFEST, sha256(data), manifest))
    refuse(there, shelf, Pointer(sha256(data).hex(), len(data)), "SHA-256")


def test_a_file_that_its_chunks_do_not_make(there: AudioStore, shelf: CountingShelf) -> None:
    manifest = encode(Manifest((Region(None, (chunk_of(1), chunk_of(2))),)))
    put_pack(shelf, whole(1), whole(2), plain(Kind.MANIFEST, b"\x07" * 32, manifest))
    refuse(there, shelf, Pointer((b"\x07" * 32).hex(), 400), "do not make the whole")


def test_versions_that_begin_alike_are_each_proved(there: AudioStore, shelf: CountingShelf) -> None:
    """What they begin with is hashed once for all of them, and each end for itself."""
    raw = {number: bytes([number]) * 100 for number in range(1, 60)}

    def version(*numbers: int, oid: str = "") -> tuple[Pointer, NewRecord]:
        data = b"".join(raw[number] for number in numbers)
        id = bytes.fromhex(oid) if oid else sha256(data)
        refs = tuple(ChunkRef(sha256(raw[number]), 100) for number in numbers)
        manifest = encode(Manifest((Region(None, refs),)))
        return Pointer(id.hex(), len(data)), plain(Kind.MANIFEST, id, manifest)

    true = [version(1, 2, *range(3, last)) for last in range(3, 50)]
    true += [version(1, last, 2) for last in range(50, 59)]
    lie = version(1, 2, 59, oid="07" * 32)
    chunks = [plain(Kind.CHUNK, sha256(data), data) for data in raw.values()]
    put_pack(shelf, *chunks, *(record for _, record in [*true, lie]))
    sounds = [pointer for pointer, _ in true]
    refuse(there, shelf, [*sounds, lie[0]], "do not make the whole")
    receive(there, shelf, sounds)
    assert list(AudioStore(there.path).check(data=True)) == []


def test_chunks_of_another_length_or_none(there: AudioStore, shelf: CountingShelf) -> None:
    ref = chunk_of(1)
    lie = encode(Manifest((Region(None, (ChunkRef(ref.id, ref.length + 4),)),)))
    gone = encode(Manifest((Region(None, (chunk_of(9),)),)))
    put_pack(
        shelf,
        whole(1),
        plain(Kind.MANIFEST, b"\x07" * 32, lie),
        plain(Kind.MANIFEST, b"\x08" * 32, gone),
        plain(Kind.MANIFEST, b"\x09" * 32, lie[:-1]),
    )
    refuse(there, shelf, Pointer("07" * 32, ref.length + 4), "that has 200")
    refuse(there, shelf, Pointer("08" * 32, 200), "lacks a part of a sound")
    refuse(there, shelf, Pointer("09" * 32, 200), "does not have sound 0909")


def test_predictions_that_lead_round_in_a_circle(there: AudioStore, shelf: CountingShelf) -> None:
    put_pack(shelf, predicted(1, [2], 1), predicted(2, [1], 1), file_of(1), file_of(2))
    refuse(there, shelf, Pointer(chunk_of(1).id.hex(), 200), "missing|itself")
    assert Wholeness(read_catalogue(shelf)).find_missing([Pointer(chunk_of(1).id.hex(), 200)])


def test_codecs_and_flags_that_are_not_known(there: AudioStore, shelf: CountingShelf) -> None:
    new = whole(1)._replace(codec=40)
    put_pack(shelf, new, file_of(1))
    refuse(there, shelf, Pointer(chunk_of(1).id.hex(), 200), "newer than this BeatFlow")
    for pack in shelf.folder.iterdir():
        pack.unlink()
    put_pack(shelf, whole(1)._replace(flags=Flag.DEPENDS), file_of(1))
    refuse(there, shelf, Pointer(chunk_of(1).id.hex(), 200), "lacks a part")


def test_bombs(there: AudioStore, shelf: CountingShelf) -> None:
    """What says that it decodes to much, and what decodes to more than it says."""
    import zstandard

    bomb = zstandard.ZstdCompressor(write_content_size=True).compress(bytes(64 * 1024 * 1024))
    ref = ChunkRef(sha256(b"x"), 200)
    small = NewRecord(Kind.CHUNK, ref.id, Codec.ZSTD, 0, bytes(4), 200, bomb)
    put_pack(shelf, small, plain(Kind.MANIFEST, ref.id, encode(Manifest((Region(None, (ref,)),)))))
    refuse(there, shelf, Pointer(ref.id.hex(), 200), "another size")
    for pack in shelf.folder.iterdir():
        pack.unlink()
    put_pack(
        shelf,
        small._replace(raw_length=1 << 30),
        plain(Kind.MANIFEST, ref.id, encode(Manifest((Region(None, (ref,)),)))),
    )
    refuse(there, shelf, Pointer(ref.id.hex(), 200), "a chunk of 1073741824 bytes")


def test_a_directory_of_records_that_are_not_there(shelf: CountingShelf, here: AudioStore) -> None:
    """Its checksums are right, since whoever made it could make them."""
    publish(here, whole(1), whole(2), file_of(1))
    (pack,) = packs(here)
    data = pack.read_bytes()
    from beatflow.objects.pack import make_directory, read_directory, read_trailer

    with pack.open("rb") as file:
        trailer = read_trailer(file, len(data))
        directory = read_directory(file, trailer)
    import struct
    import zlib

    for change in ({"offset": 17}, {"stored_length": 1 << 31}):
        listed = [entry._replace(**change) if entry.kind == Kind.MANIFEST else entry for entry in directory]
        raw = bytes(make_directory(listed).raw)
        fields = struct.pack("<QQIII", trailer.start, len(data), len(listed), zlib.crc32(raw), 0)
        end = fields + struct.pack("<I", zlib.crc32(fields)) + b"BFPend\r\n"
        (shelf.folder / f"{'a' * 64}.pack").write_bytes(data[: trailer.start] + raw + end)
        assert list(read_catalogue(shelf).damaged) == ["a" * 64]


def test_a_directory_that_would_fill_the_memory(
    here: AudioStore, shelf: CountingShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    monkeypatch.setattr(tail, "_MOST_DIRECTORY_BYTES", 100)
    assert list(read_catalogue(shelf).damaged)


def test_a_manifest_here_whose_chunks_are_lost(
    here: AudioStore, there: AudioStore, shelf: CountingShelf
) -> None:
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    publish(there, file_of(1))
    assert there.find_absent(pointers(here)) == pointers(here)
    receive(there, shelf, pointers(here))
    read(there, 1)


def test_a_damaged_store_sends_nothing(here: AudioStore, shelf: CountingShelf) -> None:
    publish(here, whole(1), predicted(2, [1], 1), file_of(1), file_of(2))
    (pack,) = packs(here)
    flip(pack, 90)
    with pytest.raises(DamagedError):
        send(here, shelf)
    assert not list(shelf.folder.iterdir())


def test_the_tables_of_packs_without_links(here: AudioStore, shelf: CountingShelf, tmp_path: Path) -> None:
    many = [whole(number) for number in range(1, 40)]
    publish(here, *many, predicted(50, list(range(1, 15)), 1), predicted(51, [50], 2), file_of(51))
    for pack in packs(here):
        shutil.copyfile(pack, shelf.folder / pack.name)
    catalogue = read_catalogue(shelf)
    spot = catalogue.find(Kind.CHUNK, chunk_of(50).id)
    assert spot
    link = catalogue.link(spot)
    assert link.sources == tuple(chunk_of(number).id for number in range(1, 15))
    assert link.reach.depth == 1


def test_ends_of_packs_that_are_longer_than_one_read(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_FIRST_BYTES", 100)
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    shelf.reads.clear()
    assert Wholeness(read_catalogue(shelf)).find_missing(sounds) == set()
    # The trailer, the directory before it, the manifests and links before that.
    assert len(shelf.reads) == 3
    receive(there, shelf, sounds)
    assert same(here, there, sounds)


def test_the_first_groups_are_small(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a fetch that is killed again and again comes to an end all the same."""
    monkeypatch.setattr(receiving, "_FIRST_BYTES", 50_000)
    sounds = versions(here, tmp_path)
    send(here, shelf, sounds)
    tries = 0
    while there.find_absent(sounds):
        published = len(packs(there))
        plan = there.plan_receiving(read_catalogue(shelf), sounds)

        def die_soon(count: int, published: int = published) -> None:
            if len(packs(there)) > published:
                raise SystemExit

        try:
            plan.run(there.path / "tmp", nullcontext, die_soon)
        except SystemExit:
            tries += 1
        assert len(packs(there)) > published
    assert tries > 1
    assert same(here, there, sounds)


def test_a_pack_that_is_collected_while_it_is_read(
    here: AudioStore, there: AudioStore, tmp_path: Path
) -> None:
    sounds = versions(here, tmp_path)
    plan = there.plan_receiving(read_catalogue(FolderShelf(here.path / "packs", "here")), sounds)
    here.collect([sound.oid for sound in sounds])
    with pytest.raises(ConflictError, match="cleaned up"):
        plan.run(there.path / "tmp", nullcontext)


def test_a_manifest_here_that_is_damaged(here: AudioStore, there: AudioStore, shelf: CountingShelf) -> None:
    publish(here, whole(1), file_of(1))
    send(here, shelf)
    sounds = pointers(here)
    publish(there, whole(1), file_of(1))
    (pack,) = packs(there)
    flip(pack, entries(pack)[1].offset + 70)
    assert there.find_absent(sounds) == sounds
    receive(there, shelf, sounds)
    read(there, 1)


def test_a_prediction_that_makes_another_chunk(there: AudioStore, shelf: CountingShelf) -> None:
    """Too deep for where it comes to, so that it has to be coded again, and then proves to be a lie."""
    deepen(there, 20 - MAX_DEPTH, MAX_DEPTH)
    lie = predicted(21, [20], 1)._replace(id=chunk_of(22).id)
    put_pack(shelf, whole(20), lie, file_of(22))
    before = packs(there)
    with pytest.raises(DamagedError, match="SHA-256"):
        receive(there, shelf, [Pointer(chunk_of(22).id.hex(), 200)])
    assert packs(there) == before


def test_much_that_is_not_wanted_stays_where_it_is(
    here: AudioStore, there: AudioStore, shelf: CountingShelf, tmp_path: Path
) -> None:
    """Of a pack with several songs only what one needs is read."""
    sounds = [add(here, write(tmp_path / f"{seed}.wav", song(seed))) for seed in (1, 2, 3)]
    wanted = [Pointer(each.oid, each.size) for each in sounds]
    send(here, shelf, wanted)
    assert len(list(shelf.folder.iterdir())) == 1
    plan = receive(there, shelf, wanted[1:2])
    assert plan.bytes < 0.4 * shelf.size


def test_what_has_rotted_is_found_by_reading(here: AudioStore, shelf: CountingShelf, tmp_path: Path) -> None:
    publish(here, whole(1), predicted(2, [1], 1), whole(3), *map(file_of, (1, 2, 3)))
    sounds = [Pointer(chunk_of(number).id.hex(), 200) for number in (1, 2, 3)]
    send(here, shelf)
    seen: list[int] = []
    assert find_damaged(read_catalogue(shelf), sounds, seen.append) == set()
    assert sum(seen) > 600
    (pack,) = shelf.folder.iterdir()
    flip(pack, next(entry.offset for entry in entries(pack) if entry.id == chunk_of(1).id) + 70)
    assert Wholeness(read_catalogue(shelf)).find_missing(sounds) == set()
    assert find_damaged(read_catalogue(shelf), sounds) == {sounds[0].oid, sounds[1].oid}
    # Another copy of the same chunk will do.
    put_pack(shelf, whole(1))
    lost = Pointer("0" * 64, 1)
    assert find_damaged(read_catalogue(shelf), [*sounds, lost]) == {lost.oid}
