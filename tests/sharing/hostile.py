"""Histories that nobody should take, made object by object as no program would make them."""

import hashlib
import zlib
from pathlib import Path

from beatflow.objects.git import GitStore
from beatflow.objects.pointer import Pointer, encode_pointer

FILE, LINK, TREE, SUBMODULE = 0o100644, 0o120000, 0o040000, 0o160000


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
