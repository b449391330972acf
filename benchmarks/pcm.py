"""Integer sound as arrays, written as WAV files whose every byte is known. Knows nothing of edits or stores."""

import struct

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int32]
"""Integer samples, shape (frames, channels); how many bits they fill is said where they are written."""

_PCM, _FLOAT = 1, 3


def wav_bytes(samples: NDArray[np.generic], sample_rate: int, bits: int = 16, tags: str = "") -> bytes:
    """Return a WAV file.

    Parameters
    ----------
    samples : ndarray, shape (frames, channels)
        Integers of `bits` bits, or float32, which is written as it is.
    tags : str
        Text for an INFO chunk in front of the sound, as taggers write it; the sound then starts further on.
    """
    if samples.dtype == np.float32:
        kind, bits, data = _FLOAT, 32, samples.astype("<f4").tobytes()
    elif bits == 16:
        kind, data = _PCM, samples.astype("<i2").tobytes()
    else:
        words = np.ascontiguousarray(samples.astype("<i4")).view(np.uint8)
        kind, data = _PCM, words.reshape(-1, 4)[:, : bits // 8].tobytes()
    channels = samples.shape[1]
    frame_bytes = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits)
    info = _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", tags.encode() + b"\0")) if tags else b""
    return _chunk(b"RIFF", b"WAVE" + _chunk(b"fmt ", form) + info + _chunk(b"data", data))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def to_integers(samples: NDArray[np.floating], bits: int = 16) -> Pcm:
    """Round to the nearest integer and saturate."""
    top = 1 << (bits - 1)
    return np.clip(np.rint(samples), -top, top - 1).astype(np.int32)


def decibels(gain_db: float) -> float:
    """Return the factor of a gain."""
    return float(10.0 ** (gain_db / 20.0))
