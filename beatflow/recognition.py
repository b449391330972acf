"""Recognising a file as the one that a commit has at its path, in whatever form that commit keeps it.

BeatFlow keeps sounds in its store and small files in git, and other programs may have done otherwise: a WAV as a
blob, a MIDI file by git-lfs. A file that is byte for byte what such a commit has is unchanged. Knows no store and no
worktree.
"""

import hashlib
from pathlib import Path

from beatflow.objects.git.value import blob_oid
from beatflow.objects.pointer import Pointer, encode_pointer

_BLOCK = 1 << 20


def recognise(
    path: Path,
    size: int,
    expected: str,
    pointer: Pointer | None,
    blob_size: int,
    kept_as_audio: bool,
    beside_git: bool = False,
) -> bool:
    """Say whether a file is just what is expected, where BeatFlow itself would keep it otherwise.

    Parameters
    ----------
    path : Path
    size : int
        Of the file, in bytes.
    expected : str
        The git id of what the commit has.
    pointer : Pointer or None
        What that stands for, if it is a pointer.
    blob_size : int
        Its length in bytes.
    kept_as_audio : bool
        Whether BeatFlow would keep the file in its store.
    beside_git : bool
        Whether git wrote the file: it may have given lines other ends than its commit has (``core.autocrlf``, ``eol``).
    """
    if pointer and size == blob_size and blob_oid(path.read_bytes()) == expected:
        # The pointer itself, where git-lfs has not brought yet what it stands for.
        return True
    if beside_git and not pointer and not kept_as_audio and size > blob_size:
        data = path.read_bytes()
        return b"\r\n" in data and blob_oid(data.replace(b"\r\n", b"\n")) == expected
    if pointer:
        ours = kept_as_audio and blob_oid(encode_pointer(pointer)) == expected
        length, wanted, digest = pointer.size, pointer.oid, hashlib.sha256()
    else:
        ours = not kept_as_audio
        length, wanted = blob_size, expected
        digest = hashlib.sha1(b"blob %d\0" % blob_size, usedforsecurity=False)
    if ours or length != size:
        return False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == wanted
