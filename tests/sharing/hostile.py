"""Histories that nobody should take, made object by object as no program would make them."""

import hashlib
import zlib
from pathlib import Path

from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer, encode_pointer

FILE, LINK, TREE, SUBMODULE = 0o100644, 0o120000, 0o040000, 0o160000
COMMIT, BLOB, OFFSET_DELTA, BASE_DELTA = 1, 3, 6, 7


class Forger:
    """Writes whatever it is told into a git store."""

    def __init__(self, path: Path) -> None:
        self.git = GitStore.create(path)

    @classmethod
    def of(cls, git: GitStore) -> "Forger":
        """Write into one that is there."""
        forger = cls.__new__(cls)
        forger.git = git
        return forger

    def put(self, kind: bytes, data: bytes) -> str:
        """Write an object of any bytes and return its id."""
        whole = b"%s %d\0" % (kind, len(data)) + data
        oid = hashlib.sha1(whole).hexdigest()
        path = self.git.path / "objects" / oid[:2] / oid[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(whole, 1))
        return oid

    def blob(self, data: bytes) -> str:
        """Write a blob."""
        return self.put(b"blob", data)

    def pointer(self, oid: str = "ab" * 32, size: int = 1000) -> str:
        """Write a pointer."""
        return self.blob(encode_pointer(Pointer(oid, size)))

    def tree(self, *rows: tuple[int, bytes | str, str]) -> str:
        """Write a tree of entries in any order: mode, name, id."""
        raw = b"".join(
            b"%o %s\0" % (mode, name if isinstance(name, bytes) else name.encode()) + bytes.fromhex(oid)
            for mode, name, oid in rows
        )
        return self.put(b"tree", raw)

    def commit(self, tree: str, *parents: str, head: bytes = b"", who: bytes = b"Eve <eve@x> 1 +0000") -> str:
        """Write a commit."""
        lines = [b"tree " + tree.encode(), *(b"parent " + oid.encode() for oid in parents)]
        lines += [b"author " + who, b"committer " + who]
        return self.put(b"commit", b"\n".join(lines) + b"\n" + head + b"\nhello\n")

    def one(self, mode: int, name: bytes | str, content: str | bytes) -> str:
        """Write a commit with one entry: of an id, or of a blob of these bytes."""
        oid = content if isinstance(content, str) else self.blob(content)
        return self.commit(self.tree((mode, name, oid)))


# Packs of git's ------------------------------------------------------------------------------------------


def number(value: int, bits: int = 7) -> bytes:
    """Write a length as git does, the first byte with so many bits of it."""
    out = bytearray()
    while True:
        low, value = value & ((1 << bits) - 1), value >> bits
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)
        bits = 7


def entry(kind: int, data: bytes, announced: int | None = None, base: bytes = b"") -> bytes:
    """Write an object of a pack, of the length that it announces or of another."""
    head = bytearray(number(len(data) if announced is None else announced, 4))
    head[0] |= kind << 4
    return bytes(head) + base + zlib.compress(data, 9)


def pack(path: Path, *entries: bytes, count: int | None = None) -> Path:
    """Write a pack of so many objects, or of as many as it says."""
    body = b"PACK" + (2).to_bytes(4, "big") + (len(entries) if count is None else count).to_bytes(4, "big")
    body += b"".join(entries)
    path.write_bytes(body + hashlib.sha1(body).digest())
    return path
