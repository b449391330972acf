"""Packs: records come back as they went in, or not at all."""

import hashlib
import io
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects import pack as packs
from beatflow.objects import packscan
from beatflow.objects.pack import (
    Directory,
    Entry,
    Flag,
    Record,
    make_directory,
    read_directory,
    read_record,
    read_trailer,
)
from beatflow.objects.packscan import scan, skim_records
from beatflow.objects.packwriter import NewRecord, PackWriter

RECORDS = st.lists(
    st.builds(
        NewRecord,
        kind=st.integers(0, 255),
        id=st.binary(min_size=32, max_size=32),
        codec=st.integers(0, 255),
        flags=st.integers(0, 0xFFFF),
        parameters=st.binary(min_size=4, max_size=4),
        raw_length=st.integers(0, 2**32 - 1),
        payload=st.binary(max_size=300),
    ),
    max_size=12,
    unique_by=lambda record: (record.kind, record.id),
)


def write(folder: Path, records: list[NewRecord]) -> bytes:
    path = folder / "new.pack"
    writer = PackWriter(path)
    for record in records:
        writer.add(record)
    name = writer.finish()
    data = path.read_bytes()
    path.unlink()
    assert hashlib.sha256(data).hexdigest() == name
    return data


def directory_of(data: bytes) -> Directory:
    file = io.BytesIO(data)
    return read_directory(file, read_trailer(file, len(data)))


@settings(deadline=None)
@given(records=RECORDS)
def test_round_trip(records: list[NewRecord], tmp_path_factory: pytest.TempPathFactory) -> None:
    data = write(tmp_path_factory.mktemp("pack"), records)
    directory = directory_of(data)
    assert [entry[:2] for entry in directory] == sorted((record.kind, record.id) for record in records)
    for record in records:
        entry = directory.find(record.kind, record.id)
        assert entry is not None
        found = read_record(io.BytesIO(data), entry)
        assert (found.payload, found.parameters) == (record.payload, record.parameters)
        assert entry[2:5] == (record.codec, record.flags, record.raw_length)
    assert directory.find(3, b"\x01" * 32) is None or any(record.kind == 3 for record in records)
    assert list(make_directory(scan(io.BytesIO(data), len(data)))) == list(directory)


def read_all(data: bytes) -> list[Record]:
    return [read_record(io.BytesIO(data), entry) for entry in directory_of(data)]


def three(folder: Path) -> bytes:
    return write(
        folder, [NewRecord(1, bytes((number,)) * 32, 0, 0, bytes(4), 50, bytes(50)) for number in range(3)]
    )


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    data = three(tmp_path)
    for at in range(len(data)):
        damaged = data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
        with pytest.raises(BeatFlowError):
            read_all(damaged)


def test_every_truncation_is_noticed_and_scanned(tmp_path: Path) -> None:
    data = three(tmp_path)
    for end in range(16, len(data)):
        with pytest.raises(DamagedError):
            directory_of(data[:end])
        found = list(scan(io.BytesIO(data[:end]), end))
        assert len(found) == min(3, (end - 16) // 114)


def test_a_scan_goes_on_after_a_damaged_record(tmp_path: Path) -> None:
    data = bytearray(three(tmp_path))
    data[16 + 114 + 30] ^= 1
    assert [entry.id[0] for entry in scan(io.BytesIO(data), len(data))] == [0, 2]


def test_magic_across_two_blocks_of_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(three(tmp_path))
    data[16] ^= 1
    for block in range(5, 130):
        monkeypatch.setattr(packscan, "_SCAN_BLOCK", block)
        assert [entry.id[0] for entry in scan(io.BytesIO(data), len(data))] == [1, 2]


def test_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    data = bytearray(three(tmp_path))
    data[8:10] = b"\x02\x00"
    data[12:16] = packs.zlib.crc32(data[:12]).to_bytes(4, "little")
    with pytest.raises(BeatFlowError, match="newer"):
        directory_of(bytes(data))


def test_impossible_lengths(tmp_path: Path) -> None:
    file = io.BytesIO(three(tmp_path))
    with pytest.raises(DamagedError, match="names a record"):
        read_record(file, Entry(1, bytes(32), 0, 0, 50, 2**31, 16))
    with PathWriter(tmp_path / "big") as writer, pytest.raises(ValueError, match="payload"):
        writer.add(NewRecord(1, bytes(32), 0, 0, bytes(4), 1, bytes(packs.MAX_STORED_BYTES + 1)))


class PathWriter(PackWriter):
    """A writer that leaves nothing behind."""

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def test_roll_back_is_as_if_never_written(tmp_path: Path) -> None:
    records = [NewRecord(1, bytes((number,)) * 32, 0, 0, bytes(4), 50, bytes(50)) for number in range(3)]
    writer = PackWriter(tmp_path / "x.pack")
    writer.add(records[0])
    mark = writer.mark()
    for again in range(2):
        writer.add(records[1 + again])
        writer.rollback(mark)
    writer.add(records[1])
    writer.add(records[2])
    writer.finish()
    assert writer.path.read_bytes() == write(tmp_path, records)


def test_dependencies() -> None:
    entry = Entry(1, bytes(32), 64, Flag.DEPENDS, 10, 0, 16)
    ids = (b"a" * 32, b"b" * 32)
    assert Record(entry, bytes(4), b"\x02\x00" + b"".join(ids) + b"rest").dependencies == ids
    assert Record(entry._replace(flags=0), bytes(4), b"\x02\x00").dependencies == ()
    for payload in (b"", b"\x00\x00", b"\x02\x00" + ids[0]):
        with pytest.raises(DamagedError):
            _ = Record(entry, bytes(4), payload).dependencies


@given(
    st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans()), min_size=1, max_size=6),
    st.one_of(st.none(), st.tuples(st.integers(16, 900), st.integers(1, 255))),
    st.integers(1, 900),
    st.integers(1, 1000),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_skimming_finds_what_reading_finds(
    tmp_path_factory: pytest.TempPathFactory,
    contents: list[tuple[bytes, int, bool]],
    damage: tuple[int, int] | None,
    room: int,
    end: int,
    chance: random.Random,
) -> None:
    """And passes over the same damage, however many records fit into the memory that is given."""
    records = [
        NewRecord(
            *(1, bytes([number]) * 32, 64, Flag.DEPENDS if depends else 0, b"\3\2\1\1", 9),
            payload=count.to_bytes(2, "little") + bytes(range(32)) * count + rest,
        )
        for number, (rest, count, depends) in enumerate(contents)
    ]
    data = bytearray(write(tmp_path_factory.mktemp("packs"), records))
    entries = list(scan(io.BytesIO(data), len(data)))
    wanted = chance.sample(entries, chance.randint(0, len(entries)))
    if damage and damage[0] < len(data):
        data[damage[0]] ^= damage[1]
    file = io.BytesIO(data[:end])
    expected = {}
    for entry in wanted:
        with suppress(DamagedError):
            if entry.end - entry.offset <= room:
                expected[entry] = read_record(file, entry)
    found = {record.entry: record for record in skim_records(file, wanted, bytearray(room))}
    assert found.keys() == expected.keys()
    for entry, record in found.items():
        assert record.parameters == expected[entry].parameters
        assert _dependencies(record) == _dependencies(expected[entry])


def _dependencies(record: Record) -> tuple[bytes, ...] | None:
    try:
        return record.dependencies
    except DamagedError:
        return None
