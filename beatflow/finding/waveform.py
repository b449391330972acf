"""Where a sample is used in another sound just as it is, told by its waveform, however far below the music it lies.

A matched filter (North 1943; Turin 1960, IRE Trans. Inf. Theory 6:311) against what sounds around: the sound is
whitened in time and pitch, so that what is loud has no more say than what is soft; the whitened sample is laid over it
at every offset; and where that stands out, the sample is weighed by what sounds there, which also tells how loud it is.
Gains, turned polarity, other sounds, codecs and sample rates do not matter; another tempo or tuning makes it deaf.
Streams in constant memory; knows no landmarks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from beatflow.finding.bands import RATE, iter_mono
from beatflow.finding.occurrences import Occurrence
from beatflow.sound.audio import Audio

Wave = NDArray[np.float32]
"""Samples of one channel at `RATE`, shape (frames,)."""

LEAST_S = 0.25
"""Shorter samples have too few waves to be told from others by them."""
CERTAIN = 8.0
"""By how many standard deviations a waveform must stand out; docs/find.md has how often chance does so."""
_WORTH = 5.5
_PART = 4 * RATE
_SPAN = 1 << 18
_WINDOW, _STEP = 1024, 512
_TAPER = np.sqrt(np.hanning(_WINDOW + 1)[:_WINDOW]).astype(np.float32)
_SMOOTH = (9, 9)
_RANGE = 1e-5
"""Power below the loudest of the surrounding seconds that counts as silence."""
_AROUND_FRAMES = 63
_FAR, _NEAR, _OWN = RATE // 2, RATE // 50, RATE // 1000
_PIECES = 8
_MOST_AT_ONCE = 8
_SAME = RATE // 500


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A stretch of a sample: where in it, as it is, and whitened."""

    start: int
    plain: Wave
    white: Wave


@dataclass(frozen=True, slots=True)
class _Hit:
    """An offset at which a part stands out; in frames at `RATE`."""

    part: int
    offset: int  # in the sound, of the sample's first frame
    score: float
    share: float
    gain_db: float


def prepare(sample: Audio) -> list[Part]:
    """Cut a sample into parts of 4 s that can be looked for; none of one that is silent or shorter than `LEAST_S`."""
    mono = np.concatenate([np.zeros(0, np.float32), *iter_mono([sample])])
    parts = []
    for start in range(0, len(mono), _PART):
        plain = mono[start : start + _PART]
        if len(plain) >= LEAST_S * RATE and plain.any():
            parts.append(Part(start, plain, _whiten(plain, _weigh(plain))))
    return parts


def find_waveform(parts: Sequence[Part], blocks: Iterable[Audio]) -> list[Occurrence]:
    """Find where a sample is used, in order.

    Parameters
    ----------
    parts : sequence of Part
        Of the sample, by `prepare`.
    blocks : iterable of Audio
        The sound, of any rate and any number of channels.
    """
    if not parts:
        return []
    longest = max(len(part.plain) for part in parts)
    hits: list[_Hit] = []
    for first, span in _iter_spans(iter_mono(blocks), longest):
        if span.any():
            hits += _look(parts, span, first, longest)
    return _join(parts, hits)


def _iter_spans(blocks: Iterable[Wave], overlap: int) -> Iterator[tuple[int, Wave]]:
    """A sound with silence around, in spans of which each begins with the end of the one before; where, and what."""
    held = np.zeros(overlap, np.float32)
    first = -overlap
    for block in _with_end(blocks, overlap):
        held = np.concatenate([held, block])
        while len(held) >= _SPAN + overlap:
            yield first, held[: _SPAN + overlap]
            held, first = held[_SPAN:], first + _SPAN
    yield first, held


def _with_end(blocks: Iterable[Wave], silence: int) -> Iterator[Wave]:
    yield from blocks
    yield np.zeros(silence, np.float32)


# Whitening -----------------------------------------------------------------------------------------------


def _cut(wave: Wave) -> Wave:
    """Windows, half overlapping, of a wave with a window of silence on either side; shape (windows, `_WINDOW`)."""
    padded = np.pad(wave, (_WINDOW, 2 * _WINDOW))
    return np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP] * _TAPER


def _weigh(wave: Wave) -> NDArray[np.float32]:
    """What each moment and pitch of a wave has to be multiplied by to be as loud as all others; 0 in utter silence."""
    from scipy.ndimage import maximum_filter1d, uniform_filter

    windows = _cut(wave)
    spectra = rfft(windows, axis=1)
    power = uniform_filter(spectra.real**2 + spectra.imag**2, _SMOOTH, mode="nearest")
    loudest = maximum_filter1d(power.max(axis=1), _AROUND_FRAMES, mode="nearest")[:, None]
    weights = 1.0 / np.sqrt(np.maximum(power, _RANGE * loudest) + 1e-12)
    # Before its beginning and after its end a sound says nothing of what is not there.
    heard = np.abs(windows).max(axis=1, keepdims=True) > 0
    return np.asarray(np.where(heard, weights, 0.0), np.float32)


