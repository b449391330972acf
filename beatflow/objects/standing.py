"""How stored chunks stand, found out by reading them: whether they are sound, and how far their predictions reach.

Knows packs and records' checksums; decodes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import REBUILT, Entry, Flag, Kind, Record
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.reach import ALONE, LOST, MAX_DEPTH, Reach
from beatflow.objects.reading import read_reach

if TYPE_CHECKING:
    from beatflow.objects.intake import Buffers

# Chunks of a file that are looked at together: half the time of one by one.
_AHEAD = 8


class Standing(NamedTuple):
    """Whether the store has a record of a chunk, and whether that is good for something."""

    is_there: bool
    is_sound: bool


class Standings:
    """How chunks stand: one whose predictions reach beyond all limits is lost, or one that it needs is.

    Nothing may be predicted from a lost chunk, even if its bytes are at hand: what is lost may be the very chunk that
    is to be predicted. May be asked on several threads.

    Parameters
    ----------
    packs : PackSet
    buffers : Buffers
        Memory to read into.
    """

    def __init__(self, packs: PackSet, buffers: "Buffers") -> None:
        self._packs = packs
        self._buffers = buffers
        self._known: dict[bytes, Reach] = {}

    def note(self, id: bytes, reach: Reach) -> None:
        """Say how far the predictions of a chunk reach that has been written."""
        self._known[id] = reach

    def forget(self, id: bytes) -> None:
        """Take that back."""
        self._known.pop(id, None)

    def along(self, chunks: Sequence[ChunkRef]) -> Callable[[ChunkRef], Reach]:
        """Return what tells of a file's chunks how far their predictions reach, asked in about their order."""
        ids = [ref.id for ref in chunks]
        places = {id: place for place, id in enumerate(ids)}
        looking = Lock()

        def find(ref: ChunkRef) -> Reach:
            if ref.id not in self._known:
                # Whoever comes second finds the same neighbours known.
                with looking:
                    if ref.id not in self._known:
                        start = places[ref.id] // _AHEAD * _AHEAD
                        self.judge(ids[start : start + _AHEAD])
            return self._find(ref.id, MAX_DEPTH + 1)

        return find

    def judge(self, ids: Sequence[bytes]) -> list[Standing]:
        """Tell of chunks whether they are there, and whether they can be read as far as checksums tell: one that is
        damaged, or lost with what it is predicted from, is to be written again.
        """
        places = self._packs.find_all(Kind.CHUNK, ids)
        self._survey([place for place in places if place])
        return [
            Standing(place is not None, place is not None and self._find(id, MAX_DEPTH + 1) != LOST)
            for id, place in zip(ids, places, strict=True)
        ]

    def _survey(self, waiting: list[tuple[Pack, Entry]]) -> None:
        """Find out about several chunks, those that lie beside each other at once: quicker than one by one."""
        levels: list[list[tuple[Record, tuple[bytes, ...]]]] = []
        seen: set[bytes] = set()
        while waiting and len(levels) <= MAX_DEPTH:
            unknown = [place for place in waiting if place[1].id not in self._known]
            levels.append(self._skim(unknown))
            seen.update(entry.id for _, entry in unknown)
            needed = {id for _, ids in levels[-1] for id in ids if id not in seen and id not in self._known}
            waiting = [place for place in self._packs.find_all(Kind.CHUNK, list(needed)) if place]
        # What others stand on comes first.
        for level in reversed(levels):
            for record, needs in level:
                with suppress(DamagedError):
                    self._known.setdefault(record.entry.id, self._measure(record, needs, MAX_DEPTH + 1))

    def _skim(self, places: Sequence[tuple[Pack, Entry]]) -> list[tuple[Record, tuple[bytes, ...]]]:
        """Return the records that are sound by themselves, without their payloads, and the chunks that each needs."""
        entries: dict[Pack, list[Entry]] = {}
        for pack, entry in places:
            entries.setdefault(pack, []).append(entry)
        found = []
        scratch = self._buffers.take()
        try:
            for pack, some in entries.items():
                with suppress(FileNotFoundError):
                    for record in pack.skim(some, scratch):
                        with suppress(DamagedError):
                            found.append((record, record.dependencies))
        finally:
            self._buffers.give(scratch)
        return found

    def _find(self, id: bytes, limit: int) -> Reach:
        """Return how far a chunk's predictions reach. One that stands on `limit` predictions or more counts as lost as
        well, so that none is followed round in a circle.
        """
        known = self._known.get(id)
        # What has been noted meanwhile is truer than what was found before it.
        return known or self._known.setdefault(id, self._read(id, limit))

    def _read(self, id: bytes, limit: int) -> Reach:
        """Read a chunk wherever it is: it may be damaged in one pack and lie sound in another."""
        if self._packs.find(Kind.CHUNK, id) is None:
            return LOST
        try:
            return self._packs.read(
                Kind.CHUNK, id, lambda record: self._measure(record, record.dependencies, limit)
            )
        except BeatFlowError:
            return LOST

    def _measure(self, record: Record, needs: Sequence[bytes], limit: int) -> Reach:
        if record.entry.codec not in REBUILT:
            return LOST if record.entry.flags & Flag.DEPENDS else ALONE
        reach = read_reach(record)
        if reach.depth >= limit or any(self._find(id, reach.depth).depth >= reach.depth for id in needs):
            raise DamagedError("what it is predicted from is lost")
        return reach
