"""FLAC by libsndfile: at levels that the kernels do not go to, and where there are none.

Knows libsndfile and nothing of stores. Integers are left-justified in int16 (8 and 16 bits) or int32 (24 bits).
"""

import io
import os
import threading

import numpy as np

from beatflow.objects.layout import Layout
from beatflow.objects.samples import Integers, from_integers, to_integers
from beatflow.objects.sndfile import LibsndfileError, SoundFile

_SUBTYPES = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}

MAX_CHANNELS = 8


def encode_samples(raw: bytes, layout: Layout, level: float) -> list[bytes] | None:
    """Encode a chunk as one stream for each 8 of its channels; None where 24 bits cannot hold its samples."""
    samples = to_integers(raw, layout.format)
    if samples is None:
        return None
    frames = samples.reshape(-1, layout.channels)
    groups = [frames[:, first : first + MAX_CHANNELS] for first in range(0, layout.channels, MAX_CHANNELS)]
    return [encode_stream(group, layout.format.bits, level) for group in groups]


def decode_samples(streams: list[bytes], frames: int, layout: Layout) -> bytes:
    """Undo `encode_samples`.

    Raises
    ------
    ValueError
        As `decode_stream`.
    """
    groups = [
        decode_stream(
            stream, frames, min(MAX_CHANNELS, layout.channels - MAX_CHANNELS * number), layout.format.bits
        )
        for number, stream in enumerate(streams)
    ]
    samples = groups[0] if len(groups) == 1 else np.concatenate(groups, axis=1)
    return from_integers(samples.reshape(-1), layout.format)


class _FlacFile(SoundFile):  # type: ignore[misc]  # python-soundfile has no types
    """A FLAC stream in memory.

    python-soundfile opens all files under one lock. When libsndfile opens a stored file, its first bytes may have
    to be decoded in the middle of that, so chunks are opened under a lock of their own.
    """

    _sf_error_lock = threading.Lock()


def encode_stream(frames: Integers, bits: int, level: float) -> bytes:
    """Encode frames of 1 to 8 channels, shape (frames, channels), as one native FLAC stream."""
    if hasattr(os, "memfd_create"):
        # A file in memory of the kernel's: libsndfile needs not call back, and wait for, the interpreter.
        descriptor = os.memfd_create("flac")
        try:
            _write_stream(descriptor, frames, bits, level)
            return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        finally:
            os.close(descriptor)
    file = io.BytesIO()
    _write_stream(file, frames, bits, level)
    return file.getvalue()


def _write_stream(file: int | io.BytesIO, frames: Integers, bits: int, level: float) -> None:
    # The rate is a constant: it is not the codec's to know, and equal chunks must encode alike.
    with _FlacFile(
        file,
        "w",
        48000,
        frames.shape[1],
        _SUBTYPES[bits],
        format="FLAC",
        compression_level=level,
        closefd=False,
    ) as sound:
        sound.write(np.ascontiguousarray(frames))


def decode_stream(stream: bytes, frames: int, channels: int, bits: int) -> Integers:
    """Undo `encode_stream`.

    Raises
    ------
    ValueError
        Not a FLAC stream, not one of so many frames, channels and bits, or a damaged one.
    """
    if stream[:4] != b"fLaC":
        raise ValueError("not a FLAC stream")
    try:
        found = _read_stream(stream, frames, channels, bits)
    except LibsndfileError as error:
        raise ValueError(f"a damaged FLAC stream: {error}") from error
    if len(found) != frames:
        raise ValueError(f"{len(found)} frames in place of {frames}")
    return found


def _read_stream(stream: bytes, frames: int, channels: int, bits: int) -> Integers:
    with _FlacFile(io.BytesIO(stream)) as sound:
        if (sound.channels, sound.frames) != (channels, frames):
            raise ValueError(f"{sound.frames} frames of {sound.channels} channels")
        if sound.subtype != _SUBTYPES[bits]:
            raise ValueError(f"a stream of {sound.subtype}")
        found: Integers = sound.read(dtype="int16" if bits <= 16 else "int32", always_2d=True)
    return found
