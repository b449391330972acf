"""Where the network looks and how much each look counts: windows over a mix, shifted passes, triangular weights.

Plain arithmetic on frames; knows no network and no samples. The scheme is Demucs's own (``demucs.apply.apply_model``),
so that the same shifts give the same stems; but its weights are divided by their sum beforehand, which makes the sum
of all windows the answer and lets it be computed as a stream.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

MAX_SHIFT_S = 0.5


@dataclass(frozen=True, slots=True)
class Pass:
    """One model over the whole mix once.

    Parameters
    ----------
    model : int
        Which of the bag.
    origin : int
        Frame at which its first window begins; at most 0.
    shares : tuple of float
        How much it counts for each source; over all passes they sum to 1.
    """

    model: int
    origin: int
    shares: tuple[float, ...]


def plan_passes(
    weights: Sequence[Sequence[float]], shifts: int, seed: int, sample_rate: int, source: int | None = None
) -> list[Pass]:
    """The passes of a bag of models, with shifts drawn as Demucs draws them from Python's generator.

    Parameters
    ----------
    weights : sequence of sequences of float
        For each model what it counts for each source.
    shifts : int
        Passes of each model, each beginning up to half a second early; 0 for one that does not.
    seed : int
    sample_rate : int
        Of the models.
    source : int, optional
        Leave out the models that count nothing for this source.
    """
    totals = [sum(column) for column in zip(*weights, strict=True)]
    draw = random.Random(seed)
    most = int(MAX_SHIFT_S * sample_rate)
    passes = []
    for model, row in enumerate(weights):
        shares = tuple(
            weight / total / max(1, shifts) if total else 0.0
            for weight, total in zip(row, totals, strict=True)
        )
        for _ in range(max(1, shifts)):
            # Drawn for the models that are left out as well: the others' shifts stay the same.
            origin = draw.randint(0, most) - most if shifts else 0
            if source is None or shares[source]:
                passes.append(Pass(model, origin, shares))
    return passes


@dataclass(frozen=True, slots=True)
class Window:
    """The network sees a segment from frame ``start`` on and fills ``frames`` frames from ``first`` on."""

    index: int
    start: int
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of one length at one distance.

    Parameters
    ----------
    segment : int
        Frames that the network sees.
    overlap : float
        Share of a window that the next one repeats, 0 to below 1.
    """

    segment: int
    overlap: float
    _weights: dict[int, Samples] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stride(self) -> int:
        """Frames from one window to the next."""
        return max(1, int((1 - self.overlap) * self.segment))

    def count(self, origin: int, length: int) -> int:
        """Windows that a mix of this length takes."""
        return -(-(length - origin) // self.stride)

    def place(self, origin: int, index: int, length: int | None = None) -> Window:
        """The window of a pass; with the length, one that reaches beyond the end looks back instead.

        Like Demucs it then has as much before what it fills as behind it, so that the network has sound to go by.
        """
        first = origin + index * self.stride
        frames = self.segment if length is None else min(self.segment, length - first)
        return Window(index, first - (self.segment - frames) // 2, first, frames)

    def weights(self, index: int) -> Samples:
        """How much each frame of a window counts, shape (segment,); over all windows they sum to 1 in every frame."""
        reach = (self.segment - 1) // self.stride
        index = min(index, reach)
        if index not in self._weights:
            triangle = _triangle(self.segment)
            total = np.zeros(self.segment)
            for other in range(max(0, index - reach), index + reach + 1):
                shift = (other - index) * self.stride
                here = slice(max(0, shift), min(self.segment, self.segment + shift))
                there = slice(max(0, -shift), min(self.segment, self.segment - shift))
                total[here] += triangle[there]
            self._weights[index] = (triangle / total).astype(np.float32)
        return self._weights[index]


def _triangle(frames: int) -> NDArray[np.float64]:
    half = frames // 2
    rise = np.concatenate([np.arange(1, half + 1), np.arange(frames - half, 0, -1)])
    made: NDArray[np.float64] = rise / rise.max()
    return made
