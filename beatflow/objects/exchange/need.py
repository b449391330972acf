"""Which chunks have to move so that files can be put together where they come to.

Knows ids and who needs whom; not where anything lies.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from beatflow.errors import BeatFlowError
from beatflow.objects.ids import parse_oid
from beatflow.objects.manifest import Manifest
from beatflow.objects.pack import Kind
from beatflow.objects.packset import PackSet
from beatflow.objects.pointer import Pointer
from beatflow.objects.reading import read_manifest


class Closure:
    """Gathers chunks with all that they are predicted from, each once, and what a chunk needs before itself.

    Parameters
    ----------
    is_there : callable
        Whether a chunk need not move.
    sources_of : callable
        What a chunk that moves is predicted from.
    """

    def __init__(
        self, is_there: Callable[[bytes], bool], sources_of: Callable[[bytes], Sequence[bytes]]
    ) -> None:
        self._is_there = is_there
        self._sources_of = sources_of
        self._seen: set[bytes] = set()

    def add(self, id: bytes) -> Iterator[bytes]:
        """Yield what has to move for a chunk and did not before, itself last. What leads round in a circle ends."""
        waiting = [(id, False)]
        while waiting:
            id, is_ready = waiting.pop()
            if is_ready:
                yield id
            elif id not in self._seen:
                self._seen.add(id)
                if not self._is_there(id):
                    waiting.append((id, True))
                    waiting.extend((source, False) for source in reversed(self._sources_of(id)))


class Presence:
    """Says which files a store has with all their chunks; chunks that were seen once are not looked for again."""

    def __init__(self, packs: PackSet) -> None:
        self._packs = packs
        self._seen: set[bytes] = set()

    def find_absent(self, pointers: Iterable[Pointer]) -> Iterator[Pointer]:
        """Yield those that are not here whole, each file once."""
        asked = set()
        for pointer in pointers:
            if pointer.oid not in asked:
                asked.add(pointer.oid)
                manifest = self.find_manifest(pointer.oid)
                if manifest is None or manifest.size != pointer.size or not self._has_chunks(manifest):
                    yield pointer

    def find_manifest(self, oid: str) -> Manifest | None:
        """Return a file's manifest, if it is here and can be read."""
        id = parse_oid(oid)
        if self._packs.find(Kind.MANIFEST, id) is None:
            return None
        try:
            return read_manifest(self._packs, id)
        except BeatFlowError:
            return None

    def _has_chunks(self, manifest: Manifest) -> bool:
        for ref in manifest.chunks:
            if ref.id not in self._seen:
                if self._packs.find(Kind.CHUNK, ref.id) is None:
                    return False
                self._seen.add(ref.id)
        return True
