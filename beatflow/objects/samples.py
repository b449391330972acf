"""Samples as they stand in a file, to integers and back, bit for bit.

Knows sample formats and numpy, no codecs. Integers are in int16 (formats of one or two bytes) or int32 (all others, of
which 24 bits count): of `to_integers` left-justified, as libsndfile takes them, of `read_samples` right-justified.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.layout import Layout, SampleFormat

# A float on this grid is an integer of 24 bits in disguise.
_GRID = 2.0**23

Integers = NDArray[np.signedinteger[Any]]


def to_integers(raw: bytes, sample_format: SampleFormat) -> Integers | None:
    """Return the samples, all channels in one row, or None where 24 bits cannot hold them exactly."""
    if sample_format.is_float:
        return _float_to_integers(raw, sample_format)
    match sample_format.width:
        case 1:
            levels = np.frombuffer(raw, np.uint8).astype(np.int16) << 8
            return (levels ^ -0x8000).astype(np.int16) if sample_format is SampleFormat.U8 else levels
        case 2:
            return np.frombuffer(raw, _dtype(sample_format)).astype(np.int16, copy=False)
        case 3:
            return _widen(raw, sample_format)
    words32 = np.frombuffer(raw, _dtype(sample_format)).astype(np.int32, copy=False)
    return None if np.any(words32 & 0xFF) else words32


def _widen(raw: bytes, sample_format: SampleFormat) -> NDArray[np.int32]:
    """Read triples of bytes as words that begin one byte earlier, and clear that byte."""
    count = len(raw) // 3
    if sample_format.is_big_endian:
        words = np.ndarray((count,), ">i4", raw + b"\0", strides=(3,)).astype(np.int32)
    else:
        words = np.ndarray((count,), "<i4", b"\0" + raw, strides=(3,)).astype(np.int32)
    words &= ~0xFF
    return words


def _float_to_integers(raw: bytes, sample_format: SampleFormat) -> NDArray[np.int32] | None:
    """Return floats that all lie on the 24-bit grid as integers; None if any does not, or is -0.0."""
    samples = np.frombuffer(raw, _dtype(sample_format))
    if not _on_grid(samples[:1024]) or not _on_grid(samples):
        return None
    levels = (samples * _GRID).astype(np.int32) << 8
    return levels if from_integers(levels, sample_format) == raw else None


def _on_grid(samples: NDArray[Any]) -> bool:
    # NaN fails the first comparison; what is left cannot overflow the product.
    inside = bool(np.all((samples >= -1.0) & (samples < 1.0)))
    if not inside:
        return False
    levels = samples * samples.dtype.type(_GRID)
    return bool(np.all(levels == np.rint(levels)))


def from_integers(samples: Integers, sample_format: SampleFormat) -> bytes:
    """Undo `to_integers`."""
    if sample_format.is_float:
        dtype = _dtype(sample_format)
        levels = (samples >> 8).astype(dtype) / dtype.type(_GRID)
        return bytes(levels.astype(dtype).tobytes())
    match sample_format.width:
        case 1:
            levels = samples ^ -0x8000 if sample_format is SampleFormat.U8 else samples
            return (levels >> 8).astype(np.uint8).tobytes()
        case 3:
            words = samples.astype("<i4", copy=False).view(np.uint8).reshape(-1, 4)
            packed = np.empty((len(words), 3), np.uint8)
            # Column by column: numpy copies rows of three bytes one at a time.
            for place in range(3):
                packed[:, 2 - place if sample_format.is_big_endian else place] = words[:, place + 1]
            return packed.tobytes()
    return samples.astype(_dtype(sample_format), copy=False).tobytes()


def read_samples(raw: bytes, layout: Layout) -> Integers | None:
    """Return PCM as right-justified integers, shape (frames, channels), or None where 24 bits cannot hold them."""
    flat = to_integers(raw, layout.format)
    if flat is None:
        return None
    unused = _unused_bits(layout)
    return (flat >> unused if unused else flat).reshape(-1, layout.channels)


def write_samples(values: Integers, layout: Layout) -> bytes:
    """Undo `read_samples`."""
    unused = _unused_bits(layout)
    flat = values.reshape(-1) << unused if unused else values.reshape(-1)
    narrow = np.int16 if layout.format.width < 3 else np.int32
    return from_integers(flat.astype(narrow, copy=False), layout.format)


def join_samples(raws: Sequence[bytes], layout: Layout) -> Integers:
    """Return the samples of chunks laid end to end, from their bytes.

    Raises
    ------
    ValueError
        24 bits cannot hold them.
    """
    parts = []
    for raw in raws:
        found = read_samples(raw, layout)
        if found is None:
            raise ValueError("samples that are no integers of 24 bits")
        parts.append(found)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def measure_roughness(samples: Integers) -> float:
    """Return the mean second difference, of every fourth frame where there are many."""
    few = samples[::4].astype(np.float32) if len(samples) > 4096 else samples.astype(np.float32)
    steps = np.abs(np.diff(few, n=2, axis=0))
    return float(steps.mean()) if steps.size else 0.0


def _unused_bits(layout: Layout) -> int:
    """Return by how many bits samples that are left-justified stand to the left."""
    return 0 if layout.format.width == 2 else 8


def _dtype(sample_format: SampleFormat) -> np.dtype[Any]:
    order = ">" if sample_format.is_big_endian else "<"
    return np.dtype(f"{order}{'f' if sample_format.is_float else 'i'}{sample_format.width}")
