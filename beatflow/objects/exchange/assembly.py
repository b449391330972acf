"""Files put together from chunks that have just come, and compared with their oids; nothing is written.

Knows manifests and where chunks can be read, no shelves.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from beatflow.objects.ahead import work_ahead
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.packset import RecordSource
from beatflow.objects.reading import ChunkReader
from beatflow.objects.threads import Workers
from beatflow.objects.timeline import FILES_AT_ONCE, iter_in_time

_NOTHING = hashlib.sha256()


class Proof:
    """One file being compared with its oid, chunk by chunk."""

    def __init__(self, oid: str) -> None:
        self.oid = oid
        self.whole = _NOTHING

    @property
    def holds(self) -> bool:
        """Whether what came is the file."""
        return self.whole.hexdigest() == self.oid


class _Beginnings:
    """SHA-256 of how files begin: what several have in common at their beginning, as versions do, is hashed once."""

    def __init__(self) -> None:
        # With the hash before, so that it lives as long as its id stands for it.
        self._latest: OrderedDict[tuple[int, bytes], tuple[hashlib._Hash, hashlib._Hash]] = OrderedDict()

    def add(self, proof: Proof, chunk: ChunkRef, data: bytes) -> None:
        """Give a file the chunk that follows, already compared with its id."""
        key = id(proof.whole), chunk.id
        if key not in self._latest:
            after = proof.whole.copy()
            after.update(data)
            self._latest[key] = proof.whole, after
            if len(self._latest) > 2 * FILES_AT_ONCE:
                self._latest.popitem(last=False)
        _, proof.whole = self._latest[key]


def verify_parts(
    source: RecordSource, parts: Sequence[tuple[Proof, Manifest]], pool: Workers, window: int
) -> None:
    """Decode parts of files, each chunk compared with its id, and give each to its file's proof.

    Raises
    ------
    DamagedError
        A chunk is not what it is called, or cannot be decoded.
    """
    reader = ChunkReader(source)
    beginnings = _Beginnings()
    for start in range(0, len(parts), FILES_AT_ONCE):
        proofs, manifests = zip(*parts[start : start + FILES_AT_ONCE], strict=True)
        several = len(proofs) > 1

        def read(
            item: tuple[int, ChunkRef], proofs: Sequence[Proof] = proofs, several: bool = several
        ) -> bytes:
            number, ref = item
            return reader.read_for(proofs[number].oid, ref, several)

        for (number, ref), data in work_ahead(pool, window, read, iter_in_time(manifests)):
            beginnings.add(proofs[number], ref, data)
