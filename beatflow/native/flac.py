"""FLAC streams by compiled kernels: what a chunk's bytes, or integers, become and come from.

Knows addresses and the numbers of formats in docs/format.md (`SampleFormat`'s), no stores and no numpy. Everything here
answers None where there are no kernels.
"""

import ctypes

from beatflow.native import kernels

BLOCK = 4096
"""Frames of a FLAC frame; the last one may be shorter."""

MAX_CHANNELS = 8


def encode_flac(raw: bytes, sample_format: int, channels: int, first: int = 0, count: int = 0) -> bytes | None:
    """Return a chunk's samples as one native FLAC stream.

    Parameters
    ----------
    raw : bytes
        A whole number of frames.
    sample_format : int
        A `SampleFormat`.
    channels : int
        Of each frame.
    first, count : int
        The channels that go into the stream, at most 8; 0 stands for all from `first` on.

    Returns
    -------
    bytes or None
        None where there are no kernels, or a sample is no integer of 24 bits.
    """
    return None


def encode_values(address: int, wide: bool, frames: int, channels: int, bits: int) -> bytes | None:
    """Return integers as one native FLAC stream.

    Parameters
    ----------
    address : int
        Of C-contiguous int16 or int32 (`wide`), shape (frames, channels), each within `bits` bits (right-justified).
    wide : bool
    frames, channels : int
        1 to 8 channels.
    bits : int
        8, 16 or 24.

    Returns
    -------
    bytes or None
        None where there are no kernels, or a value does not fit.
    """
    return None
