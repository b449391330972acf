"""Stored files as something to predict from: their samples by frame, and the chunks that hold them.

Knows manifests and where chunks' bytes can be had quickest; no codecs' insides and no fitting.
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from beatflow.errors import BeatFlowError
from beatflow.objects.beside import read_stretch
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.prediction import is_predictable
from beatflow.objects.reach import Reach
from beatflow.objects.reading import ChunkReader


class Part(NamedTuple):
    """The chunks that cover a stretch of a file, and the frame of theirs at which it begins."""

    chunks: tuple[ChunkRef, ...]
    start: int


class SourceFile:
    """One stored file's samples: those of its longest region of PCM.

    Parameters
    ----------
    manifest : Manifest
        Of the file.
    reader : ChunkReader
        Reads, and keeps, chunks of the store.
    reach_of : callable
        Tells how far a chunk's predictions reach.
    path : Path, optional
        Where the file itself lies, as it was when it was stored. It is quicker to read, and the only place to read
        what no pack has yet. What it says is believed after comparing with the chunk's id, and for `peek_bytes`.
    """

    def __init__(
        self,
        manifest: Manifest,
        reader: ChunkReader,
        reach_of: Callable[[ChunkRef], Reach],
        path: Path | None = None,
    ) -> None:
        self._reader = reader
        self._reach_of = reach_of
        self._path = path
        self.layout: Layout | None = None
        self._offset = 0
        self._refs: tuple[ChunkRef, ...] = ()
        offset = length = 0
        for region in manifest.regions:
            if region.layout and is_predictable(region.layout) and region.length > length:
                self.layout, self._refs, self._offset = region.layout, region.chunks, offset
                length = region.length
            offset += region.length
        self._ends = list(accumulate(ref.length for ref in self._refs))
        self._places: dict[bytes, int] | None = None

    @property
    def frames(self) -> int:
        """How many there are."""
        return self._ends[-1] // self.layout.frame_bytes if self.layout else 0

    def frame_of(self, id: bytes) -> int | None:
        """Return the first frame of the first chunk of that id, None where there is no such chunk."""
        if self._places is None:
            self._places = {}
            for ref, end in zip(self._refs, self._ends, strict=True):
                self._places.setdefault(ref.id, end - ref.length)
        place = self._places.get(id)
        return None if place is None or not self.layout else place // self.layout.frame_bytes

    def cover(self, start: int, frames: int) -> Part | None:
        """Return the chunks that hold a stretch, as far as there are any; None where there are none."""
        low, high = max(start, 0), min(start + frames, self.frames)
        if low >= high or not self.layout:
            return None
        width = self.layout.frame_bytes
        first = bisect_right(self._ends, low * width)
        last = bisect_right(self._ends, high * width - 1)
        begin = (self._ends[first] - self._refs[first].length) // width
        return Part(self._refs[first : last + 1], start - begin)

    def peek_bytes(self, low: int, high: int) -> bytes | None:
        """Return what stands in the file from one frame, not below 0, to another; not verified: for judging only.

        None where it cannot be had.
        """
        width = self.layout.frame_bytes if self.layout else 0
        high = min(high, self.frames)
        return self._read_bytes(low * width, high * width) if low < high else b""

    def read(self, chunks: tuple[ChunkRef, ...]) -> dict[bytes, bytes] | None:
        """Return the verified bytes of some chunks of this file by their ids; None where they cannot be had."""
        found = {ref.id: self._read_chunk(ref) for ref in chunks}
        whole = {id: raw for id, raw in found.items() if raw is not None}
        return whole if len(whole) == len(found) else None

    def reach(self, chunks: tuple[ChunkRef, ...]) -> Reach:
        """Return how far the predictions of some chunks reach, at most."""
        reaches = [self._reach_of(ref) for ref in chunks]
        return Reach(max(reach.depth for reach in reaches), max(reach.cost for reach in reaches))

    def _read_bytes(self, start: int, end: int) -> bytes | None:
        """Return bytes of the region, from the file as it lies there or from its chunks."""
        if self._path:
            raw = read_stretch(self._path, self._offset + start, end - start)
            if raw is not None:
                return raw
        first = bisect_right(self._ends, start)
        last = bisect_right(self._ends, end - 1)
        parts = [self._read_chunk(ref) for ref in self._refs[first : last + 1]]
        if any(part is None for part in parts):
            return None
        begin = self._ends[first] - self._refs[first].length
        return b"".join(part for part in parts if part)[start - begin : end - begin]

    def _read_chunk(self, ref: ChunkRef) -> bytes | None:
        kept = self._reader.find_kept(ref)
        if kept is not None:
            return kept
        raw = self._read_beside(ref)
        if raw is not None:
            self._reader.keep(ref.id, raw, self._reach_of(ref).depth)
            return raw
        try:
            return self._reader.read(ref, keep=True)
        except BeatFlowError:
            return None

    def _read_beside(self, ref: ChunkRef) -> bytes | None:
        frame = self.frame_of(ref.id) if self._path else None
        if self._path is None or frame is None or self.layout is None:
            return None
        raw = read_stretch(self._path, self._offset + frame * self.layout.frame_bytes, ref.length)
        return raw if raw is not None and sha256(raw) == ref.id else None
