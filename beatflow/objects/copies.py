"""Which of several copies of a chunk to keep, where one or another of them is predicted.

Knows packs and dependencies, no codecs. A chunk that was lost with what it was predicted from, and added again, has
a copy that stands alone beside one that may now be predicted from what is predicted from the first: of the two
chunks' four copies, those two together are none.
"""

from contextlib import suppress
from typing import NamedTuple

from beatflow.errors import BeatFlowError
from beatflow.objects.pack import Kind
from beatflow.objects.packset import PackSet
from beatflow.objects.reach import MAX_DEPTH
from beatflow.objects.reading import read_reach


class Copy(NamedTuple):
    """A sound record, by the pack that it is in and its place there, and what it needs."""

    depth: int
    pack: str
    offset: int
    dependencies: tuple[bytes, ...]


class Copies:
    """Finds, for each chunk, the copy that can be read and stands on the fewest predictions.

    Those of several chunks never lead round in a circle: each stands on ones that stand on fewer.
    """

    def __init__(self, packs: PackSet) -> None:
        self._packs = packs
        self._best: dict[bytes, Copy] = {}
        self._none_below: dict[bytes, int] = {}

    def choose(self, id: bytes, limit: int = MAX_DEPTH + 1) -> Copy | None:
        """Return the best copy that stands on fewer than `limit` predictions, None where there is none."""
        best = self._best.get(id)
        if best is None and self._none_below.get(id, 0) < limit:
            best = next((copy for copy in self._list(id, limit) if self._is_whole(copy)), None)
            if best is None:
                self._none_below[id] = limit
            else:
                self._best[id] = best
        return best if best and best.depth < limit else None

    def _list(self, id: bytes, limit: int) -> list[Copy]:
        found = []
        for pack, entry in self._packs.locations(Kind.CHUNK, id):
            with suppress(BeatFlowError):
                record = pack.read(entry)
                depth = read_reach(record).depth
                if depth < limit:
                    found.append(Copy(depth, pack.name, entry.offset, record.dependencies))
        return sorted(found)

    def _is_whole(self, copy: Copy) -> bool:
        return all(self.choose(id, copy.depth) for id in copy.dependencies)
