"""Loudness as broadcasters measure it, and true peak, block by block in constant memory.

Sources: ITU-R BS.1770-5 (K-weighting, gating, channel weights, true peak), EBU Tech 3341 (momentary, short-term),
EBU Tech 3342 (loudness range). Knows nothing of files.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples

# The loudest 0.4 s are looked for in steps of 10 ms: in steps of 0.1 s a burst that lies between them would read up to
# 0.6 LU low (Tech 3341, cases 13 and 14). Gating blocks start every 0.1 s, as the standard says.
_STEPS_PER_S, _PER_HOP = 100, 10
_MOMENTARY = 40  # in such steps
_BLOCK, _SHORT_TERM = 4, 30  # in hops
HOP_S = _PER_HOP / _STEPS_PER_S
_ABSOLUTE_GATE_LUFS = -70.0
# BS.1770-5 table 4: 1.41 for speakers 60° to 120° to the side, 1 elsewhere, none for the LFE; by number of channels, in
# WAV's order of speakers.
_SIDE = 1.41
_WEIGHTS = (
    (1.0,),
    (1.0, 1.0),
    (1.0, 1.0, 1.0),
    (1.0, 1.0, _SIDE, _SIDE),
    (1.0, 1.0, 1.0, _SIDE, _SIDE),
    (1.0, 1.0, 1.0, 0.0, _SIDE, _SIDE),
    (1.0, 1.0, 1.0, 0.0, 1.0, _SIDE, _SIDE),
    (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SIDE, _SIDE),
)


@dataclass(frozen=True, slots=True)
class Loudness:
    """Figures of one sound; None where there is nothing to measure (silence, less than 0.4 s, 3 s for the range).

    ``integrated_lufs``, ``momentary_max_lufs`` and ``short_term_max_lufs`` in LUFS, ``range_lu`` in LU,
    ``true_peak_dbtp`` in dB relative to full scale after oversampling, ``sample_peak_dbfs`` without.
    """

    integrated_lufs: float | None
    range_lu: float | None
    momentary_max_lufs: float | None
    short_term_max_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None

    def to_json(self) -> dict[str, float | None]:
        """The figures under the names that BeatFlow's JSON uses."""
        return {
            "loudness_lufs": self.integrated_lufs,
            "loudness_range_lu": self.range_lu,
            "momentary_max_lufs": self.momentary_max_lufs,
            "short_term_max_lufs": self.short_term_max_lufs,
            "true_peak_dbtp": self.true_peak_dbtp,
            "sample_peak_dbfs": self.sample_peak_dbfs,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Loudness over time.

    Parameters
    ----------
    momentary, short_term : ndarray
        LUFS of each complete window of 0.4 s and of 3 s, one every ``hop_s``, the first of which begins with the
        sound; minus infinity where it is silent. Empty for what is shorter than a window.
    hop_s : float
    """

    momentary: NDArray[np.float64]
    short_term: NDArray[np.float64]
    hop_s: float


def measure_loudness(audio: Audio | Iterable[Audio]) -> Loudness:
    """Measure a sound, or its blocks in order.

    Raises
    ------
    AudioError
        There are no blocks at all, or more channels than the standard has weights for.
    """
    meter = None
    for block in (audio,) if isinstance(audio, Audio) else audio:
        meter = meter or LoudnessMeter(block.sample_rate, block.channels)
        meter.add(block.samples)
    if meter is None:
        raise AudioError("no sound to measure")
    return meter.result()


class LoudnessMeter:
    """Takes blocks, gives `Loudness` at the end.

    What is kept is one energy for each 10 ms: 2.9 MB for an hour.

    Parameters
    ----------
    sample_rate, channels : int
    peaks : bool
        Whether to measure peaks as well, which takes a quarter of the time; without them they are None.

    Raises
    ------
    AudioError
        More channels than the standard has weights for.
    """

    def __init__(self, sample_rate: int, channels: int, peaks: bool = True) -> None:
        if not 1 <= channels <= len(_WEIGHTS):
            raise AudioError(f"loudness is defined for 1 to {len(_WEIGHTS)} channels, not {channels}")
        self._rate = sample_rate
        self._filter = _KFilter(sample_rate, channels)
        self._weights = np.array(_WEIGHTS[channels - 1])
        self._position = 0
        self._energies: list[NDArray[np.float64]] = []
        self._open = 0.0
        self._peak = _PeakMeter(sample_rate, channels) if peaks else None

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        if self._peak:
            self._peak.add(samples)
        for filtered in self._filter.add(samples):
            self._add_energy(filtered)

    def result(self) -> Loudness:
        """The figures so far; nothing can be added afterwards."""
        true_peak, sample_peak = self._peak.result() if self._peak else (0.0, 0.0)
        steps, hops = self._finish()
        momentary, short_term = _moving_mean(steps, _MOMENTARY), _moving_mean(hops, _SHORT_TERM)
        return Loudness(
            integrated_lufs=_round(_integrate(_moving_mean(hops, _BLOCK))),
            range_lu=_round(_measure_range(short_term)),
            momentary_max_lufs=_round(_loudest(momentary)),
            short_term_max_lufs=_round(_loudest(short_term)),
            true_peak_dbtp=_round(_decibels(true_peak)),
            sample_peak_dbfs=_round(_decibels(sample_peak)),
        )

    def course(self) -> Course:
        """The loudness over time; nothing can be added afterwards."""
        _, hops = self._finish()
        return Course(_to_lufs(_moving_mean(hops, _BLOCK)), _to_lufs(_moving_mean(hops, _SHORT_TERM)), HOP_S)

    def _finish(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean energies of whole steps of 10 ms and of whole hops of 0.1 s."""
        for filtered in self._filter.finish():
            self._add_energy(filtered)
        steps = np.concatenate([*self._energies, np.zeros(0)]) / (self._rate / _STEPS_PER_S)
        return steps, steps[: len(steps) // _PER_HOP * _PER_HOP].reshape(-1, _PER_HOP).mean(axis=1)

    def _add_energy(self, filtered: Samples) -> None:
        """Sum the squares of filtered samples, shape (channels, frames), into steps of 10 ms.

        Steps begin at the rounded multiples of 10 ms, so that rates like 11025 Hz do not drift.
        """
        power = (
            self._weights @ np.square(filtered, dtype=np.float64) if len(filtered) > 1 else filtered[0] ** 2
        )
        first = self._position * _STEPS_PER_S // self._rate + 1
        end = self._position + power.size
        bounds = (
            np.arange(first, end * _STEPS_PER_S // self._rate + 2) * self._rate // _STEPS_PER_S
            - self._position
        )
        bounds = bounds[(bounds > 0) & (bounds <= power.size)]
        sums = np.add.reduceat(power, np.concatenate([[0], bounds[bounds < power.size]]), dtype=np.float64)
        sums[0] += self._open
        closed = len(bounds)
        self._open = float(sums[closed]) if closed < len(sums) else 0.0
        self._energies.append(sums[:closed])
        self._position = end


class _KFilter:
    """K-weighting by overlap-save in the frequency domain.

    The impulse response falls as ``t exp(-239 t)`` (the high-pass at 38 Hz): 0.12 s after its start it is below 1e-10,
    so that a history of that length, and circular convolution over a transform many times longer, is exact to well
    below float32's own rounding (measured against a float64 recursion: 3e-6 LU on music).
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._history = math.ceil(0.12 * sample_rate)
        # Not a power of two: the rows of one lie in each other's way in the processor's cache (0.2 s instead of 0.7 s
        # for three minutes of stereo).
        self._size = _smooth_size(8 * self._history)
        self._response = k_response(sample_rate, self._size).astype(np.complex64)
        # Channels first: transforms run along contiguous memory.
        self._buffer = np.zeros((channels, self._size), np.float32)
        self._filled = self._history

    def add(self, samples: Samples) -> Iterable[Samples]:
        """Take frames first, yield filtered blocks, channels first."""
        taken = 0
        while taken < len(samples):
            count = min(self._size - self._filled, len(samples) - taken)
            self._buffer[:, self._filled : self._filled + count] = samples[taken : taken + count].T
            self._filled += count
            taken += count
            if self._filled == self._size:
                yield self._transform()[:, self._history :]
                self._buffer[:, : self._history] = self._buffer[:, -self._history :]
                self._filled = self._history

    def finish(self) -> Iterable[Samples]:
        """Yield what is left, once."""
        if self._filled > self._history:
            self._buffer[:, self._filled :] = 0
            filled, self._filled = self._filled, self._history
            yield self._transform()[:, self._history : filled]

    def _transform(self) -> Samples:
        # Samples that are not finite become NaN, which the explanation or the store names; numpy need not warn as well.
        with np.errstate(invalid="ignore"):
            spectrum = np.fft.rfft(self._buffer)
            return np.fft.irfft(spectrum * self._response, self._size).astype(np.float32, copy=False)


def _smooth_size(least: int) -> int:
    """The smallest of 5, 9, 15 … 45 times a power of two from ``least`` on: transforms of such sizes are quick."""
    return min(odd << max(0, math.ceil(math.log2(least / odd))) for odd in (5, 9, 15, 25, 27, 45))


def k_response(sample_rate: int, size: int) -> NDArray[np.complex128]:
    """Frequency response of the K-weighting, at the ``size // 2 + 1`` frequencies of a real transform.

    BS.1770-5 gives coefficients for 48 kHz alone. They are the bilinear transform of a shelf (+4 dB, 1682 Hz, Q 0.707)
    and a high-pass (38.1 Hz, Q 0.5); with these analogue values, found by inverting it, 48 kHz gives the standard's
    coefficients to twelve digits, and other rates the same curve.
    """
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    numerator, denominator = _shelf(sample_rate)
    shelf = np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    numerator, denominator = _high_pass(sample_rate)
    return np.asarray(shelf * np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z))


def _shelf(sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the first stage, of 1, z**-1, z**-2."""
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    numerator = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k])
    return numerator / a0, np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k]) / a0


