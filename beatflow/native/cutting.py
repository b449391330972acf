"""Content-defined cuts by a compiled kernel: the twin of pyfastcdc as `objects/chunking.py` uses it.

Knows FastCDC's table of random numbers; sizes and masks are the caller's.
"""

import ctypes
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from beatflow.native import declare

if TYPE_CHECKING:
    from mmap import mmap


class Rules(NamedTuple):
    """How large chunks are, in bytes, and which bits of the hash are 0 at a cut before the average length and after.

    The least length is even: places are looked at from the even one before it on.
    """

    least: int
    average: int
    most: int
    before: int
    after: int


def find_cuts(
    data: "bytearray | mmap", start: int, end: int, last: bool, frame_bytes: int, rules: Rules
) -> Sequence[int] | None:
    """Return the place after each chunk of a stretch of bytes, counted from its beginning; None without the kernel.

    Parameters
    ----------
    data : bytearray or mmap
    start, end : int
        The stretch, not empty. A chunk begins at `start`.
    last : bool
        Whether nothing follows; else only those cuts are returned that hold whatever follows.
    frame_bytes : int
        Each cut but the very last is rounded down to a multiple of this, at most ``rules.least``.
    rules : Rules
    """
    library = _library()
    if library is None:
        return None
    length = end - start
    ends = (ctypes.c_int64 * (length // (rules.least - frame_bytes + 1) + 1))()
    first = ctypes.c_char.from_buffer(data, start)
    count = library.bf_cut(ctypes.byref(first), length, last, frame_bytes, *rules, _make_gear(), ends)
    return ends[:count]


@cache
def _library() -> Any:
    place, number, size, mask = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_uint64
    return declare(bf_cut=(size, place, size, number, *(size,) * 4, mask, mask, place, place))


@cache
def _make_gear() -> "ctypes.Array[ctypes.c_uint64]":
    """Return FastCDC's number for each byte: the MD5 of 64 times that byte, the first 8 bytes of it, big-endian."""
    digests = (hashlib.md5(bytes((byte,)) * 64, usedforsecurity=False).digest() for byte in range(256))
    return (ctypes.c_uint64 * 256)(*(int.from_bytes(digest[:8], "big") for digest in digests))
