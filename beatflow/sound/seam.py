"""Joins a new part to the end of a sound of which no sample may change: channels, level, and a fade over the seam.

There is nothing to cross-fade with behind the sound's last sample, and before it everything must stay. So the sound is
continued by linear prediction for the few hundredths of a second of the fade: what rings at its end rings on, in phase,
while the new part comes up. Knows no files and no engines.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.loudness import measure_loudness

FADE_S = 0.05
"""Shorter than a note, longer than a period of the lowest one."""
RING_S = 0.3
"""How long the end rings on under a part that begins by itself; most of it dies away sooner."""
RISE_S = 0.003
"""Too short to soften a drum, too long to click."""
LEVEL_S = 3.0
MAX_GAIN_DB = 24.0
_LEARN_S = 0.25
_ORDER = 512

_SPEAKERS = {
    1: "M", 2: "LR", 3: "LRM", 4: "LRLR", 5: "LRMLR", 6: "LRMMLR", 7: "LRMMMLR", 8: "LRMMLRLR",
}  # fmt: skip
"""What each channel gets of a stereo sound, in WAV's order of speakers; M is the middle."""

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seam:
    """A part ready to stand behind a sound: its samples, and what was done to it.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
    gain_db : float
        Applied to it; of several channels with gains of their own, the greatest.
    fade_s : float
        How long it takes to come up at its start.
    """

    samples: Samples
    gain_db: float
    fade_s: float


def continue_sound(end: Audio, new: Audio, lead: int, ceiling: float | None) -> Seam:
    """Fit a new part behind the end of a sound.

    Parameters
    ----------
    end : Audio
        The last seconds of the sound, or all of it.
    new : Audio
        At its sample rate, with as many channels as there are: one for all, or two for left and right.
    lead : int
        Frames at the start of ``new`` that render the end of the sound once more. They tell how much louder the new
        part would be, and are not heard.
    ceiling : float or None
        The greatest sample that the sound's format holds.

    Returns
    -------
    Seam
        ``new.frames - lead`` frames with the sound's channels.
    """
    spread = spread_channels(new.samples.astype(np.float64), end.channels)
    gains = _find_gains(end, spread, lead)
    part = spread[lead:] * gains
    if ceiling is not None and part.size and np.abs(part).max() > ceiling:
        held = ceiling / np.abs(part).max()
        gains, part = gains * held, part * held
    # A part that renders the end once more is in the middle of its sound there; any other begins with an attack.
    fade, rise = (FADE_S, FADE_S) if lead else (RING_S, RISE_S)
    fade, rise = (min(round(seconds * end.sample_rate), len(part)) for seconds in (fade, rise))
    onward = predict_onward(end.samples, fade, round(_LEARN_S * end.sample_rate))
    part[:rise] *= _ramp(rise)
    part[:fade] += (1 - _ramp(fade)) * onward
    if ceiling is not None:
        np.clip(part, -ceiling, ceiling, out=part)
    gain_db = 20 * math.log10(float(gains.max()))
    return Seam(part.astype(np.float32), round(gain_db, 2), fade / end.sample_rate)


def _ramp(frames: int) -> Signal:
    """Half a cosine from 0 to 1, shape (frames, 1)."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(frames) + 0.5) / max(frames, 1))[:, None])


def spread_channels(samples: Signal, channels: int) -> Signal:
    """Give a sound of one or two channels another number of them; more than two are taken as they come."""
    if samples.shape[1] == channels:
        return samples
    middle = samples.mean(axis=1)
    sides = {"M": middle, "L": samples[:, 0], "R": samples[:, min(1, samples.shape[1] - 1)]}
    return np.stack([sides[side] for side in _SPEAKERS[channels]], axis=1)


def predict_onward(samples: Samples, frames: int, learn: int) -> Signal:
    """Continue a sound as its own resonances would.

    An all-pole model of its last ``learn`` frames, by Burg's method (J. P. Burg, Maximum entropy spectral analysis,
    1975): its poles lie within the unit circle, so what it predicts dies away.

    Parameters
    ----------
    samples : ndarray, shape (n, channels)
    frames, learn : int

    Returns
    -------
    ndarray of float64, shape (frames, channels)
        No louder than the frames that it was learnt from.
    """
    known = samples[-learn:].astype(np.float64)
    made = np.zeros((frames, known.shape[1]))
    order = min(_ORDER, len(known) // 3)
    if not order:
        return made
    for channel in range(known.shape[1]):
        model = _fit_burg(known[:, channel], order)
        history = np.concatenate([known[-order:, channel], made[:, channel]])
        for i in range(order, order + frames):
            history[i] = -model @ history[i - order : i]
        peak = np.abs(known[:, channel]).max()
        made[:, channel] = np.clip(history[order:], -peak, peak)
    return made


def _fit_burg(signal: Signal, order: int) -> Signal:
    """Coefficients of the prediction error filter, the farthest back first, without the leading 1."""
    model = np.array([1.0])
    forward, backward = signal[1:].copy(), signal[:-1].copy()
    for _ in range(order):
        # einsum, since BLAS would set threads on vectors this short, which costs more than it saves.
        energy = _dot(forward, forward) + _dot(backward, backward)
        if energy <= 1e-18:
            break
        reflection = -2 * _dot(forward, backward) / energy
        extended = np.append(model, 0.0)
        model = extended + reflection * extended[::-1]
        forward, backward = (
            forward[1:] + reflection * backward[1:],
            backward[:-1] + reflection * forward[:-1],
        )
    coefficients = np.zeros(order)
    coefficients[order - len(model) + 1 :] = model[:0:-1]
    return coefficients


def _dot(one: Signal, two: Signal) -> float:
    return float(np.einsum("i,i->", one, two))


def _find_gains(end: Audio, spread: Signal, lead: int) -> Signal:
    """The gain of each channel that brings the new part to the level at the end of the sound.

    Compared over the last seconds, which the lead renders once more; without one, with the new part's first seconds.
    """
    frames = round(LEVEL_S * end.sample_rate)
    rendered = spread[:lead][-frames:] if lead else spread[:frames]
    heard = end.samples[-(len(rendered) if lead else frames) :].astype(np.float64)
    most = 10 ** (MAX_GAIN_DB / 20)
    if end.channels > 2:
        old, new = _rms(heard), _rms(rendered)
        # A silent speaker stays silent; one that the engine left silent cannot be raised.
        gains = np.where(new > 0, old / np.where(new > 0, new, 1.0), 1.0)
        return np.clip(gains, 0.0, most) if gains.any() else np.ones(end.channels)
    gain = _match(heard, rendered, end.sample_rate)
    if gain is None:
        gain = _match(end.samples.astype(np.float64), spread, end.sample_rate) or 1.0
    return np.full(end.channels, np.clip(gain, 1 / most, most))


def _match(old: Signal, new: Signal, sample_rate: int) -> float | None:
    """The gain that makes ``new`` as loud as ``old``; None where either is silent."""
    before, after = (
        measure_loudness(Audio(part.astype(np.float32), sample_rate)).integrated_lufs if len(part) else None
        for part in (old, new)
    )
    if before is not None and after is not None:
        return float(10 ** ((before - after) / 20))
    one, two = (float(np.sqrt(np.mean(part**2))) if len(part) else 0.0 for part in (old, new))
    return one / two if one > 1e-4 and two > 1e-4 else None


def _rms(signal: Signal) -> Signal:
    return np.asarray(np.sqrt(np.mean(signal**2, axis=0)))