def _high_pass(sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the second stage; the standard leaves its numerator at 1, -2, 1."""
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    return np.array([1.0, -2.0, 1.0]), np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k]) / a0


class _PeakMeter:
    """Sample peak, and the peak of the band-limited curve through the samples.

    Interpolates 4 points per frame below 80 kHz, 2 below 160 kHz, none above, as BS.1770-5 annex 2 asks (a true rate of
    176 kHz or more), with a Kaiser-windowed sinc of 24 frames. Reads a full-scale sine at a quarter of the rate to
    within 0.01 dB; what four points can miss is at most 0.7 dB just below half the rate.
    """

    _TAPS = 24
    _RUN = 16  # frames that one row of a matrix product covers: short enough to skip quiet runs, long enough for BLAS
    _ROWS = 128  # of one product: with more of them, BLAS would start threads of its own and wait for them

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.peak = 0.0
        self._between = 0.0
        factor = 4 if sample_rate < 80_000 else 2 if sample_rate < 160_000 else 1
        self._kernel = _interpolation_matrix(factor, self._TAPS, self._RUN)
        # No interpolated value exceeds the largest sample near it by more than the sum of a phase's absolute weights.
        self._gain = float(np.abs(self._kernel).sum(axis=0).max()) if factor > 1 else 0.0
        self._tail = np.zeros((channels, self._TAPS), np.float32)

    def add(self, samples: Samples) -> None:
        """Take frames."""
        if not len(samples):
            return
        self.peak = max(self.peak, float(samples.max()), float(-samples.min()))
        signal = np.concatenate([self._tail, samples.T], axis=1)
        # Whole runs only: one that reached beyond what is there would read the end of a block as a cut to silence.
        whole = max(0, signal.shape[1] - self._TAPS + 1) // self._RUN * self._RUN
        self._measure(signal[:, : whole + self._TAPS - 1], whole // self._RUN)
        self._tail = signal[:, whole:]

    def result(self) -> tuple[float, float]:
        """True peak and sample peak, linear."""
        runs = -(-self._tail.shape[1] // self._RUN)
        self._measure(self._tail, runs)
        return max(self.peak, self._between), self.peak

    def _measure(self, signal: Samples, runs: int) -> None:
        """Take so many runs, of which the first begins with the signal; behind it there is silence."""
        if self._gain == 0 or not runs:
            return
        channels, length = signal.shape
        reach = -(-(self._TAPS - 1) // self._RUN)  # a window reaches into so many runs behind its own
        padded = np.zeros((channels, (runs + reach) * self._RUN), np.float32)
        padded[:, :length] = signal
        windows = np.lib.stride_tricks.sliding_window_view(padded, self._RUN + self._TAPS - 1, axis=1)[
            :, : runs * self._RUN : self._RUN
        ]
        edges = np.abs(padded.reshape(channels, runs + reach, self._RUN)).max(axis=2)
        near = np.max([edges[:, run : run + runs] for run in range(reach + 1)], axis=0)
        best = max(self.peak, self._between)
        channel, run = np.nonzero(near * self._gain > best)
        order = np.argsort(-near[channel, run])  # the loudest first: they may spare the others
        for start in range(0, len(order), self._ROWS):
            some = order[start : start + self._ROWS]
            if near[channel[some[0]], run[some[0]]] * self._gain <= best:
                break
            between = windows[channel[some], run[some]] @ self._kernel
            best = max(best, float(between.max()), float(-between.min()))
        self._between = max(self._between, best)


def _interpolation_matrix(factor: int, taps: int, run: int) -> Samples:
    """Matrix (run + taps - 1, run * (factor - 1)) from samples to the values between them."""
    offsets = np.arange(taps) - (taps // 2 - 1)
    matrix = np.zeros((run + taps - 1, run * (factor - 1)), np.float32)
    for phase in range(1, factor):
        distance = offsets - phase / factor
        window = np.i0(8.0 * np.sqrt(np.maximum(0, 1 - (distance / (taps / 2)) ** 2))) / np.i0(8.0)
        weights = np.sinc(distance) * window
        weights /= weights.sum()
        for frame in range(run):
            matrix[frame : frame + taps, (phase - 1) * run + frame] = weights
    return matrix


def _moving_mean(steps: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Mean over each complete window of so many steps."""
    if len(steps) < width:
        return np.zeros(0)
    # A difference of running sums would leave residues of loud parts in silence.
    return np.asarray(np.lib.stride_tricks.sliding_window_view(steps, width).mean(axis=1))


def _to_lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(power))


def _integrate(blocks: NDArray[np.float64]) -> float | None:
    """Gated loudness: blocks above -70 LUFS, and of those the ones above 10 LU below their mean."""
    loud = blocks[_to_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return None
    relative = _to_lufs(loud.mean()) - 10
    return float(_to_lufs(loud[_to_lufs(loud) > relative].mean()))


def _measure_range(short_term: NDArray[np.float64]) -> float | None:
    """Loudness range: 10th to 95th percentile of short-term loudness above a gate 20 LU below the mean."""
    loud = short_term[_to_lufs(short_term) > _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return None
    levels = _to_lufs(loud)
    levels = levels[levels > _to_lufs(loud.mean()) - 20]
    low, high = np.percentile(levels, (10, 95))
    return float(high - low)


def _loudest(blocks: NDArray[np.float64]) -> float | None:
    return float(_to_lufs(blocks.max())) if blocks.size and blocks.max() > 0 else None


def _decibels(level: float) -> float | None:
    return 20 * math.log10(level) if level > 0 else None


def _round(value: float | None) -> float | None:
    """Two decimals, which is what can be heard, compared and printed; never -inf."""
    return None if value is None or not math.isfinite(value) else round(value, 2) + 0.0
