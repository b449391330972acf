"""Writes a pack: records one after another, then their directory, under a name that is known when all is written.

Knows the byte tables as `pack` has them, and nothing of where packs lie.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from beatflow.objects.pack import (
    MAX_STORED_BYTES,
    Entry,
    encode_entry,
    encode_head,
    encode_record_head,
    encode_trailer,
)


class NewRecord(NamedTuple):
    """What `PackWriter.add` takes."""

    kind: int
    id: bytes
    codec: int
    flags: int
    parameters: bytes
    raw_length: int
    payload: bytes


class Mark(NamedTuple):
    """A point in a pack being written that `PackWriter.rollback` can go back to."""

    position: int
    entries: int
    hashed: "hashlib._Hash"


class PackWriter:
    """Writes one pack into a temporary file.

    Parameters
    ----------
    path : Path
        The temporary file; must not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Unbuffered, so that a write that fails on a full disk leaves nothing behind to fail again on closing.
        self._file = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._entries: list[bytes] = []
        self.position = 0
        try:
            self._write(encode_head())
        except BaseException:
            self.discard()
            raise

    def add(self, record: NewRecord) -> None:
        """Append one record."""
        if len(record.payload) > MAX_STORED_BYTES:
            raise ValueError(f"payload of {len(record.payload)} bytes")
        entry = Entry(
            record.kind,
            record.id,
            record.codec,
            record.flags,
            record.raw_length,
            len(record.payload),
            self.position,
        )
        self._entries.append(encode_entry(entry))
        self._write(encode_record_head(entry, record.parameters, record.payload) + record.payload)

    def mark(self) -> Mark:
        """Return the point reached so far."""
        return Mark(self.position, len(self._entries), self._hash.copy())

    def rollback(self, mark: Mark) -> None:
        """Forget every record added since `mark`."""
        self.position = mark.position
        self._hash = mark.hashed.copy()
        del self._entries[mark.entries :]
        self._file.seek(self.position)
        self._file.truncate()

    def __len__(self) -> int:
        return len(self._entries)

    def finish(self) -> str:
        """Write directory and trailer, close the file and return the pack's name."""
        directory = b"".join(sorted(self._entries))
        trailer = encode_trailer(self.position, directory)
        self._write(directory)
        self._write(trailer)
        self._file.close()
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Close and remove the temporary file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._hash.update(data)
        self.position += len(data)
