"""What a place is: bytes by key that somebody else may read and write at the same time.

Keys are relative paths of ``/``-separated parts, each of lower-case letters, digits, ``.``, ``_`` and ``-``, none
beginning with a dot (`beatflow.places.key`). What lies under a key is whole or not there. Knows nothing of what the
bytes are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from beatflow.errors import BeatFlowError, ConflictError

Progress = Callable[[int], None]
"""Called with the bytes moved since the last call; raising in it interrupts the work."""


class PlaceError(BeatFlowError):
    """A place that cannot be reached, refuses what was asked, or does not answer as it should."""


class ChangedError(ConflictError):
    """Somebody else has changed what lies under a key since it was read."""


@dataclass(frozen=True, slots=True)
class Item:
    """What lies under a key: its size in bytes, and a tag that changes when the content does.

    Its tag is to be compared with those of other items only.
    """

    key: str
    size: int
    tag: str


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes, and the tag that they were read with, which `Place.swap` takes."""

    data: bytes
    tag: str


class Place(Protocol):
    """Bytes by key. Every method raises `PlaceError`, with a way out, when the place fails after retries.

    Safe to use from several threads.
    """

    @property
    def address(self) -> str:
        """Where it is, for people: never with a secret in it."""
        ...

    def is_empty(self) -> bool:
        """Say whether nothing lies there, neither ours nor anybody else's; what is not there is empty."""
        ...

    def list(self, prefix: str = "") -> Iterator[Item]:
        """Yield what lies under keys that begin with ``prefix`` (empty, or ending in ``/``), ordered by key."""
        ...

    def find(self, key: str) -> Item | None:
        """Return what lies under a key without reading it; None when nothing does."""
        ...

    def read(self, key: str) -> Content | None:
        """Return what lies under a key, for small things (at most 64 MiB); None when nothing does."""
        ...

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``start`` on.

        Raises
        ------
        PlaceError
            Nothing lies there, or it is shorter.
        """
        ...

    def fetch(self, key: str, target: Path, progress: Progress | None = None) -> None:
        """Write what lies under a key to a new file, going on where a broken connection stopped."""
        ...

    def store(self, key: str, source: Path, progress: Progress | None = None) -> Item:
        """Put a file under a key whose content never changes (its name is a digest); there already is as well.

        Returns only once the place has the very bytes, compared by digest or read back.
        """
        ...

    def swap(self, key: str, data: bytes, tag: str | None) -> str:
        """Put small content in place of what had ``tag`` (None: of nothing), in one step; return the new tag.

        Raises
        ------
        ChangedError
            Something else lies there by now. Nothing was changed.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove what lies under a key, whatever it is by now; nothing there is fine."""
        ...
