"""What estimates of stems lack of their mix: shared out smoothly, and measured stem by stem.

What the estimates lack goes to the stems in proportion to their energy in blocks
of 1024 frames, joined by lines, so that nothing is modulated at audible rates; what then remains for the exact sum
(`beatflow.sound.exact`) is rounding. No stem is changed by more than what was lacking, and a silent one stays silent.
Knows no engine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

HOP = 1024
_ROUNDING = 2.0**-22


@dataclass(frozen=True, slots=True)
class Correction:
    """What making the sum exact did to one stem.

    Parameters
    ----------
    stem : str
    largest : float
        The largest change of any sample, in full scales.
    relative_db : float or None
        Energy of all changes against the stem's own; None where nothing changed, or the stem is silent.
    """

    stem: str
    largest: float
    relative_db: float | None


class ResidualShare:
    """Shares out the residual of a stream, stretch by stretch, and keeps count of what was changed."""

    def __init__(self) -> None:
        self._before: NDArray[np.float64] | None = None
        self._changed: dict[str, list[float]] = {}

    def share(self, estimates: Mapping[str, Samples], mix: Samples) -> dict[str, Samples]:
        """Estimates of the next stretch that sum to the mix but for rounding; all have the mix's shape."""
        residual = mix.astype(np.float64)
        for estimate in estimates.values():
            residual -= estimate
        shares = self._measure(list(estimates.values()))
        known, self._before = self._before, shares[:, -1:]
        loudest = max(float(np.abs(mix).max(initial=0.0)), 1e-9)
        if not len(mix) or np.abs(residual).max() <= _ROUNDING * loudest:
            return dict(estimates)
        curves = _join(shares, known, len(mix))
        return {
            stem: (estimate + curve[:, None] * residual).astype(np.float32)
            for (stem, estimate), curve in zip(estimates.items(), curves, strict=True)
        }

    def count(self, stem: str, estimate: Samples, final: Samples) -> None:
        """Take note of what a stretch of a stem was, and what it became."""
        difference = final.astype(np.float64) - estimate
        tally = self._changed.setdefault(stem, [0.0, 0.0, 0.0])
        tally[0] = max(tally[0], float(np.abs(difference).max(initial=0.0)))
        tally[1] += float(np.vdot(difference, difference))
        tally[2] += float(np.sum(np.square(final, dtype=np.float64)))

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """What was changed so far."""
        return tuple(
            Correction(stem, largest, 10.0 * math.log10(changed / energy) if changed and energy else None)
            for stem, (largest, changed, energy) in self._changed.items()
        )

    @staticmethod
    def _measure(estimates: list[Samples]) -> NDArray[np.float64]:
        """Each stem's share of the energy, block by block; equal ones where all are silent."""
        blocks = max(1, -(-len(estimates[0]) // HOP))
        starts = np.arange(blocks) * HOP
        energies = []
        for estimate in estimates:
            power = np.square(estimate, dtype=np.float64).sum(axis=1)
            energies.append(np.add.reduceat(power, starts) if len(power) else np.zeros(1))
        energy = np.stack(energies)
        total = energy.sum(axis=0)
        return np.where(total > 0, energy / np.where(total > 0, total, 1.0), 1.0 / len(estimates))


def _join(
    shares: NDArray[np.float64], before: NDArray[np.float64] | None, frames: int
) -> NDArray[np.float64]:
    """Shares at the middles of blocks, joined by lines; the first goes on from where the stretch before ended."""
    middles = (np.arange(shares.shape[1]) + 0.5) * HOP
    if before is not None:
        middles, shares = np.append(0.0, middles), np.concatenate([before, shares], axis=1)
    at = np.arange(frames) + 0.5
    return np.stack([np.interp(at, middles, share) for share in shares])
