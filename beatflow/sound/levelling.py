"""Brings a sound to a loudness without its true peak passing a ceiling."""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.loudness import measure_loudness


@dataclass(frozen=True, slots=True)
class Levelled:
    """A sound at its new level.

    Parameters
    ----------
    audio : Audio
    gain_db : float
        The constant gain that was applied before limiting.
    limited_db : float
        The most that the limiter took away at any place; 0 where it did nothing.
    loudness_lufs : float or None
        What it is now; None where there is nothing to measure.
    true_peak_dbtp : float or None
    """

    audio: Audio
    gain_db: float
    limited_db: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None


def set_loudness(audio: Audio, lufs: float, ceiling_dbtp: float = -1.0) -> Levelled:
    """Bring a sound to an integrated loudness; peaks beyond the ceiling are limited."""
    before = measure_loudness(audio)
    if before.integrated_lufs is None or before.true_peak_dbtp is None:
        return Levelled(audio, 0.0, 0.0, None, before.true_peak_dbtp)
    gain = min(lufs - before.integrated_lufs, ceiling_dbtp - before.true_peak_dbtp)
    made = Audio((audio.samples * np.float32(10 ** (gain / 20))).astype(np.float32), audio.sample_rate)
    after = measure_loudness(made)
    return Levelled(made, round(gain, 2), 0.0, after.integrated_lufs, after.true_peak_dbtp)
