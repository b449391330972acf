"""Changes the length of a sound without its pitch, and its pitch without its length.

By Signalsmith Stretch, a phase vocoder that keeps attacks and the stereo picture; where there is no wheel of it, by
`beatflow.sound.wsola`. A change of length by less than a twentieth of a semitone's worth of pitch is a change of speed,
which nobody hears and which loses nothing. Works in parts, so that memory does not grow with the sound.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.crossfade import correlate, crossfade
from beatflow.sound.formants import keep_formants
from beatflow.sound.resample import resample, resample_blocks
from beatflow.sound.wsola import stretch_pieces

MOST_RATIO = 4.0
MOST_SEMITONES = 24.0
SPEED_CENTS = 1.5
"""Up to here a change of length is one of speed: half of the 3 cents that a stretcher may be off."""
_STRETCH_FRAMES = 1 << 21
"""Of the result, made at once. The binding computes lengths in float32, which counts no further than 2**24 frame by
frame; a quarter of the length comes from four times as much."""
_OVERLAP_S, _EDGE_S, _FADE_S = 1.0, 0.1, 0.08
_FINEST = 10**7  # denominator of a speed: less than a frame off in a thousand hours


def stretch(audio: Audio, frames: int, semitones: float = 0.0, *, formants: bool = False) -> Audio:
    """Give a sound another length in frames, exactly, and another pitch in semitones.

    Parameters
    ----------
    audio : Audio
        Finite samples, 1 to 8 channels.
    frames : int
        The new length; a quarter of the old one to four times that.
    semitones : float
        -24 to 24. With 0 the pitch stays within 3 cents.
    formants : bool
        Whether formants stay where they are while the pitch moves: a voice of the same person.

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
    if not audio.frames or frames < 1:
        raise AudioError(
            "no sound to stretch" if not audio.frames else "a sound cannot be stretched to nothing"
        )
    if not 1 / MOST_RATIO <= frames / audio.frames <= MOST_RATIO:
        raise UsageError(
            f"{audio.duration_s:.3f} s cannot be stretched to {frames / audio.sample_rate:.3f} s",
            hint=f"a stretch may be up to {MOST_RATIO:g} times as long or as short",
        )
    _check_pitch(semitones)
    _check_numbers(audio.samples)
    ratio = Fraction(frames, audio.frames)
    if semitones == 0 and _is_speed(ratio):
        # Its frames, taken as its sample rate, become as many as are wanted.
        made = resample(Audio(audio.samples, audio.frames), frames).samples
        return Audio(_fit(made, frames), audio.sample_rate)
    stretcher = _Stretcher(audio.sample_rate, ratio, semitones, formants)
    parts = [*stretcher.add(audio.samples), *stretcher.finish()]
    return Audio(parts[0] if len(parts) == 1 else np.concatenate(parts), audio.sample_rate)


def stretch_blocks(
    blocks: Iterable[Audio], ratio: float | Fraction, semitones: float = 0.0, *, formants: bool = False
) -> Iterator[Audio]:
    """Give a stream another length and another pitch, in blocks of whatever size comes out, in constant memory.

    Parameters
    ----------
    blocks : iterable of Audio
        Of one sample rate and number of channels; finite samples.
    ratio : float or Fraction
        New length over old, 1/4 to 4: 10 % faster is ``1 / 1.1``. All blocks together have ``frames * ratio`` frames,
        rounded half up.
    semitones, formants
        See `stretch`.

    Raises
    ------
    UsageError
        The ratio or the pitch is out of range.
    AudioError
        Samples are not numbers, or blocks differ in sample rate or channels.
    """
    if not 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        raise UsageError(
            f"a sound cannot become {float(ratio):g} times as long",
            hint=f"a stretch may be up to {MOST_RATIO:g} times as long or as short",
        )
    _check_pitch(semitones)
    exact = Fraction(ratio)
    alike = _demand_alike(blocks)
    if semitones == 0 and exact == 1:
        yield from alike
    elif semitones == 0 and _is_speed(exact):
        yield from _change_speed(alike, exact)
    else:
        yield from _stretch_all(alike, exact, semitones, formants)


def has_vocoder() -> bool:
    """Whether the phase vocoder is installed."""
    return _load() is not None


def _check_pitch(semitones: float) -> None:
    if not abs(semitones) <= MOST_SEMITONES:
        raise UsageError(f"{semitones:g} semitones are too many", hint=f"up to {MOST_SEMITONES:g} up or down")


def _check_numbers(samples: Samples) -> None:
    if not np.isfinite(samples).all():
        raise AudioError("the sound holds samples that are not numbers")


def _is_speed(ratio: Fraction) -> bool:
    return abs(1200 * math.log2(ratio)) <= SPEED_CENTS


def _demand_alike(blocks: Iterable[Audio]) -> Iterator[Audio]:
    shape: tuple[int, int] | None = None
    for block in blocks:
        shape = shape or (block.sample_rate, block.channels)
        if (block.sample_rate, block.channels) != shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows {shape[1]} at {shape[0]} Hz"
            )
        _check_numbers(block.samples)
        yield block


def _round(ratio: Fraction, frames: int) -> int:
    return math.floor(ratio * frames + Fraction(1, 2))


