"""What is tried on a few stretches of a chunk, in numpy, for where there are no kernels.

Joins the least squares of `sound` with the stretches of `predicting/view.py`. Features are in the target's unit.
"""

from collections.abc import Sequence

import numpy as np

from beatflow.native.fit import Stretches
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.samples import read_samples
from beatflow.sound.fit import (
    Array,
    choose_features,
    count_bits,
    count_plain_bits,
    find_offset,
    solve_channels,
    solve_filter,
    solve_gains,
)


class SumTrial:
    """Finds out how much sums of some features explain; the twin of `native.fit.Products`.

    Parameters
    ----------
    target : Stretches
    features : sequence of Stretches
        Each of one channel or as many as the target. One that is no integers of 24 bits counts as silence.
    blocks : int
        How many stretches there are.
    """

    def __init__(self, target: Stretches, features: Sequence[Stretches], blocks: int) -> None:
        self._blocks = blocks
        self._target = _read(target, 1)[0]
        self._features = [_read_like(feature, target, 1)[0] for feature in features]

    def choose(self, among: Sequence[int], prices: Sequence[float]) -> list[int]:
        """Return which of some features are worth having, given the bits per sample that each must save."""
        if not among:
            return []
        chosen = choose_features(
            self._target, [self._features[number] for number in among], [prices[number] for number in among]
        )
        return [among[place] for place in chosen]

    def count_left(self, chosen: Sequence[int], explained: float) -> float:
        """Return the bits per sample that gains leave: of the whole or, where not below `explained`, of each part."""
        features = [self._features[number] for number in chosen]
        bits = count_bits(solve_gains(self._target, features).power)
        if bits < explained:
            return bits
        length = len(self._target) // self._blocks
        stretches = [slice(at, at + length) for at in range(0, len(self._target), length)]
        powers = [
            solve_gains(self._target[part], [feature[part] for feature in features]).power
            for part in stretches
        ]
        return count_bits(float(np.mean(powers)))


def count_bits_alone(target: Stretches, blocks: int) -> float | None:
    """Return bits per sample without any reference, None where the samples are no integers of 24 bits."""
    found = _find(target, blocks)
    return None if found is None else count_plain_bits(found)


def count_bits_crossed(target: Stretches, feature: Stretches) -> float:
    """Return the bits per sample that gains from every channel into every channel leave."""
    found = _read_like(feature, target, 1)[0]
    return count_bits(solve_channels(_read(target, 1)[0], list(found.T)).power)


def count_bits_filtered(target: Stretches, source: Stretches, blocks: int) -> float | None:
    """Return the bits per sample that a filter leaves, None where hardly anything is explained.

    Parameters
    ----------
    target, source : Stretches
        Each of the source's has as many frames more on either side as the filter has lags.
    blocks : int
        How many there are of each.
    """
    found = _read_like(source, target, blocks)
    fitted = solve_filter(_read(target, blocks), found) if found.any() else None
    return fitted.bits if fitted else None


def find_loudest(sound: Stretches, length: int) -> int:
    """Return where the loudest of the stretches begins that have `length` frames and overlap by half.

    The twin of `native.offset.find_loudest`, as the next is of `native.offset.find_offset`.
    """
    mono = np.abs(_read_mono(sound))
    steps = range(0, len(mono) - length + 1, max(1, length // 2))
    return max(steps, key=lambda at: float(mono[at : at + length].sum()))


def find_moved(probe: Stretches, region: Stretches) -> tuple[int, float]:
    """Return where in a region a stretch is most like it, whatever its gain and sign, and how much, 0 to 1."""
    return find_offset(_read_mono(probe), _read_mono(region))


def _read_mono(sound: Stretches) -> Array:
    return np.asarray(_read(sound, 1)[0].sum(axis=1))


def _find(sound: Stretches, blocks: int) -> Array | None:
    """Return stretches as float64, shape (blocks, frames, channels); None where they are no integers of 24 bits."""
    found = read_samples(sound.raw, Layout(SampleFormat(sound.format), sound.channels))
    return None if found is None else found.reshape(blocks, -1, sound.channels).astype(np.float64)


def _read(sound: Stretches, blocks: int) -> Array:
    """Return stretches as `_find` does; silence where they are no integers of 24 bits."""
    found = _find(sound, blocks)
    if found is not None:
        return found
    frames = len(sound.raw) // Layout(SampleFormat(sound.format), sound.channels).frame_bytes
    return np.zeros((blocks, frames // blocks, sound.channels))


def _read_like(sound: Stretches, target: Stretches, blocks: int) -> Array:
    """Return stretches in the target's unit and channels; one channel becomes all of them."""
    found = _read(sound, blocks)
    found *= 2.0 ** (SampleFormat(target.format).bits - SampleFormat(sound.format).bits)
    return found if sound.channels == target.channels else np.repeat(found, target.channels, axis=2)
