"""Fits a new stem among others: rate, channels, length, level, and room, so that the sum is the mix exactly.

Reads the others' files; writes none.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import get_bits
from beatflow.sound.files import SoundInfo, read_audio, read_info
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.resample import resample
from beatflow.sound.seam import spread_channels

Signal = NDArray[np.float64]
"""Samples that any integer of up to 24 bits, and any sum of such, is exact in; shape (frames, channels)."""

BELOW_LU = 6.0
"""How far below the others together a stem lies that none was there for before."""
_STEP_DB = -1.0
_MAX_CLIPPED = 1e-4


def read_like(files: Mapping[str, Path], stem: str) -> SoundInfo:
    """The shape and format of a track's stems, as its stem of that name has it, or else its first.

    Raises
    ------
    AudioError
        The stems differ, so that the mix could not be their exact sum, or the format has no such sum.
    """
    infos = {name: read_info(path) for name, path in files.items()}
    like = infos.get(stem) or next(iter(infos.values()))
    for name, info in infos.items():
        if replace(info, format=like.format, truncated=like.truncated) != like:
            raise AudioError(
                f"stem {name} has another rate, depth, length or number of channels than the others",
                hint="bounce all stems alike, or take a new mix: bf generate",
            )
    bits = get_bits(like.subtype)
    if bits is not None and bits > 24:
        raise AudioError(
            f"stems of {like.subtype} have no exact sum here", hint="bounce them in 24 bits or 32-bit float"
        )
    return like


def sum_others(files: Mapping[str, Path], stem: str, like: SoundInfo) -> Signal:
    """The sum of all stems but one, sample for sample."""
    total = np.zeros((like.frames, like.channels))
    for name, path in files.items():
        if name != stem:
            total += read_audio(path).samples
    return total


def shape_like(audio: Audio, like: SoundInfo) -> Audio:
    """A sound at another's rate, channels and length: cut, or followed by silence."""
    at_rate = resample(audio, like.sample_rate)
    spread = spread_channels(at_rate.samples.astype(np.float64), like.channels)
    samples = np.zeros((like.frames, like.channels), np.float32)
    frames = min(like.frames, len(spread))
    samples[:frames] = spread[:frames]
    return Audio(samples, like.sample_rate)


def fit_stem(new: Audio, old: Audio | None, others: Signal, subtype: str) -> tuple[Audio, Audio]:
    """Bring a stem to the level (RMS) of the one that it replaces, and further down until the sum has room for it.

    Parameters
    ----------
    new : Audio
    old : Audio or None
        What it replaces; without it, the stem comes to lie ``BELOW_LU`` below the others.
    others : ndarray of float64, shape (frames, channels)
        Sum of the other stems; ``new`` has the same shape.
    subtype : str
        Of all of them.

    Returns
    -------
    (Audio, Audio)
        The stem, and the mix: on the subtype's grid, inside its range. At most one sample in 10,000 was held at the
        edge. Floats have no edge, and their mix is the sum rounded once.

    Raises
    ------
    AudioError
        The others alone leave the range.
    """
    gain = _find_gain(new, old, others)
    bits = get_bits(subtype)
    if bits is None:
        stem = (new.samples * gain).astype(np.float32)
        return Audio(stem, new.sample_rate), Audio((others + stem).astype(np.float32), new.sample_rate)
    scale = float(1 << (bits - 1))
    low, high = -scale - others * scale, scale - 1 - others * scale
    if (low > scale - 1).any() or (high < -scale).any():
        raise AudioError(
            "the other stems are too loud together: no mix has room for them", hint="turn them down"
        )
    while True:
        wanted = np.rint(new.samples * (gain * scale))
        fitted = np.clip(wanted, np.maximum(low, -scale), np.minimum(high, scale - 1))
        if np.count_nonzero(fitted != wanted) <= _MAX_CLIPPED * wanted.size or gain < 1e-4:
            stem = fitted / scale
            sound, mix = (Audio(one.astype(np.float32), new.sample_rate) for one in (stem, others + stem))
            return sound, mix
        gain *= 10 ** (_STEP_DB / 20)


def _find_gain(new: Audio, old: Audio | None, others: Signal) -> float:
    if old is not None:
        rms_new, rms_old = _rms(new), _rms(old)
        return rms_old / rms_new if rms_new > 0 and rms_old > 0 else 1.0
    beside = Audio(others.astype(np.float32), new.sample_rate)
    levels = [measure_loudness(audio).integrated_lufs for audio in (beside, new)]
    if levels[0] is None or levels[1] is None:
        return 1.0
    return float(10 ** ((levels[0] - BELOW_LU - levels[1]) / 20))


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio.samples.astype(np.float64) ** 2))) if audio.frames else 0.0
