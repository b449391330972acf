"""Packs of git's that would unpack to more than any machine has: refused before anything is fetched for them."""

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.git.packindex import write_index
from tests.sharing.hostile import BASE_DELTA, BLOB, COMMIT, OFFSET_DELTA, entry, number, pack

HELLO = hashlib.sha1(b"blob 5\0hello").digest()


def test_what_is_well(tmp_path: Path) -> None:
    delta = number(5) + number(8) + b"\x90\x05" + b"\x03abc"
    assert write_index(
        pack(tmp_path / "p", entry(BLOB, b"hello"), entry(BASE_DELTA, delta, base=HELLO))
    ).exists()


@pytest.mark.parametrize(
    "bomb",
    [
        entry(BLOB, b"x", announced=2 << 30),
        entry(COMMIT, b"x" * (5 << 20)),
        entry(OFFSET_DELTA, number(5) + number(1 << 40) + b"\x90", base=b"\x0e"),
        entry(BASE_DELTA, number(5) + number(2 << 30) + b"\x90", base=HELLO),
        entry(BASE_DELTA, number(5) + number(1 << 28) + b"\x90\x05", base=HELLO),
        entry(BASE_DELTA, b"\xff" * 30, base=HELLO),
        entry(BLOB, bytes(200 << 20), announced=5),
    ],
)
def test_what_would_unpack_to_too_much(tmp_path: Path, bomb: bytes) -> None:
    path = pack(tmp_path / "p", entry(BLOB, b"hello"), bomb)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError):
            write_index(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_more_objects_than_can_be(tmp_path: Path) -> None:
    with pytest.raises(DamagedError):
        write_index(pack(tmp_path / "p", count=2**32 - 1))
