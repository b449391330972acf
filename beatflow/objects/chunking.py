"""Content-defined cuts: the same sound gives the same chunks wherever it stands in a file.

Knows bytes and frame sizes only. The parameters are the writer's choice: a reader never cuts, so they may change
without a new format version, at the price that sounds stored before and after share less.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from beatflow.native.cutting import Rules, find_cuts

if TYPE_CHECKING:
    from mmap import mmap

    from pyfastcdc import FastCDC

MIN_CHUNK = 64 * 1024
AVERAGE_CHUNK = 256 * 1024
MAX_CHUNK = 1024 * 1024
# Level 2 keeps sizes close to the average: spread 91 KiB against 140 at level 1 on orchestral 16-bit music.
NORMALIZATION: Final = 2
SEED = 0

# FastCDC's masks for that average and level: 20 bits before the average length, 16 from there on.
_RULES = Rules(MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK, 0x0000D91747537000, 0x0000D90303537000)


def cut(data: "bytearray | mmap", start: int, end: int, frame_bytes: int, last: bool) -> Sequence[int]:
    """Return how long the chunks are with which a stretch of bytes begins.

    They do not depend on where the stretch ends, but that the last may still be missing: what has no certain cut yet
    is to be given again with what follows it. Of `MAX_CHUNK` bytes at least one is certain.

    Parameters
    ----------
    data : bytearray or mmap
    start, end : int
        The stretch. A chunk begins at `start`.
    frame_bytes : int
        Each cut is rounded down to a multiple of this, counted from `start`. At most `MIN_CHUNK`.
    last : bool
        Whether nothing follows: then all of the stretch is cut, and the last chunk alone may end inside a frame.
    """
    ends = find_cuts(data, start, end, last, frame_bytes, _RULES) if start < end else ()
    if ends is None:
        with memoryview(data) as whole, whole[start:end] as stretch:
            return list(_cut_slowly(stretch, frame_bytes, last))
    return [end - before for before, end in zip((0, *ends), ends, strict=False)]


def _cut_slowly(data: memoryview, frame_bytes: int, last: bool) -> Iterator[int]:
    start = 0
    while len(data) - start >= MAX_CHUNK:
        length = _find_cut(data[start : start + MAX_CHUNK], frame_bytes)
        yield length
        start += length
    while last and start < len(data):
        rest = data[start:]
        length = len(rest) if len(rest) <= MIN_CHUNK else _find_cut(rest, frame_bytes)
        yield length
        start += length


def _find_cut(window: memoryview, frame_bytes: int) -> int:
    length: int = next(iter(_open_cutter().cut_buf(window))).length
    if length == len(window) < MAX_CHUNK:
        return length
    return length - length % frame_bytes


@cache
def _open_cutter() -> "FastCDC":
    from pyfastcdc import FastCDC

    return FastCDC(
        AVERAGE_CHUNK,
        min_size=MIN_CHUNK,
        max_size=MAX_CHUNK,
        normalized_chunking=NORMALIZATION,
        seed=SEED,
    )
