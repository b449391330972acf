"""The sounds of a commit, ready to be opened: those in the store, and those that somebody committed as plain files.

Knows no session and writes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.history import read_content
from beatflow.objects.git.value import SYMLINK, Tree
from beatflow.objects.pointer import iter_content, read_pointer
from beatflow.repository import Repository


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a commit.

    Parameters
    ----------
    path : str
    oid : str
        The sha256 of its bytes.
    size : int
    """

    path: str
    oid: str
    size: int


class Shelf:
    """The files of a commit.

    Parameters
    ----------
    repository : Repository
    commit : str
    """

    def __init__(self, repository: Repository, commit: str) -> None:
        self.repository = repository
        self.tree: Tree = read_content(repository, commit)

    def find(self, path: str) -> Source | None:
        """Return the file at a path, links left out; whether it is sound is not known yet."""
        entry = self.tree.get(path)
        if entry is None or entry.mode == SYMLINK:
            return None
        pointer = read_pointer(self.repository.git, entry)
        if pointer:
            return Source(path, pointer.oid, pointer.size)
        data = self.repository.git.read_blob(entry.oid)
        return Source(path, sha256(data).hexdigest(), len(data))

    def find_sound(self, path: str) -> Source | None:
        """Return the sound at a path, by what is in it."""
        source = self.find(path)
        if source is None:
            return None
        with self.open(path) as file:
            return source if is_sound(file.read(HEAD_BYTES)) else None

    def list_sounds(self) -> list[Source]:
        """Return all sounds, by path."""
        found = (self.find_sound(path) for path in sorted(self.tree))
        return [source for source in found if source]

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading anywhere in it; what is read is verified."""
        entry = self.tree[path]
        pointer = read_pointer(self.repository.git, entry)
        if pointer:
            return self.repository.audio.open(pointer.oid)
        return BytesIO(self.repository.git.read_blob(entry.oid))

    def copy(self, path: str, dest: BinaryIO, advance: Callable[[int], None] | None = None) -> int:
        """Write a file, verified as a whole, into an open one; return its bytes.

        Raises
        ------
        NotFoundError, DamagedError
            It is not in the store, or cannot be read whole.
        """
        size = 0
        for block in iter_content(self.repository.git, self.repository.audio, self.tree[path]):
            dest.write(block)
            size += len(block)
            if advance:
                advance(len(block))
        return size