def _whiten(wave: Wave, weights: NDArray[np.float32]) -> Wave:
    """A wave with each moment and pitch weighed."""
    windows = irfft(rfft(_cut(wave), axis=1) * weights, axis=1) * _TAPER
    result = np.zeros((len(windows) + 1) * _STEP, np.float32)
    for odd in (0, 1):
        laid = windows[odd::2].ravel()
        result[odd * _STEP : odd * _STEP + len(laid)] += laid
    return result[_WINDOW : _WINDOW + len(wave)]


# Laying over ---------------------------------------------------------------------------------------------


def _look(parts: Sequence[Part], span: Wave, first: int, overlap: int) -> list[_Hit]:
    """The offsets in one span at which parts stand out."""
    weights = _weigh(span)
    white = _whiten(span, weights)
    size = next_fast_len(len(white), real=True)
    spectrum = rfft(white, size)
    lags = max(1, len(white) - overlap)
    hits = []
    for number, part in enumerate(parts):
        alike = irfft(spectrum * np.conj(rfft(part.white, size)), size)[:lags]
        scores = np.abs(alike) / _spread(alike)
        for _ in range(_MOST_AT_ONCE):
            at = int(scores.argmax())
            if scores[at] < _WORTH:
                break
            scores[max(0, at - _NEAR) : at + _NEAR] = 0.0
            hit = _prove(part, number, white, weights, at, first)
            if hit:
                hits.append(hit)
    return hits


def _spread(alike: Wave) -> NDArray[np.float64]:
    """The standard deviation around each offset, without itself: within half a second or, where that is more, 20 ms.

    A hum or a thud is as much like itself a wave later; only what is one sharp peak counts.
    """
    power = alike.astype(np.float64) ** 2
    spread = np.maximum(_mean_around(power, _FAR), _mean_around(power, _NEAR))
    return np.sqrt(np.maximum(spread, 0.1 * float(np.median(spread))) + 1e-12)


def _mean_around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    total = np.cumsum(np.pad(values, (1, 0)))
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    near_low, near_high = np.maximum(places - _OWN, 0), np.minimum(places + _OWN + 1, len(values))
    rest = (total[high] - total[low]) - (total[near_high] - total[near_low])
    return np.asarray(np.maximum(rest, 0.0) / np.maximum((high - low) - (near_high - near_low), 1))


def _prove(
    part: Part, number: int, white: Wave, weights: NDArray[np.float32], at: int, first: int
) -> _Hit | None:
    """Weigh a part by what sounds where it may be; a hit where it stands out, and not by one moment alone."""
    # Windows lie on a grid: the part is laid on the one that the sound was weighed on.
    start = at // _STEP * _STEP
    laid = np.pad(part.plain, (at - start, 0))
    count = len(_cut(laid))
    own = weights[start // _STEP : start // _STEP + count]
    if len(own) < count:
        own = np.pad(own, ((0, count - len(own)), (0, 0)), mode="edge")
    if np.count_nonzero(own.any(axis=1)) * _STEP < LEAST_S * RATE:
        return None
    template = _whiten(laid, own)[at - start :]
    energy = float(template @ template)
    if energy <= 0:
        return None
    low, high = max(0, at - _FAR), min(len(white) - len(template), at + _FAR) + 1
    there = white[low : high - 1 + len(template)]
    size = next_fast_len(len(there), real=True)
    alike = irfft(rfft(there, size) * np.conj(rfft(template, size)), size)[: high - low]
    score = float(abs(alike[at - low]) / _spread(alike)[at - low])
    products = template * white[at : at + len(template)]
    sum_ = float(products.sum())
    bounds = np.searchsorted(
        np.cumsum(template.astype(np.float64) ** 2), energy * np.arange(_PIECES) / _PIECES
    )
    pieces = np.add.reduceat(products, np.minimum(bounds, len(products) - 1)) * np.sign(sum_)
    without = float(pieces.sum() - pieces.max())
    if score < CERTAIN or without < 0.5 * abs(sum_):
        return None
    share = float(np.mean(pieces > 0.25 * pieces.mean()))
    gain_db = 20.0 * np.log10(abs(sum_) / energy)
    return _Hit(number, first + at - part.start, score, share, float(gain_db))


def _join(parts: Sequence[Part], hits: Sequence[_Hit]) -> list[Occurrence]:
    """Put parts together that follow each other in the sound as they do in the sample."""
    chains: list[list[_Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.part, hit.offset)):
        for chain in chains:
            if hit.part == chain[-1].part + 1 and abs(hit.offset - chain[-1].offset) <= _SAME:
                chain.append(hit)
                break
        else:
            chains.append([hit])
    return sorted((_describe(parts, chain) for chain in chains), key=lambda one: one.start_s)


def _describe(parts: Sequence[Part], chain: Sequence[_Hit]) -> Occurrence:
    best = max(chain, key=lambda hit: hit.score)
    start, last = parts[chain[0].part].start, parts[chain[-1].part]
    end = last.start + len(last.plain)
    cut = max(0, -(best.offset + start))
    return Occurrence(
        round((best.offset + start + cut) / RATE, 4),
        round((best.offset + end) / RATE, 4),
        round((start + cut) / RATE, 4),
        round(end / RATE, 4),
        round(best.score, 1),
        round(sum(hit.share for hit in chain) / len(chain), 2),
        1.0,
        round(best.gain_db, 1),
    )
