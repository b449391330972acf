"""Git's values: signatures, commits, tree entries, and the ids and paths that name them.

Plain data: knows no repository and no library, so that what only passes these around loads neither.
"""

from hashlib import sha1
from typing import NamedTuple

FILE = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
TREE = 0o040000


class Signature(NamedTuple):
    """Who did something, and when: ``time_s`` whole seconds since the epoch, ``offset_min`` east of UTC."""

    name: str
    email: str
    time_s: int
    offset_min: int = 0


class Commit(NamedTuple):
    """One commit as it stands in history."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    message: str
    time_s: int

    @property
    def title(self) -> str:
        """The message's first line."""
        return self.message.strip().split("\n", 1)[0]


class Entry(NamedTuple):
    """What stands at a path of a tree: git's file mode and the object id of the blob."""

    mode: int
    oid: str


Tree = dict[str, Entry]
"""A whole tree, flattened: path -> entry."""


def blob_oid(data: bytes) -> str:
    """Compute the id that git gives to these bytes as a blob."""
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def encode_path(path: str) -> bytes:
    """Turn a path into the bytes that git and the file system know."""
    return path.encode("utf-8", "surrogateescape")


def decode_path(raw: bytes) -> str:
    """Turn git's bytes into a path."""
    return raw.decode("utf-8", "surrogateescape")
