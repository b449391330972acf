"""A measured response as a curve over frequency, and as the bands that an engineer would have set.

Peaks and shelves are those of R. Bristow-Johnson's *Cookbook formulae for audio EQ*, passes are Butterworth's, both
through the bilinear transform. Bands are added one by one, as long as each explains much of what is left, and all are
fitted anew each time (Levenberg and Marquardt). Knows no sounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.explain.response import find_trusted
from beatflow.sound.explain.transfer import Transfer

Array = NDArray[np.float64]
Fitted = tuple[list["Band"], float, float]

# Where a filter may be narrow; below, frequencies are too far apart to tell.
_PER_OCTAVE = 36
_FINE_HZ = 160.0
_COARSER = 3
_LOWEST_HZ = 20.0
_UNSURE_DB = 0.35
_BIAS_DB = 3.0
_NEAR_DB = 0.12
_DONE_DB = 0.06
_MOST_BANDS = 6
_WORTH, _WORTH_TWO = 0.72, 0.3
_ORDERS = (1, 2, 4, 8, 16, 32)
_MOST_DB = 24.0
_STEP = 1e-4
# Deep down, what leaks from louder frequencies beside is not small any more.
_DEEP_DB = -20.0


class Curve(NamedTuple):
    """Gains in dB at frequencies in Hz, how sure each is in dB, and how far the response strays around them in dB."""

    hz: Array
    gain_db: Array
    error_db: Array
    ripple_db: float


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an equaliser: a peak or shelf with a gain and a Q, or a pass with an order."""

    type: str
    hz: float
    gain_db: float
    q: float
    order: int = 0

    def respond(self, hz: Array, sample_rate: float) -> Array:
        """Return its gain in dB at some frequencies."""
        warped = np.tan(np.pi * np.minimum(hz, 0.4999 * sample_rate) / sample_rate)
        s = 1j * warped / np.tan(np.pi * min(self.hz, 0.49 * sample_rate) / sample_rate)
        if self.order == 1 and self.type == "low_pass":
            # Not warped, but one pole of the analogue filter's decay, as sox and ffmpeg make it.
            pole, turn = np.exp(-2 * np.pi * self.hz / sample_rate), np.cos(2 * np.pi * hz / sample_rate)
            return np.asarray(10 * np.log10((1 - pole) ** 2 / (1 - 2 * pole * turn + pole**2)))
        if self.order:
            ratio = np.abs(s) if self.type == "low_pass" else 1 / np.maximum(np.abs(s), 1e-9)
            return np.asarray(-10 * np.log10(1 + ratio ** (2 * self.order)))
        a = 10 ** (self.gain_db / 40)
        root = np.sqrt(a) / self.q
        if self.type == "peak":
            response = (s**2 + s * a / self.q + 1) / (s**2 + s / (a * self.q) + 1)
        elif self.type == "low_shelf":
            response = a * (s**2 + root * s + a) / (a * s**2 + root * s + 1)
        else:
            response = a * (a * s**2 + root * s + 1) / (s**2 + root * s + a)
        return np.asarray(20 * np.log10(np.maximum(np.abs(response), 1e-9)))


