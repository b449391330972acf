"""Loops: cutting a stretch so that its end flows into its start, and measuring whether one would hear the seam."""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.audio import Audio


@dataclass(frozen=True, slots=True)
class Seam:
    """How much the wrap of a loop stands out from the ordinary course of its sound.

    Parameters
    ----------
    level_db : float
        How far the wrap exceeds what is ordinary for this sound; 0 or less is as smooth as the sound itself.
    audible : bool
        Whether one would hear it.
    """

    level_db: float
    audible: bool


def close_loop(audio: Audio, start: int, frames: int) -> Audio:
    """Cut ``frames`` frames from ``start`` on so that the end flows into the start."""
    return Audio(audio.samples[start : start + frames].copy(), audio.sample_rate)


def measure_seam(audio: Audio) -> Seam:
    """Measure the wrap from the last frame to the first."""
    steps = np.abs(np.diff(audio.samples, axis=0)).max(axis=1, initial=0.0)
    wrap = float(np.abs(audio.samples[0] - audio.samples[-1]).max())
    usual = max(float(np.quantile(steps, 0.99)) if len(steps) else 0.0, 1e-5)
    level = 20 * np.log10(max(wrap, 1e-5) / usual)
    return Seam(round(float(level), 1), bool(level > 6))
