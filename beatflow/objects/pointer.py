"""Git LFS pointers (version 1): the small text that stands for a sound in a git tree.

Format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md. Knows no repository.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import EXECUTABLE, FILE, Entry

if TYPE_CHECKING:
    from beatflow.objects.store import AudioStore

MAX_SIZE = 1024
"""A pointer is shorter than this many bytes; anything longer is content."""

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[0-9]-[^\n]+\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,19})\n"
)


class Pointer(NamedTuple):
    """The sha256 and the size in bytes of a file that is kept in the audio store."""

    oid: str
    size: int


def encode_pointer(pointer: Pointer) -> bytes:
    """Write a pointer in the one canonical form that ``git lfs pointer --check --strict`` accepts."""
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
        pointer.oid.encode("ascii"),
        pointer.size,
    )


def decode_pointer(data: bytes) -> Pointer | None:
    """Read a pointer; None when the bytes are anything else."""
    match = _POINTER.fullmatch(data) if len(data) < MAX_SIZE else None
    return Pointer(match[1].decode("ascii"), int(match[2])) if match else None


def read_pointer(git: GitStore, entry: Entry) -> Pointer | None:
    """Return the pointer that an entry is, or None when git keeps its content itself."""
    if entry.mode not in (FILE, EXECUTABLE):
        return None
    data = git.find_small(entry.oid, MAX_SIZE)
    return None if data is None else decode_pointer(data)


def iter_content(git: GitStore, audio: "AudioStore", entry: Entry) -> Iterator[bytes]:
    """Yield the bytes of the file that an entry stands for, verified."""
    pointer = read_pointer(git, entry)
    if pointer:
        yield from audio.iter_bytes(pointer.oid)
    else:
        yield git.read_blob(entry.oid)
