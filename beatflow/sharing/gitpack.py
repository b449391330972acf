"""Looking over a pack of git's that came from elsewhere, before libgit2 unpacks any of it.

A few bytes of one may announce, and make who believes them fetch memory for, more than any machine has: by zlib, which
packs a thousand to one, and by deltas, whose few bytes copy megabytes. Here every object is unpacked a little at a
time and thrown away, and its announced sizes are compared with what may be. What the objects are is not asked: libgit2
hashes them. Format: git's Documentation/gitformat-pack.txt. Knows no repository.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from beatflow.errors import DamagedError
from beatflow.sharing.inspection import MAX_BLOB_BYTES, MAX_COMMIT_BYTES, MAX_TREE_BYTES, UnsafeError
from beatflow.wording import format_size

MAX_OBJECTS = 50_000_000
MAX_TOTAL_BYTES = 64 << 30
"""Of all objects of a pack, unpacked: minutes of hashing."""

_COMMIT, _TREE, _BLOB, _TAG, _OFFSET_DELTA, _BASE_DELTA = 1, 2, 3, 4, 6, 7
_LIMITS = {
    _COMMIT: MAX_COMMIT_BYTES,
    _TREE: MAX_TREE_BYTES,
    _BLOB: MAX_BLOB_BYTES,
    _TAG: MAX_COMMIT_BYTES,
    _OFFSET_DELTA: MAX_BLOB_BYTES,
    _BASE_DELTA: MAX_BLOB_BYTES,
}
_BLOCK = 1 << 16
_DIGEST_BYTES = 20
_DELTA_HEAD_BYTES = 20
"""Two lengths of at most 10 bytes each."""


def check_git_pack(path: Path, progress: Callable[[int], None] | None = None) -> None:
    """Refuse a pack that would unpack to what it must not.

    Parameters
    ----------
    path : Path
    progress : callable, optional
        Called with the bytes looked at since the last call; raising in it interrupts the work.

    Raises
    ------
    UnsafeError
        An object, or all of them together, would be too large.
    DamagedError
        It is no pack, is cut short, or an object is not of the size that it announces.
    """
    with path.open("rb") as file:
        _Checker(file, path.stat().st_size - _DIGEST_BYTES, progress).check()


class _Checker:
    """Reads a pack from its beginning to its end, once."""

    def __init__(self, file: BinaryIO, end: int, progress: Callable[[int], None] | None) -> None:
        self._file = file
        self._left = end
        self._buffer = b""
        self._total = 0
        self._progress = progress

    def check(self) -> None:
        head = self._take(12)
        count = int.from_bytes(head[8:], "big")
        if head[:4] != b"PACK" or head[4:8] not in (b"\0\0\0\2", b"\0\0\0\3"):
            raise _damaged("it does not begin as one")
        if count > MAX_OBJECTS:
            raise UnsafeError(f"a pack of history announces {count} objects; {MAX_OBJECTS} is the most")
        for _ in range(count):
            self._check_object()
        if self._buffer or self._left:
            raise _damaged("bytes follow its last object")

    def _check_object(self) -> None:
        kind, size = self._take_header()
        limit = _LIMITS.get(kind)
        if limit is None:
            raise _damaged(f"an object is of the unknown kind {kind}")
        if kind == _BASE_DELTA:
            self._take(_DIGEST_BYTES)
        elif kind == _OFFSET_DELTA:
            while self._take(1)[0] & 0x80:
                pass
        self._check_limit(size, limit)
        head = self._pass_over(size)
        if kind in (_OFFSET_DELTA, _BASE_DELTA):
            _, at = _read_length(head, 0)
            result, _ = _read_length(head, at)
            self._check_limit(result, limit)
            size = result
        self._total += size
        self._check_limit(self._total, MAX_TOTAL_BYTES)

    def _check_limit(self, size: int, limit: int) -> None:
        if size > limit:
            raise UnsafeError(
                f"a pack of history would unpack to {format_size(size)}; {format_size(limit)} is the most",
                hint="nothing was taken; ask who made it",
            )

    def _take_header(self) -> tuple[int, int]:
        """Read an object's kind, and its length: 4 bits, then 7 with every byte that another one follows."""
        byte = self._take(1)[0]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._take(1)[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 70:
                raise _damaged("an object announces a length of more than 64 bits")
        return kind, size

    def _pass_over(self, size: int) -> bytes:
        """Unpack one object and let go of it; return its first bytes."""
        stream = zlib.decompressobj()
        found, head = 0, b""
        try:
            while not stream.eof:
                block = stream.unconsumed_tail or self._some()
                data = stream.decompress(block, _BLOCK)
                if len(head) < _DELTA_HEAD_BYTES:
                    head += data[:_DELTA_HEAD_BYTES]
                found += len(data)
                if found > size:
                    break
        except zlib.error as error:
            raise _damaged(f"an object cannot be unpacked: {error}") from error
        if found != size:
            raise _damaged("an object has another length than it announces")
        self._buffer = stream.unused_data
        return head

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self._read()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _some(self) -> bytes:
        data, self._buffer = self._buffer or self._read(), b""
        return data

    def _read(self) -> bytes:
        data = self._file.read(min(_BLOCK, max(0, self._left)))
        if not data:
            raise _damaged("it is cut short")
        self._left -= len(data)
        if self._progress:
            self._progress(len(data))
        return data


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """Read one of the two lengths that a delta begins with; return it and where the next one begins."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
    raise _damaged("a delta announces no length")


def _damaged(why: str) -> DamagedError:
    return DamagedError(f"a pack of history is damaged: {why}", hint="fetch it again")