def _change_speed(blocks: Iterable[Audio], ratio: Fraction) -> Iterator[Audio]:
    """Resample a stream to another length, between rates whose ratio is (all but) the wanted one."""
    near = ratio.limit_denominator(_FINEST)
    taken = given = 0
    rate = channels = 0

    def read() -> Iterator[Audio]:
        nonlocal taken, rate, channels
        for block in blocks:
            rate, channels = block.sample_rate, block.channels
            taken += block.frames
            yield Audio(block.samples, near.denominator)

    for block in resample_blocks(read(), near.numerator):
        samples = block.samples[: max(0, _round(ratio, taken) - given)]
        given += len(samples)
        yield Audio(samples, rate)
    if rate and given < _round(ratio, taken):
        yield Audio(np.zeros((_round(ratio, taken) - given, channels), np.float32), rate)


def _stretch_all(
    blocks: Iterable[Audio], ratio: Fraction, semitones: float, formants: bool
) -> Iterator[Audio]:
    stretcher: _Stretcher | None = None
    rate = channels = 0
    for block in blocks:
        if stretcher is None:
            rate, channels = block.sample_rate, block.channels
            stretcher = _Stretcher(rate, ratio, semitones, formants)
        yield from (Audio(samples, rate) for samples in stretcher.add(block.samples))
    if stretcher is not None:
        made = False
        for samples in stretcher.finish():
            made = True
            yield Audio(samples, rate)
        if not made:
            yield Audio(np.zeros((0, channels), np.float32), rate)


class _Stretcher:
    """Stretches in parts that overlap, and fades from each into the next.

    Both sides of a fade are the same music at the same time with other phases; of the places of two seconds the fade
    takes the one where they are most alike. Parts begin at multiples of `_STRETCH_FRAMES` of the result, so that the
    cut of the blocks changes nothing.
    """

    def __init__(self, sample_rate: int, ratio: Fraction, semitones: float, formants: bool) -> None:
        self._rate, self._ratio = sample_rate, ratio
        self._semitones, self._formants = semitones, formants
        self._overlap = round(_OVERLAP_S * sample_rate)
        self._waiting: list[Samples] = []
        self._first = 0  # the frame of the source that waits first
        self._taken = 0
        self._bound = 0  # the frame of the result from which on the next part is
        self._last: Samples | None = None  # the end of the part before, twice the overlap around the bound

    def add(self, samples: Samples) -> Iterator[Samples]:
        """Take frames; give what is ready."""
        self._waiting.append(samples)
        self._taken += len(samples)
        while self._taken >= self._source(self._bound + _STRETCH_FRAMES + self._overlap):
            end = self._bound + _STRETCH_FRAMES + self._overlap
            made = self._make(end)
            # What lies around the next bound waits for the other side of its fade.
            ready = len(made) - 2 * self._overlap
            self._last = made[ready:].copy()
            self._bound += _STRETCH_FRAMES
            yield made[:ready]

    def finish(self) -> Iterator[Samples]:
        """Give the rest."""
        frames = _round(self._ratio, self._taken)
        if frames > max(0, self._bound - self._overlap):
            yield self._make(frames)

    def _source(self, frame: int) -> int:
        """The frame of the source that a frame of the result comes from."""
        return _round(1 / self._ratio, frame)

    def _make(self, end: int) -> Samples:
        """The result from an overlap before the bound to a frame, joined with the part before."""
        begin = max(0, self._bound - self._overlap)
        held = np.concatenate(self._waiting)
        first = self._source(begin)
        last = max(min(self._source(end), self._taken), first + 1)
        source = held[first - self._first : last - self._first]
        part = _stretch_part(source, end - begin, self._semitones, self._rate, self._formants)
        # The next part begins an overlap before its bound, which is an overlap before this one's end.
        keep = self._source(max(0, end - 2 * self._overlap)) - self._first
        self._waiting = [held[keep:].copy()]
        self._first += keep
        return part if self._last is None else self._join(self._last, part)

    def _join(self, before: Samples, part: Samples) -> Samples:
        # At its edges a part has not yet, or no longer, both sides to look at.
        edge, fade = (round(seconds * self._rate) for seconds in (_EDGE_S, _FADE_S))
        both = min(len(before), len(part))
        fade = max(1, min(fade, both - edge))
        at = min(_find_alike(before[:both], part[:both], edge, fade), max(0, both - fade))
        faded = crossfade(before[at : at + fade], part[at : at + fade]).astype(np.float32)
        return np.concatenate([before[:at], faded, part[at + fade :]])


def _find_alike(one: Samples, other: Samples, edge: int, fade: int) -> int:
    """Where in two renderings of the same music a fade from one to the other cancels least."""
    places = range(edge, max(len(one) - edge - fade, edge + 1), max(1, fade // 8))
    return max(
        places,
        key=lambda at: correlate(
            one[at : at + fade].astype(np.float64), other[at : at + fade].astype(np.float64)
        ),
    )


def _stretch_part(
    samples: Samples, frames: int, semitones: float, sample_rate: int, formants: bool
) -> Samples:
    """Stretch to as much more than the length as it is then played faster, for the pitch.

    The library's own transposition moves peaks between bins of its spectra: up to 14 cents off at 82 Hz, as measured.
    """
    length = max(1, round(frames * 2 ** (semitones / 12)))
    library = _load()
    if length == len(samples):
        longer = samples
    elif library is not None:
        longer = _vocode(library, samples, length, sample_rate)
    else:
        longer = stretch_pieces(samples, length, sample_rate)
    if length == frames:
        return longer
    moved = _fit(resample(Audio(longer, length), frames).samples, frames)
    return keep_formants(moved, longer, sample_rate) if formants else moved


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
