"""The index that is made of a foreign pack is git's own, bit for bit; what is no sound pack is refused."""

import hashlib
import os
import struct
import zlib
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from beatflow.errors import DamagedError
from beatflow.objects.git import packindex
from beatflow.objects.git.history import write_pack
from beatflow.objects.git.packindex import write_index
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry, Signature

ADA = Signature("Ada", "ada@example.com", 1_700_000_000)


def make_pack(folder: Path) -> Path:
    """Write a pack with every kind of object, deltas among them."""
    folder.mkdir(exist_ok=True)
    git = GitStore.create(folder / "a.git")
    text = os.urandom(20_000).hex()
    parents: list[str] = []
    for number in range(12):
        blob = git.write_blob(f"{number}{text[: 30_000 + number]}{number}".encode())
        tree = git.write_tree({"lyrics.txt": Entry(FILE, blob), f"notes/{number}": Entry(FILE, blob)})
        parents = [git.write_commit(tree, parents, f"take {number}", ADA)]
    pack = write_pack(git, parents, [], folder)
    assert pack
    assert pack.stat().st_size < 100_000  # the versions of the text are deltas
    return pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pack(tmp_path_factory.mktemp("packs"))


def seal(objects: list[bytes]) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(objects)) + b"".join(objects)
    return body + hashlib.sha1(body).digest()


def head(kind: int, size: int) -> bytes:
    byte, size = kind << 4 | size & 15, size >> 4
    result = bytearray()
    while size:
        result.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    return bytes([*result, byte])


def entry(kind: int, data: bytes, base: bytes = b"", size: int | None = None) -> bytes:
    return head(kind, len(data) if size is None else size) + base + zlib.compress(data)


def test_the_index_is_the_one_that_libgit2_makes(pack: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pack"
    copy.write_bytes(pack.read_bytes())
    assert write_index(copy).read_bytes() == pack.with_suffix(".idx").read_bytes()


def test_deltas_that_name_their_base_by_id(tmp_path: Path) -> None:
    base = b"night drive " * 10
    oid = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    # copy 24 bytes from 12 on, then three of its own
    delta = bytes([len(base), 27, 0x80 | 0x01 | 0x10, 12, 24, 3]) + b"end"
    path = tmp_path / "a.pack"
    path.write_bytes(seal([entry(7, delta, oid), entry(3, base)]))
    index = write_index(path).read_bytes()
    result = base[12:36] + b"end"
    assert hashlib.sha1(b"blob 27\0" + result).digest() in index
    assert oid in index


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PACK", "cut short"),
        (b"RIFF" + bytes(40), "no pack"),
        (seal([entry(3, b"x")])[:-1] + b"\0", "checksum"),
        (seal([entry(3, b"x") + b"more"]), "something follows"),
        (seal([entry(3, b"x", size=2)]), "shorter"),
        (seal([entry(3, b"xyz", size=2)]), "longer"),
        (seal([entry(3, bytes(1 << 20), size=5)]), "longer"),
        (seal([head(3, 600 << 20) + zlib.compress(b"")]), "blob is larger than 512 MiB"),
        (seal([b"\xb0" + b"\xff" * 12]), "cut short|larger"),
        (seal([head(1, 5 << 20) + zlib.compress(b"")]), "commit is larger than 4 MiB"),
        (seal([entry(1, b"base!"), entry(6, b"\5\xff\xff\xff\x07\1x", b"\x0e")]), "commit is larger"),
        (seal([entry(5, b"x")]), "git has not"),
        (seal([head(3, 5) + b"not zlib at all"]), "decompressed"),
        (seal([entry(7, b"\1\1\1x", bytes(20))]), "leans on objects"),
        (seal([entry(6, b"\1\1\1x", b"\x00")]), "leans on nothing"),
        (seal([entry(6, b"\1\1\1x", b"\x7f")]), "leans on nothing"),
        (seal([entry(3, b"base!"), entry(6, b"\4\1\1x", b"\x0e")]), "does not fit"),
        (seal([entry(3, b"base!"), entry(6, b"\5\1\x90\x40", b"\x0e")]), "copies what is not there"),
        (seal([entry(3, b"base!"), entry(6, b"\5\1\0", b"\x0e")]), "copies what"),
        (seal([entry(3, b"base!"), entry(6, b"\5\1\5x", b"\x0e")]), "copies what"),
        (seal([entry(3, b"base!"), entry(6, b"\5\1\x91", b"\x0e")]), "cut short"),
        (seal([entry(3, b"base!"), entry(6, b"\5\1\2xy", b"\x0e")]), "another length"),
        (seal([entry(3, b"base!"), entry(6, b"\5\3\1x", b"\x0e")]), "another length"),
        (seal([entry(3, b"base!"), entry(6, b"\xff" * 12, b"\x0e")]), "cut short"),
    ],
)
def test_what_is_no_sound_pack_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "a.pack"
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=words):
        write_index(path)
    assert not path.with_suffix(".idx").exists()


def test_offsets_beyond_31_bits_stand_in_a_table_of_their_own() -> None:
    rows = [(bytes([1] * 20), 7, 12), (bytes([2] * 20), 8, 5 << 30)]
    index = packindex._encode(rows, bytes(20))
    assert struct.unpack(">2I", index[8 + 1024 + 40 + 8 :][:8]) == (12, 1 << 31)
    assert struct.unpack(">Q", index[8 + 1024 + 40 + 16 :][:8]) == (5 << 30,)


@settings(max_examples=40)
@given(st.data())
def test_with_a_flipped_bit_it_is_refused_or_says_what_is_there(
    pack: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(pack.read_bytes())
    at = data.draw(st.integers(0, len(damaged) - 21))
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    # Whoever changes a pack on purpose puts the checksum right as well.
    damaged[-20:] = hashlib.sha1(damaged[:-20]).digest()
    git = GitStore.create(tmp_path_factory.mktemp("flipped"))
    path = git.path / "objects" / "pack" / pack.name
    path.write_bytes(damaged)
    try:
        index = write_index(path).read_bytes()
    except DamagedError:
        return
    for row in range(struct.unpack(">I", damaged[8:12])[0]):
        git.check_object(index[8 + 1024 + 20 * row :][:20].hex())


def test_all_objects_together_are_bounded(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packindex, "MAX_TOTAL", 100_000)
    (tmp_path / "a.pack").write_bytes(pack.read_bytes())
    with pytest.raises(DamagedError, match="unpacks to more than"):
        write_index(tmp_path / "a.pack")


def test_chains_of_deltas_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pack"
    base = entry(3, b"base!")
    delta = entry(6, b"\5\1\1x", bytes([len(base)]))
    path.write_bytes(seal([base, delta, entry(6, b"\1\1\1y", bytes([len(delta)]))]))
    assert write_index(path).stat().st_size == 8 + 1024 + 3 * 28 + 40
    monkeypatch.setattr(packindex, "MAX_CHAIN", 1)
    with pytest.raises(DamagedError, match="without end"):
        write_index(path)