def read_curve(transfer: Transfer, sample_rate: int) -> Curve:
    """Average a response over thirty-sixths of an octave, or twelfths in the bass, where it can be told."""
    trusted = find_trusted(transfer)
    size = 2 * (len(trusted) - 1)
    frequencies = np.arange(len(trusted)) * sample_rate / size
    magnitude = np.sqrt(np.square(np.abs(transfer.response)).mean(axis=1))
    gains = 20 * np.log10(np.maximum(magnitude, 1e-9))
    coherence = np.minimum(transfer.coherence, 1 - 1e-6)
    noise = (1 - coherence) / coherence.clip(1e-3)
    weights = np.where(trusted, 1 / (noise + 1e-4), 0.0)
    blocks = max(1.0, len(transfer.likeness) / 2)
    count = max(0, int(np.log2(sample_rate / 2 / _LOWEST_HZ) * _PER_OCTAVE))
    centres = _LOWEST_HZ * 2 ** (np.arange(count) / _PER_OCTAVE)
    low = _COARSER * int(np.searchsorted(centres, _FINE_HZ) // _COARSER)
    rows = []
    for hz in [*centres[:low:_COARSER], *centres[low:]]:
        edge = 2 ** (0.5 / _PER_OCTAVE * (_COARSER if hz < centres[min(low, count - 1)] else 1))
        # Where bins are wider apart than the bands, the two beside it.
        reach = max(hz * edge - hz, 0.75 * sample_rate / size)
        near = slice(*np.searchsorted(frequencies, (hz - reach, hz + reach)))
        weight = weights[near] / max(float(weights[near].sum()), 1e-30)
        if not weight.any():
            continue
        mean = float(weight @ gains[near])
        # What is not explained may be noise that averages out, or what a codec left out, which does not.
        unlike = float(weight @ noise[near])
        error = 8.69 * float(np.sqrt(unlike / (2 * blocks * weight.size))) + _BIAS_DB * unlike
        if error < _UNSURE_DB:
            rows.append((hz, mean, error, float(weight @ np.abs(gains[near] - mean))))
    columns = np.array(rows).reshape(-1, 4).T
    return Curve(columns[0], columns[1], columns[2], float(columns[3].mean()) if rows else 0.0)


def find_reference(curve: Curve) -> float:
    """Return the gain that most of a curve keeps to; none, where a good part of it keeps to that."""
    if not len(curve.hz):
        return 0.0
    untouched = np.abs(curve.gain_db) < _NEAR_DB
    if np.count_nonzero(untouched) > 0.15 * len(curve.hz):
        mean = float(np.mean(curve.gain_db[untouched]))
        return mean if abs(mean) > 0.03 else 0.0
    near = np.abs(curve.gain_db[:, None] - curve.gain_db[None, :]) < _NEAR_DB
    best = int(np.argmax(near.sum(axis=1)))
    return float(np.mean(curve.gain_db[near[best]]))


def fit_bands(curve: Curve, reference: float, sample_rate: int) -> Fitted:
    """Describe a curve with as few bands as do it.

    Returns
    -------
    bands : list of Band
        By frequency.
    gain_db : float
        What is the same at all frequencies.
    rest_db : float
        Root of the mean square of what they leave.
    """
    best: Fitted = ([], reference, _rms(curve.gain_db - reference))
    while best[2] > _DONE_DB and len(best[0]) < _MOST_BANDS:
        found = _add_band(curve, best, sample_rate)
        if found[2] > _WORTH * best[2]:
            # Two may do what neither does alone.
            found = _add_band(curve, found, sample_rate)
            if found[2] > _WORTH_TWO * best[2]:
                break
        best = found
    bands = [band for band in best[0] if band.order or abs(band.gain_db) > 0.1]
    return sorted(bands, key=lambda band: band.hz), best[1], best[2]


def _add_band(curve: Curve, best: Fitted, sample_rate: int) -> Fitted:
    """Return the fit with the one more band that explains the most."""
    tries = [
        _refine(curve, [*best[0], band], best[1], sample_rate) for band in _propose(curve, best, sample_rate)
    ]
    return min(tries, key=lambda fit: fit[2] * (0.8 if fit[0][-1].order else 1.0))


def _propose(curve: Curve, best: Fitted, sample_rate: int) -> list[Band]:
    """Bands that might explain what is left."""
    rest = curve.gain_db - best[1] - _sum_bands(best[0], curve.hz, sample_rate)
    place = int(np.argmax(np.abs(rest)))
    hz, gain = float(curve.hz[place]), float(np.clip(rest[place], -_MOST_DB, _MOST_DB))
    proposals = [Band("peak", hz, gain, q) for q in (0.6, 1.4, 4.0)]
    edge = max(1, len(rest) // 12)
    for side, end, last in (("low", slice(None, edge), -1), ("high", slice(-edge, None), 0)):
        level = float(np.median(rest[end]))
        if abs(level) > 0.15:
            beyond = curve.hz[np.abs(rest) > abs(level) / 2]
            outer = float(curve.hz[-1 - last])
            # Where a shelf's half is depends on what else there is; its corner is near one of these.
            corners = (float(beyond[last]), float(np.sqrt(outer * hz)))
            level = float(np.clip(level, -_MOST_DB, _MOST_DB))
            proposals += [Band(f"{side}_shelf", corner, level, 0.7) for corner in corners]
        kind = "high_pass" if side == "low" else "low_pass"
        # What is cut off steeply is hardly there long enough to be seen.
        if min(level, float(rest[-1 - last])) < -3 and kind not in [band.type for band in best[0]]:
            corner = float(curve.hz[rest < -3][last])
            proposals += [Band(kind, corner, 0.0, 0.7, order) for order in _ORDERS]
    return proposals


def _sum_bands(bands: Sequence[Band], hz: Array, sample_rate: float) -> Array:
    total = np.zeros(len(hz))
    for band in bands:
        total += band.respond(hz, sample_rate)
    return total


def _build(bands: Sequence[Band], values: Array) -> list[Band]:
    """Return the bands with the values that are being fitted."""
    return [
        Band(band.type, float(np.exp(hz)), float(gain), float(np.exp(q)), band.order)
        for band, (hz, gain, q) in zip(bands, values[1:].reshape(-1, 3), strict=True)
    ]


def _refine(
    curve: Curve, bands: Sequence[Band], gain_db: float, sample_rate: float, rounds: int = 14
) -> Fitted:
    """Fit all bands and the common gain together."""
    rows = (value for band in bands for value in (np.log(band.hz), band.gain_db, np.log(band.q)))
    values = np.array([gain_db, *rows])
    limits = np.log(curve.hz[0] * 0.7), np.log(min(curve.hz[-1] * 1.3, 0.48 * sample_rate))
    # A tenth of a dB is as good as none: what is sure to a hundredth shall not outvote the rest.
    deep = 0.2 * np.maximum(0, gain_db + _DEEP_DB - curve.gain_db)
    weights = 1 / np.sqrt(curve.error_db**2 + 0.1**2 + deep**2)
    weights /= weights.max()

    def measure(numbers: Array) -> Array:
        made = numbers[0] + _sum_bands(_build(bands, numbers), curve.hz, sample_rate)
        return np.asarray(weights * (made - curve.gain_db))

    rest, damping = measure(values), 1e-2
    for _ in range(rounds):
        slopes = np.stack(
            [(measure(values + _STEP * unit) - rest) / _STEP for unit in np.eye(len(values))], axis=1
        )
        normal = slopes.T @ slopes
        damped = normal + damping * np.diag(np.diag(normal) + 1e-6)
        tried = values + np.linalg.lstsq(damped, -slopes.T @ rest, rcond=None)[0]
        tried[1::3] = np.clip(tried[1::3], *limits)
        tried[2::3] = np.clip(tried[2::3], -_MOST_DB, _MOST_DB)
        tried[3::3] = np.clip(tried[3::3], np.log(0.2), np.log(12))
        left = measure(tried)
        if left @ left >= rest @ rest:
            damping *= 8
            continue
        done = rest @ rest - left @ left < 1e-4 * (rest @ rest)
        values, rest, damping = tried, left, damping / 5
        if done:
            break
    return _build(bands, values), float(values[0]), _rms(rest / weights.mean())


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else 0.0
