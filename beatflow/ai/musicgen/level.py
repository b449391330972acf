"""How loud a piece gets: windows that do not drift apart, then one gain to the target, and 16 bits.

The windows of a long piece may creep away from each other in loudness. Each stretch that one of them added is measured;
what is further than a musical difference from the first is brought back to it by a gain that moves slowly. Then the
whole is brought to its target by one gain: nothing is compressed, limited or clipped. Knows no model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.exact import quantize
from beatflow.sound.loudness import measure_loudness

TARGET_LUFS = -14.0
CEILING_DBTP = -1.2
"""True peak at most; the promise is -1 dBTP, and rounding and other meters need a little room."""

SUBTYPE = "PCM_16"
_TOLERATED_DB = 4.0
"""Verse and chorus differ by as much."""

_MOST_DB = 12.0
_FADE_S = 0.005
_QUIETEST_LUFS = -60.0
"""Below this there is nothing to make louder but the codec's own noise."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was done to a piece, in dB, and how loud it is now."""

    gain_db: float
    window_lufs: tuple[float | None, ...]
    window_gains_db: tuple[float, ...]
    loudness_lufs: float | None
    true_peak_dbtp: float | None


def master(samples: Samples, sample_rate: int, starts: Sequence[int] = (0,)) -> tuple[Audio, Level]:
    """Bring a piece to -14 LUFS, or as close as its true peak lets it, and to 16 bits.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        As decoded, at any level; must be finite.
    sample_rate : int
    starts : sequence of int
        Frame at which each window's own stretch begins, the first 0.

    Returns
    -------
    Audio
        As many frames; the last 5 ms fade out, so that a piece that was cut off does not click.
    Level
    """
    piece, window_lufs, gains = even_out(samples, sample_rate, starts)
    fade = min(len(piece), round(_FADE_S * sample_rate))
    if fade:
        piece = piece.copy()
        piece[len(piece) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    before = measure_loudness(Audio(piece, sample_rate))
    gain = 0.0
    if before.true_peak_dbtp is not None:
        wanted = TARGET_LUFS - (TARGET_LUFS if before.integrated_lufs is None else before.integrated_lufs)
        if before.integrated_lufs is not None and before.integrated_lufs < _QUIETEST_LUFS:
            wanted = 0.0
        gain = min(wanted, CEILING_DBTP - before.true_peak_dbtp)
    return _finish(piece, sample_rate, gain, Level(gain, window_lufs, gains, None, None))


def match_level(
    samples: Samples, sample_rate: int, lead: int, original: Audio, starts: Sequence[int]
) -> tuple[Audio, Level]:
    """Make a continuation as loud as what it continues.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        The end of the original as rendered once more, then what is new.
    lead : int
        Frames of the former.
    original : Audio
        The same stretch of the original, at the same rate.
    starts : sequence of int
        As for `master`; the stretches after the lead.
    """
    piece, window_lufs, gains = even_out(samples, sample_rate, starts)
    there, here = _rms(original.samples), _rms(piece[:lead])
    gain = 20 * math.log10(there / here) if there > 0 and here > 0 else 0.0
    gain = min(gain, _MOST_DB)  # a rendering that came out all but silent is not blown up
    peak = measure_loudness(Audio(piece, sample_rate)).true_peak_dbtp
    allowed = measure_loudness(original).true_peak_dbtp if original.frames else None
    # A master that goes to full scale may be continued up to there, not beyond.
    ceiling = min(max(CEILING_DBTP, CEILING_DBTP if allowed is None else allowed), -0.1)
    if peak is not None:
        gain = min(gain, ceiling - peak)
    return _finish(piece, sample_rate, gain, Level(gain, window_lufs, gains, None, None))


def even_out(
    samples: Samples, sample_rate: int, starts: Sequence[int]
) -> tuple[Samples, tuple[float | None, ...], tuple[float, ...]]:
    """Bring windows that drifted back towards the first.

    Returns
    -------
    samples : ndarray
        The same array where nothing drifted.
    tuple of (float or None)
        Loudness of each stretch, LUFS.
    tuple of float
        Gain at the middle of each stretch, dB; in between it moves linearly.
    """
    bounds = [*starts, len(samples)]
    loud = tuple(
        measure_loudness(Audio(samples[start:end], sample_rate)).integrated_lufs
        for start, end in pairwise(bounds)
        if end > start
    )
    anchor = loud[0] if loud else None
    gains = tuple(_correct(one, anchor) for one in loud)
    if not any(gains):
        return samples, loud, gains
    middles = [(start + end) / 2 for start, end in pairwise(bounds)][: len(gains)]
    curve = np.interp(np.arange(len(samples)), middles, gains)
    return (samples * (10 ** (curve / 20)).astype(np.float32)[:, None]), loud, gains


def _correct(loudness: float | None, anchor: float | None) -> float:
    """How many dB bring a stretch within what is tolerated of the first; silence stays silence."""
    if loudness is None or anchor is None or min(loudness, anchor) < _QUIETEST_LUFS:
        return 0.0
    away = loudness - anchor
    beyond = max(abs(away) - _TOLERATED_DB, 0.0)
    return round(-math.copysign(min(beyond, _MOST_DB), away), 2) if beyond else 0.0


def _finish(piece: Samples, sample_rate: int, gain_db: float, level: Level) -> tuple[Audio, Level]:
    done = quantize(Audio(piece * np.float32(10 ** (gain_db / 20)), sample_rate), SUBTYPE)
    after = measure_loudness(done)
    return done, replace(
        level,
        gain_db=round(gain_db, 3),
        loudness_lufs=after.integrated_lufs,
        true_peak_dbtp=after.true_peak_dbtp,
    )


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
