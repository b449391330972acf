import hashlib
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.sharing.gitpack import check_git_pack
from beatflow.sharing.inspection import UnsafeError

BLOB, COMMIT, OFFSET_DELTA, BASE_DELTA = 3, 1, 6, 7


def number(value: int, bits: int = 7) -> bytes:
    """A length as git writes it, the first byte with so many bits of it."""
    out = bytearray()
    while True:
        low, value = value & ((1 << bits) - 1), value >> bits
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)
        bits = 7


def entry(kind: int, data: bytes, announced: int | None = None, base: bytes = b"") -> bytes:
    head = bytearray(number(len(data) if announced is None else announced, 4))
    head[0] |= kind << 4
    return bytes(head) + base + zlib.compress(data, 9)


def pack(path: Path, *entries: bytes, count: int | None = None) -> Path:
    body = b"PACK" + (2).to_bytes(4, "big") + (len(entries) if count is None else count).to_bytes(4, "big")
    body += b"".join(entries)
    path.write_bytes(body + hashlib.sha1(body).digest())
    return path


def test_a_pack_of_git_itself(tmp_path: Path) -> None:
    """Objects of every kind, deltas too, written by git."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=b"]
    subprocess.run([*git, "init", "-q", tmp_path / "repo"], check=True)
    lines = [f"line {number} of a file that is long\n" for number in range(2000)]
    for turn in range(4):
        (tmp_path / "repo" / "words.txt").write_text("".join(lines[: 1990 + turn]))
        subprocess.run([*git, "add", "."], cwd=tmp_path / "repo", check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"{turn}"], cwd=tmp_path / "repo", check=True)
    subprocess.run([*git, "tag", "-a", "-m", "x", "v1"], cwd=tmp_path / "repo", check=True)
    subprocess.run([*git, "repack", "-q", "-a", "-d", "-f"], cwd=tmp_path / "repo", check=True)
    (found,) = (tmp_path / "repo/.git/objects/pack").glob("*.pack")
    seen: list[int] = []
    check_git_pack(found, seen.append)
    assert sum(seen) == found.stat().st_size - 20


def test_an_empty_pack(tmp_path: Path) -> None:
    check_git_pack(pack(tmp_path / "p"))
    check_git_pack(pack(tmp_path / "p", entry(BLOB, b"")))


@pytest.mark.parametrize(
    "bomb",
    [
        entry(BLOB, b"x", announced=2 << 30),
        entry(COMMIT, b"x" * (5 << 20)),
        entry(OFFSET_DELTA, number(5) + number(1 << 40) + b"\x90", base=b"\x05"),
        entry(BASE_DELTA, number(5) + number(2 << 30) + b"\x90", base=bytes(20)),
    ],
)
def test_what_would_unpack_to_too_much(tmp_path: Path, bomb: bytes) -> None:
    with pytest.raises(UnsafeError, match="would unpack to"):
        check_git_pack(pack(tmp_path / "p", entry(BLOB, b"hello"), bomb))


def test_too_many_objects(tmp_path: Path) -> None:
    with pytest.raises(UnsafeError, match="objects"):
        check_git_pack(pack(tmp_path / "p", count=2**32 - 1))


def test_all_together_too_much(tmp_path: Path) -> None:
    delta = entry(BASE_DELTA, number(5) + number(1 << 30) + b"\x90", base=bytes(20))
    with pytest.raises(UnsafeError, match="unpack to 69"):
        check_git_pack(pack(tmp_path / "p", *[delta] * 70))


def test_memory_stays_small(tmp_path: Path) -> None:
    path = pack(tmp_path / "p", entry(BLOB, bytes(200 << 20)))
    tracemalloc.start()
    try:
        check_git_pack(path)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "entries",
    [
        [entry(BLOB, b"hello", announced=4)],
        [entry(BLOB, b"hello", announced=6)],
        [entry(0, b"hello")],
        [entry(5, b"hello")],
        [entry(BLOB, b"hello")[:-3]],
        [entry(BLOB, b"hello")[:-6] + b"\xff" * 6],
        [b"\xb0" + b"\xff" * 20],
        [entry(BLOB, b"hello"), b"more"],
        [entry(BASE_DELTA, b"\xff" * 30, base=bytes(20))],
        [entry(BASE_DELTA, b"", base=bytes(20))],
        [b"\xe0" + b"\x80" * 40],
    ],
)
def test_what_is_damaged(tmp_path: Path, entries: list[bytes]) -> None:
    with pytest.raises((DamagedError, UnsafeError)):
        check_git_pack(pack(tmp_path / "p", *entries, count=2 if entries[-1] == b"more" else None))


@pytest.mark.parametrize("data", [b"", b"PACK", b"JUNK" + bytes(40), b"PACK\0\0\0\x09" + bytes(24)])
def test_what_is_no_pack(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(DamagedError):
        check_git_pack(tmp_path / "p")


def test_bytes_after_the_last_object(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="follow"):
        check_git_pack(pack(tmp_path / "p", entry(BLOB, b"hello"), b"more", count=1))
