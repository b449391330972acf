"""From cues to soft masks: which share of each bin belongs to drums, bass, vocals and the rest.

Two small perceptrons (39 inputs, 48 hidden units, 4 stems) weigh the cues bin by bin; the second also sees what the
first found around the bin. Their 20 KB of weights in ``masks.npz`` were fitted by ``benchmarks/train_masks.py`` to
rendered music with known stems, so they hold nothing but what it puts there. Knows no samples.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from beatflow.ai.cues import BANDS_HZ, Map, smooth

STEMS = ("drums", "bass", "vocals", "other")

_BLOCK = 1 << 15  # bins at a time: 32 Ki bins of 48 hidden units are 6 MiB


class Perceptron(NamedTuple):
    """Weights of shape (hidden, inputs), (hidden, 1), (stems, hidden), (stems, 1)."""

    inner: Map
    inner_bias: Map
    outer: Map
    outer_bias: Map


@cache
def load_perceptrons() -> tuple[Perceptron, ...]:
    """The fitted weights, first stage first."""
    with np.load(Path(__file__).with_name("masks.npz")) as file:
        arrays = [file[f"arr_{index}"] for index in range(len(file.files))]
    return tuple(Perceptron(*arrays[first : first + 4]) for first in range(0, len(arrays), 4))


def estimate_masks(
    cues: Map, level: Map, spacing: float, perceptrons: tuple[Perceptron, ...] | None = None
) -> Map:
    """Soft masks of every stem.

    Parameters
    ----------
    cues : ndarray of float32, shape (cues, columns, bins)
        From `beatflow.ai.cues.describe`.
    level : ndarray of float32, shape (columns, bins)
        Logarithm of power.
    spacing : float
        Hz between bins.

    Returns
    -------
    ndarray of float32, shape (stems, columns, bins)
        In the order of ``STEMS``; they sum to 1.
    """
    first, *later = perceptrons if perceptrons is not None else load_perceptrons()
    masks = apply_perceptron(first, [cues])
    for perceptron in later:
        masks = apply_perceptron(perceptron, [cues, describe_masks(masks, level, spacing)])
    return masks


def apply_perceptron(perceptron: Perceptron, inputs: list[Map]) -> Map:
    """One hidden layer of rectifiers, and a softmax over the stems."""
    shape = inputs[0].shape[1:]
    flat = [maps.reshape(maps.shape[0], -1) for maps in inputs]
    bins = flat[0].shape[1]
    out = np.empty((perceptron.outer.shape[0], bins), dtype=np.float32)
    for start in range(0, bins, _BLOCK):
        block = slice(start, min(bins, start + _BLOCK))
        seen = np.concatenate([maps[:, block] for maps in flat])
        hidden = perceptron.inner @ seen
        hidden += perceptron.inner_bias
        np.maximum(hidden, 0.0, out=hidden)
        score = perceptron.outer @ hidden + perceptron.outer_bias
        np.exp(score - score.max(axis=0), out=score)
        out[:, block] = score / score.sum(axis=0)
    return out.reshape(-1, *shape)


def describe_masks(masks: Map, level: Map, spacing: float) -> Map:
    """What masks say around each bin, weighted by amplitude: per stem over a second and over 160 Hz, and per band."""
    weight = np.exp(0.5 * np.maximum(level, np.float32(-8.0)))
    around, across = smooth(weight, 25, 0), smooth(weight, 15, 1)
    out = np.empty((2 * len(masks) + 2 * len(BANDS_HZ), *level.shape), dtype=np.float32)
    for index, mask in enumerate(masks):
        weighted = mask * weight
        np.divide(smooth(weighted, 25, 0), around, out=out[2 * index])
        np.divide(smooth(weighted, 15, 1), across, out=out[2 * index + 1])
    row = 2 * len(masks)
    for low, high in BANDS_HZ:
        first = min(int(low / spacing), level.shape[1] - 1)
        band = slice(first, max(first + 1, int(high / spacing)))
        total = weight[:, band].sum(axis=1)
        for stem in ("drums", "vocals"):
            out[row] = ((masks[STEMS.index(stem)][:, band] * weight[:, band]).sum(axis=1) / total)[:, None]
            row += 1
    out *= 4.0
    out -= 1.0
    return out
