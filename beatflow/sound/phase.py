"""How two channels get along: correlation, what a mono sum loses, and balance, over the whole and at its worst.

The first two channels are measured, which are left and right in every layout that WAV knows. Knows no files.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

_STEPS_PER_S = 10
_STRETCH = 30
"""Steps in the stretch that the worst correlation is of: 3 s, as long as short-term loudness."""
_GATE_DB = 20.0
"""Stretches so far below the mean power are left out: what their channels do is hardly heard."""
_BASS_HZ = 150.0
CANCELLING_DB = -6.0
"""A mono sum at or below this loses more than half of what channels that have nothing in common would keep."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Figures of left and right; None for a single channel, or where one of them is silent.

    Parameters
    ----------
    correlation : float or None
        Sum of the products of left and right over the root of the product of their energies, as correlation meters
        show it: 1 for the same in both, 0 for nothing in common, -1 for the same with the sign turned.
    worst_correlation : float or None
        The least of any 3 s (of the whole, where it is shorter) no more than 20 dB below the mean power.
    worst_start_s : float or None
        Where those 3 s begin.
    bass_correlation : float or None
        Of what lies below some 150 Hz; None where there is less than 1 % of the power.
    mono_change_db : float or None
        Level of the mono sum, (left + right) / 2, relative to the mean power of the two: 0 for the same in both, -3
        for nothing in common; at least -120.
    worst_mono_change_db : float or None
        The same over those 3 s in which it is lowest.
    balance_db : float or None
        How much louder the right channel is than the left one.
    """

    correlation: float | None
    worst_correlation: float | None
    worst_start_s: float | None
    bass_correlation: float | None
    mono_change_db: float | None
    worst_mono_change_db: float | None
    balance_db: float | None


NO_PHASE = Phase(None, None, None, None, None, None, None)


class PhaseMeter:
    """Takes blocks, gives `Phase` at the end; keeps three numbers for each 0.1 s: 860 KB for an hour.

    Quickest with samples that lie channel by channel (Fortran's order).
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._stereo = channels > 1
        # Frames that are averaged to leave the bass, and such averages in a step.
        self._width = max(1, round(sample_rate * 0.443 / _BASS_HZ))
        self._per_step = max(1, round(sample_rate / _STEPS_PER_S / self._width))
        self._step = self._width * self._per_step
        self._rate = sample_rate
        self._rest = np.zeros((2, 0), np.float32)
        self._sums: list[NDArray[np.float32]] = []
        self._bass = np.zeros(3)

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        if not self._stereo:
            return
        pair = samples.T[:2]
        if missing := -self._rest.shape[1] % self._step:
            # The open step is filled by itself, so that the rest of a block needs no copy.
            self._rest = np.concatenate([self._rest, pair[:, :missing]], axis=1)
            pair = pair[:, missing:]
            if self._rest.shape[1] < self._step:
                return
            self._measure(self._rest)
        whole = pair.shape[1] // self._step * self._step
        self._measure(pair[:, :whole])
        self._rest = pair[:, whole:].copy()

    def result(self) -> Phase:
        """The figures so far; nothing can be added afterwards."""
        if self._stereo and self._rest.shape[1]:
            missing = -self._rest.shape[1] % self._step
            self._measure(np.pad(self._rest, ((0, 0), (0, missing))))
            self._rest = self._rest[:, :0]
        sums = np.concatenate([np.zeros((3, 0)), *self._sums], axis=1, dtype=np.float64)
        total = sums.sum(axis=1)
        balance = None if not (total[:2] > 0).all() else 10 * math.log10(total[1] / total[0])
        if balance is None:
            return NO_PHASE
        stretches = _move(sums)
        power = stretches[0] + stretches[1]
        heard = np.flatnonzero(power >= max(power.mean() * 10 ** (-_GATE_DB / 10), 0.0))
        correlations, changes = _correlate(stretches[:, heard]), _sum_to_mono(stretches[:, heard])
        worst = int(np.argmin(correlations))
        bass_share = self._bass[:2].sum() / total[:2].sum() * self._width
        return Phase(
            correlation=_round(_correlate(total[:, None])[0]),
            worst_correlation=_round(correlations[worst]),
            worst_start_s=round(int(heard[worst]) * self._step / self._rate, 1),
            bass_correlation=_round(_correlate(self._bass[:, None])[0]) if bass_share > 0.01 else None,
            mono_change_db=_round(_sum_to_mono(total[:, None])[0]),
            worst_mono_change_db=_round(changes.min()),
            balance_db=_round(balance),
        )

    def _measure(self, pair: Samples) -> None:
        """Take whole steps, shape (2, steps times frames of a step)."""
        if not pair.shape[1]:
            return
        left, right = (np.ascontiguousarray(plane).reshape(-1, self._step) for plane in pair)
        pairs = ((left, left), (right, right), (left, right))
        self._sums.append(np.array([np.einsum("ij,ij->i", a, b) for a, b in pairs]))
        low, deep = (plane.reshape(-1, self._width).mean(axis=1, dtype=np.float64) for plane in (left, right))
        self._bass += [np.dot(a, b) for a, b in ((low, low), (deep, deep), (low, deep))]


def _move(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over each stretch of 3 s; over everything where there is less."""
    width = min(_STRETCH, sums.shape[1])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(sums, width, axis=1).sum(axis=2))


def _correlate(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation from the energies of left and right and the sum of their products, shape (3, stretches).

    A stretch in which a channel is as good as silent counts as 0: a mono sum loses nothing of it but 3 dB.
    """
    energies = np.sqrt(sums[0] * sums[1])
    heard = energies > 1e-12
    return np.asarray(np.clip(np.where(heard, sums[2], 0) / np.where(heard, energies, 1), -1, 1))


def _sum_to_mono(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.maximum(sums[0] + sums[1], 1e-30)
    return np.asarray(10 * np.log10(np.maximum(0.5 + sums[2] / power, 1e-12)))


def _round(value: float) -> float:
    return round(float(value), 2) + 0.0
