"""Changes the length of a sound without its pitch, and its pitch without its length.

By Signalsmith Stretch, a phase vocoder that keeps attacks and the stereo picture; where there is no wheel of it, by
`beatflow.sound.wsola`. A change of length by less than a twentieth of a semitone's worth of pitch is a change of speed,
which nobody hears and which loses nothing. Works in stretches, so that memory beyond the sound itself does not grow.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.crossfade import correlate, crossfade
from beatflow.sound.resample import resample
from beatflow.sound.wsola import stretch_pieces

MOST_RATIO = 4.0
MOST_SEMITONES = 24.0
SPEED_CENTS = 1.5
"""Up to here a change of length is one of speed: half of the 3 cents that a stretcher may be off."""
_STRETCH_FRAMES = 1 << 22
# The binding computes lengths in float32, which counts no further than 2**24 frame by frame.
_OVERLAP_S, _EDGE_S, _FADE_S = 1.0, 0.1, 0.08


def stretch(audio: Audio, frames: int, semitones: float = 0.0) -> Audio:
    """Give a sound another length in frames, exactly, and another pitch in semitones.

    Parameters
    ----------
    audio : Audio
        Finite samples, 1 to 8 channels.
    frames : int
        The new length; a quarter of the old one to four times that.
    semitones : float
        -24 to 24. With 0 the pitch stays within 3 cents.

    Returns
    -------
    Audio
        The sound itself where neither changes. The same call gives the same bytes on the same machine.

    Raises
    ------
    UsageError
        The length or the pitch is out of range.
    AudioError
        There is nothing to stretch, or samples are not numbers.
    """
    if frames == audio.frames and semitones == 0:
        return audio
    _check(audio, frames, semitones)
    cents = 1200 * math.log2(frames / audio.frames)
    if semitones == 0 and abs(cents) <= SPEED_CENTS:
        return _change_speed(audio, frames)
    parts = -(-max(audio.frames, frames) // _STRETCH_FRAMES)
    if parts == 1:
        return Audio(_stretch_part(audio.samples, frames, semitones, audio.sample_rate), audio.sample_rate)
    return Audio(_join_parts(audio, frames, semitones, parts), audio.sample_rate)


def has_vocoder() -> bool:
    """Whether the phase vocoder is installed."""
    return _load() is not None


def _check(audio: Audio, frames: int, semitones: float) -> None:
    if not audio.frames or frames < 1:
        raise AudioError(
            "no sound to stretch" if not audio.frames else "a sound cannot be stretched to nothing"
        )
    if not 1 / MOST_RATIO <= frames / audio.frames <= MOST_RATIO:
        raise UsageError(
            f"{audio.duration_s:.3f} s cannot be stretched to {frames / audio.sample_rate:.3f} s",
            hint=f"a stretch may be up to {MOST_RATIO:g} times as long or as short",
        )
    if not abs(semitones) <= MOST_SEMITONES:
        raise UsageError(f"{semitones:g} semitones are too many", hint=f"up to {MOST_SEMITONES:g} up or down")
    if not np.isfinite(audio.samples).all():
        raise AudioError("the sound holds samples that are not numbers")


def _change_speed(audio: Audio, frames: int) -> Audio:
    """Resample a sound to another length: its frames, taken as its sample rate, become ``frames``."""
    made = resample(Audio(audio.samples, audio.frames), frames).samples
    return Audio(_fit(made, frames), audio.sample_rate)


def _join_parts(audio: Audio, frames: int, semitones: float, parts: int) -> Samples:
    """Stretch a long sound in parts that overlap, and fade from each into the next.

    Both sides of a fade are the same music at the same time with other phases; of the places of two seconds the fade
    takes the one where they are most alike.
    """
    ratio = audio.frames / frames
    overlap = round(_OVERLAP_S * audio.sample_rate)
    made = np.zeros((frames, audio.channels), np.float32)
    bounds = [frames * part // parts for part in range(parts + 1)]
    for first, last in pairwise(bounds):
        begin, end = max(0, first - overlap), min(frames, last + overlap)
        source = audio.samples[round(begin * ratio) : max(round(end * ratio), round(begin * ratio) + 1)]
        part = _stretch_part(source, end - begin, semitones, audio.sample_rate)
        if begin:
            # At its edges a part has not yet, or no longer, both sides to look at.
            edge, fade = (round(seconds * audio.sample_rate) for seconds in (_EDGE_S, _FADE_S))
            place = _find_alike(made[begin : begin + 2 * overlap], part[: 2 * overlap], edge, fade)
            at = begin + place
            made[at : at + fade] = crossfade(made[at : at + fade], part[place : place + fade])
            made[at + fade : end] = part[place + fade :]
        else:
            made[:end] = part
    return made


def _find_alike(one: Samples, other: Samples, edge: int, fade: int) -> int:
    """Where in two renderings of the same music a fade from one to the other cancels least."""
    places = range(edge, max(len(one) - edge - fade, edge + 1), max(1, fade // 8))
    return max(
        places,
        key=lambda at: correlate(
            one[at : at + fade].astype(np.float64), other[at : at + fade].astype(np.float64)
        ),
    )


def _stretch_part(samples: Samples, frames: int, semitones: float, sample_rate: int) -> Samples:
    """Stretch to as much more than the length as it is then played faster, for the pitch.

    The library's own transposition moves peaks between bins of its spectra: up to 14 cents off at 82 Hz, as measured.
    """
    length = max(1, round(frames * 2 ** (semitones / 12)))
    library = _load()
    if library is not None:
        longer = _vocode(library, samples, length, sample_rate)
    else:
        longer = stretch_pieces(samples, length, sample_rate)
    if length == frames:
        return longer
    return _fit(resample(Audio(longer, length), frames).samples, frames)


def _vocode(library: Any, samples: Samples, frames: int, sample_rate: int) -> Samples:
    worker = library.Stretch(1)
    worker.preset(samples.shape[1], sample_rate)
    worker.setTimeFactor(_find_factor(len(samples), frames))
    # It takes memory as it lies, whatever the strides say.
    made = np.asarray(worker.process(np.ascontiguousarray(samples.T)), np.float32).T
    return _fit(made, frames)


def _find_factor(before: int, after: int) -> float:
    """The time factor of which the library, in float32, makes just the wanted length."""
    factor = np.float32(before / after)
    for candidate in (factor, np.nextafter(factor, np.float32(9)), np.nextafter(factor, np.float32(0))):
        if round(float(np.float32(before) / candidate)) == after:
            return float(candidate)
    return float(factor)


def _fit(samples: Samples, frames: int) -> Samples:
    """The frame more or less that rounding may have given."""
    if len(samples) >= frames:
        return np.ascontiguousarray(samples[:frames])
    return np.pad(samples, ((0, frames - len(samples)), (0, 0)))


def _load() -> Any:
    """The library, or None where there is no wheel of it."""
    try:
        from python_stretch import Signalsmith
    except ImportError:
        return None
    return Signalsmith
