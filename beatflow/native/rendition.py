"""The sum of stems with faders by compiled kernels, as it stands in a mix's file.

Knows bytes and the numbers of formats in docs/format.md ("Rendition"), no stores and no numpy. Needs kernels: ask
`is_at_hand` first.
"""

import ctypes
import struct
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from beatflow.native import declare
from beatflow.native.buffers import find_address, new_bytes

_PART = struct.Struct("@Pqqii8I0q")
_CHANNELS = 8


class Part(NamedTuple):
    """Whole frames of a stem as they stand in its file, and its gain in each channel of the mix, in ``2**-20``.

    They begin at frame `begin` of the mix, which may be negative.
    """

    begin: int
    raw: bytes
    format: int
    channels: int
    gains: tuple[int, ...]


def is_at_hand() -> bool:
    """Say whether there are kernels for this."""
    return _library() is not None


def render(parts: Iterable[Part], sample_format: int, channels: int, frames: int) -> bytes:
    """Return the sum of parts as it stands in a file; what lies outside of its frames counts not.

    Parameters
    ----------
    parts : iterable of Part
        Each of one channel, which goes into all, or as many as the mix. No sum exceeds ``2**53``.
    sample_format, channels, frames : int
        Of the mix; 1 to 8 channels, and no S32.

    Raises
    ------
    ValueError
        A part has samples that are not numbers.
    """
    library = _library()
    kept, packed = [], []
    for begin, raw, form, count, gains in parts:
        kept.append(raw)
        length = len(raw) // (library.bf_width(form) * count)
        some = gains + (0,) * (_CHANNELS - len(gains))
        packed.append(_PART.pack(find_address(raw), length, begin, form, count, *some))
    raw, place = new_bytes(frames * channels * library.bf_width(sample_format))
    if library.bf_render(b"".join(packed), len(packed), sample_format, channels, frames, place):
        raise ValueError("samples that are not numbers")
    return raw


@cache
def _library() -> Any:
    place, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    return declare(bf_render=(number, ctypes.c_char_p, ctypes.c_int32, number, number, long, place))
