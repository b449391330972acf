"""Any number of channels as the stereo pairs that Demucs hears, and back.

A mono mix is heard as a pair of equals and its estimates are averaged, as Demucs does. More than two channels are taken
apart as WAV orders them: left and right belong together, front, back and side; the centre, the low effects and a
single back are mono. Each pair is separated as a mix of its own.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import Moments
from beatflow.sound.audio import Samples

GROUPS: Mapping[int, tuple[tuple[int, ...], ...]] = {
    1: ((0,),),
    2: ((0, 1),),
    3: ((0, 1), (2,)),
    4: ((0, 1), (2, 3)),
    5: ((0, 1), (2,), (3, 4)),
    6: ((0, 1), (2,), (3,), (4, 5)),
    7: ((0, 1), (2,), (3,), (4,), (5, 6)),
    8: ((0, 1), (2,), (3,), (4, 5), (6, 7)),
}


def get_groups(channels: int) -> tuple[tuple[int, ...], ...]:
    """Which channels are heard together."""
    return GROUPS.get(channels) or tuple((channel,) for channel in range(channels))


def to_pairs(samples: Samples) -> NDArray[np.float32]:
    """Channels as pairs: shape (frames, channels) to (groups, 2, frames)."""
    pairs = [[samples[:, group[0]], samples[:, group[-1]]] for group in get_groups(samples.shape[1])]
    return np.asarray(pairs, np.float32)


def from_pairs(estimates: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Pairs as channels again: shape (groups, sources, 2, frames) to (frames, sources, channels)."""
    made = np.empty((estimates.shape[3], estimates.shape[1], channels), np.float32)
    for group, pair in zip(get_groups(channels), estimates, strict=True):
        if len(group) == 1:
            made[:, :, group[0]] = pair.mean(1).T
        else:
            for side, channel in enumerate(group):
                made[:, :, channel] = pair[:, side].T
    return made


def measure_level(moments: Moments, channels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of each group's sum to mono, which Demucs brings to 0 and 1 before it listens."""
    means, deviations = [], []
    for group in get_groups(channels):
        chosen = list(group)
        means.append(moments.mean[chosen].mean())
        deviations.append(np.sqrt(max(0.0, moments.covariance[np.ix_(chosen, chosen)].mean())))
    return np.asarray(means, np.float32), np.asarray(deviations, np.float32) + np.float32(1e-8)
