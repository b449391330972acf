"""Content-defined cuts: the same sound gives the same chunks wherever it stands in a file.

Knows bytes and frame sizes only. The parameters are the writer's choice: a reader never cuts, so they may change
without a new format version, at the price that sounds stored before and after share less.
"""

from collections.abc import Iterator
from typing import Final

from pyfastcdc import FastCDC

MIN_CHUNK = 64 * 1024
AVERAGE_CHUNK = 256 * 1024
MAX_CHUNK = 1024 * 1024
# Level 2 keeps sizes close to the average: spread 91 KiB against 140 at level 1 on orchestral 16-bit music.
NORMALIZATION: Final = 2
SEED = 0


class Cutter:
    """Cuts a stream that arrives in blocks; the cuts do not depend on where the blocks end.

    A cut depends on the `MAX_CHUNK` bytes that follow the previous cut and on nothing else, so it is enough to
    hold that many.

    Parameters
    ----------
    frame_bytes : int
        Each cut is rounded down to a multiple of this, counted from the first byte fed. At most `MIN_CHUNK`.
    """

    def __init__(self, frame_bytes: int = 1) -> None:
        self._frame_bytes = frame_bytes
        self._held = b""
        self._cutter = FastCDC(
            AVERAGE_CHUNK,
            min_size=MIN_CHUNK,
            max_size=MAX_CHUNK,
            normalized_chunking=NORMALIZATION,
            seed=SEED,
        )

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes; yield the chunks that are certain by now."""
        held = self._held + data if self._held else data
        start = 0
        while len(held) - start >= MAX_CHUNK:
            end = start + self._length(memoryview(held)[start : start + MAX_CHUNK])
            yield held[start:end]
            start = end
        self._held = held[start:]

    def finish(self) -> Iterator[bytes]:
        """Yield what is left; the last chunk alone may end inside a frame."""
        held, self._held = self._held, b""
        start = 0
        while start < len(held):
            rest = memoryview(held)[start:]
            length = len(rest) if len(rest) <= MIN_CHUNK else self._length(rest)
            yield held[start : start + length]
            start += length

    def _length(self, window: memoryview) -> int:
        length: int = next(iter(self._cutter.cut_buf(window))).length
        if length == len(window) < MAX_CHUNK:
            return length
        return length - length % self._frame_bytes
