"""Which files lie on a shelf with all that they need: by its catalogue, or by reading every byte.

Knows catalogues and who needs whom; decodes nothing but manifests.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

from beatflow.objects.ahead import work_ahead
from beatflow.objects.exchange.catalogue import STREAMS, Catalogue, Spot
from beatflow.objects.exchange.need import Closure
from beatflow.objects.pack import Kind
from beatflow.objects.pointer import Pointer
from beatflow.objects.pool import Pool
from beatflow.objects.reach import MAX_DEPTH

Progress = Callable[[int], None]


class Wholeness:
    """Says which chunks and files a catalogue has with all that they need.

    Parameters
    ----------
    catalogue : Catalogue
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._chunks: dict[bytes, bool] = {}

    def find_missing(self, pointers: Iterable[Pointer]) -> set[str]:
        """Return the oids of the files that are not there whole."""
        wanted = {pointer.oid: pointer.size for pointer in pointers}
        found = self._catalogue.find_manifests(Pointer(*item) for item in wanted.items())
        return {
            oid
            for oid, size in wanted.items()
            if oid not in found
            or found[oid][0].size != size
            or not all(self.has_chunk(ref.id) for ref in found[oid][0].chunks)
        }

    def has_chunk(self, id: bytes, patience: int = 4 * MAX_DEPTH) -> bool:
        """Say whether a chunk is there, with all that it is predicted from, in chains that a reader would follow."""
        known = self._chunks.get(id)
        if known is None:
            # What leads back here does so in vain.
            self._chunks[id] = False
            known = self._chunks[id] = patience > 0 and any(
                all(self.has_chunk(source, patience - 1) for source in self._catalogue.link(spot).sources)
                for spot in self._catalogue.find_all(Kind.CHUNK, id)
            )
        return known


def find_damaged(
    catalogue: Catalogue, pointers: Sequence[Pointer], progress: Progress | None = None
) -> set[str]:
    """Read all that files need, compare checksums, and return the oids of those that are not there whole.

    Parameters
    ----------
    catalogue : Catalogue
        Learns what is rotten; nothing in it may be from a cache.
    pointers : sequence of Pointer
    progress : callable, optional
        Called with the bytes read since the last call.
    """
    missing = Wholeness(catalogue).find_missing(pointers)
    wanted = [pointer for pointer in pointers if pointer.oid not in missing]
    with Pool(STREAMS, "beatflow-verify") as pool:
        spans = catalogue.spans(_iter_needed(catalogue, wanted))
        with closing(work_ahead(pool, STREAMS, catalogue.try_span, spans)) as read:
            for span, _ in read:
                if progress:
                    progress(span.length)
    return missing | Wholeness(catalogue).find_missing(wanted)


def _iter_needed(catalogue: Catalogue, pointers: Sequence[Pointer]) -> Iterator[Spot]:
    """Yield every copy of every chunk that files need, directly or not."""

    def sources_of(id: bytes) -> list[bytes]:
        return [
            source for spot in catalogue.find_all(Kind.CHUNK, id) for source in catalogue.link(spot).sources
        ]

    closure = Closure(lambda id: False, sources_of)
    for manifest, _ in catalogue.find_manifests(pointers).values():
        for ref in manifest.chunks:
            for id in closure.add(ref.id):
                yield from catalogue.find_all(Kind.CHUNK, id)
