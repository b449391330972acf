"""Turns a stream of bytes into chunks ready to be stored: container parsing and content-defined cuts joined.

Knows no store. Laid end to end, the chunks are the stream, byte for byte; no chunk crosses from PCM into other
bytes, and within PCM every chunk but the last of a truncated file is whole frames.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from mmap import mmap
from typing import NamedTuple

from beatflow.objects.chunking import MAX_CHUNK, cut
from beatflow.objects.container import Read, Source, spans
from beatflow.objects.layout import Layout

BLOCK_BYTES = 2 * MAX_CHUNK
"""Of a buffer: room for what is left uncut of the one before, and for as much again."""


class Piece(NamedTuple):
    """One chunk's bytes, and how to read them when they are samples."""

    layout: Layout | None
    data: bytes


class Place(NamedTuple):
    """Where a chunk lies in a block, and how to read it when it is samples."""

    layout: Layout | None
    start: int
    end: int


class Block(NamedTuple):
    """Bytes of a stream in memory, and the chunks that end in them.

    From byte `start` to before `end` they are new; what is before them, of a chunk that begins there, was in the
    block before as well.
    """

    data: mmap
    start: int
    end: int
    places: list[Place]


def blocks(source: Source, take_buffer: Callable[[], mmap]) -> Iterator[Block]:
    """Read and cut all that a source gives.

    Parameters
    ----------
    source : Source
    take_buffer : callable
        Returns `BLOCK_BYTES` bytes to write to, for the next block. What it has returned before is still needed.
    """
    block = _Open(take_buffer())
    for span in spans(source):
        block.enter(span.layout)
        left = span.length
        while left is None or left > 0:
            if block.end == BLOCK_BYTES:
                full, block = block.close(last=False), block.follow(take_buffer())
                yield full
            with memoryview(block.data) as whole:
                room = min(BLOCK_BYTES, block.end + left) if left is not None else BLOCK_BYTES
                with whole[block.end : room] as free:
                    count = source.take_into(free)
            if not count:
                break
            block.end += count
            if left is not None:
                left -= count
    yield block.close(last=True)


def pieces(read: Read) -> Iterator[Piece]:
    """Cut everything that `read(count)` gives until it gives nothing."""
    buffers = cycle((mmap(-1, BLOCK_BYTES), mmap(-1, BLOCK_BYTES)))
    for block in blocks(Source(read), lambda: next(buffers)):
        for place in block.places:
            yield Piece(place.layout, block.data[place.start : place.end])


class _Open:
    """A block that is being filled: cut as far as `at`, read as far as `end`."""

    def __init__(self, data: mmap, layout: Layout | None = None) -> None:
        self.data = data
        self.end = 0
        self._start = 0
        self._at = 0
        self._layout = layout
        self._places: list[Place] = []

    def enter(self, layout: Layout | None) -> None:
        """Say how what comes next is to be read; plain bytes that follow plain bytes are cut as one."""
        if layout is not None or self._layout is not None:
            self._cut(last=True)
            self._layout = layout

    def close(self, last: bool) -> Block:
        """Cut what can be cut, all of it if it is the last."""
        self._cut(last)
        return Block(self.data, self._start, self.end, self._places)

    def follow(self, data: mmap) -> "_Open":
        """Go on in another buffer with what is left uncut."""
        after = _Open(data, self._layout)
        rest = self.end - self._at
        with memoryview(self.data) as whole:
            data[:rest] = whole[self._at : self.end]
        after._start = after.end = rest
        return after

    def _cut(self, last: bool) -> None:
        frame_bytes = self._layout.frame_bytes if self._layout else 1
        for length in cut(self.data, self._at, self.end, frame_bytes, last):
            whole = length - length % frame_bytes
            if whole:
                self._places.append(Place(self._layout, self._at, self._at + whole))
            self._at += whole
        if last and self._at < self.end:
            # The stream ended inside a frame.
            self._places.append(Place(None, self._at, self.end))
            self._at = self.end
