"""What one can see in a spectrogram about who made each of its bins: steadiness, attacks, repetition, place.

Pure functions from complex spectra to feature maps; knows no stems and no masks. All maps are in nepers of power
(natural logarithm) or made of such, so that the level of the mix does not matter.
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

Map = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

CUES = 25
BANDS_HZ = ((0.0, 250.0), (250.0, 3000.0), (3000.0, 16000.0))
FLOOR = 1e-9
"""Power below the loudest bin at which the spectrogram ends: -90 dB."""


def log_power(spectrum: Spectrum) -> Map:
    """Logarithm of the power summed over channels.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (channels, columns, bins)

    Returns
    -------
    ndarray of float32, shape (columns, bins)
        At most 0: the loudest bin is the reference.
    """
    power = np.sum(spectrum.real**2 + spectrum.imag**2, axis=0)
    peak = float(power.max(initial=0.0)) or 1.0
    return np.asarray(np.log(power / np.float32(peak) + np.float32(FLOOR)), dtype=np.float32)


def running_median(image: Map, size: int, axis: int) -> Map:
    """Median over ``size`` (odd) neighbours along one axis; edges are mirrored.

    SciPy's filter of a 1-D array is ten times as fast as its filter of a 2-D array with a window of one row (0.03
    against 0.3 µs per value), so the rows are laid end to end with their mirrored edges between them.
    """
    rows = image if axis == 1 else image.T
    reach = size // 2
    padded = np.pad(rows, ((0, 0), (reach, reach)), mode="symmetric")
    flat = median_filter(padded.ravel(), size=size, mode="nearest").reshape(padded.shape)
    inner = flat[:, reach : reach + rows.shape[1]]
    return np.ascontiguousarray(inner if axis == 1 else inner.T)


def smooth(image: Map, size: int, axis: int) -> Map:
    """Mean over ``size`` neighbours along one axis."""
    return np.asarray(uniform_filter1d(image, size, axis=axis, mode="nearest"), dtype=np.float32)


def repetition(level: Map, gap: int) -> Map:
    """Level that the most similar other moments have: the median over the five nearest columns.

    What repeats (the accompaniment) stays, what does not (the voice) goes: Rafii and Pardo (2012), "Music/voice
    separation using the similarity matrix", ISMIR. Columns nearer than ``gap`` do not count.
    """
    columns, bins = level.shape
    if columns < 2 * gap + 6:
        return level
    edges = np.unique(np.geomspace(4, max(5, bins), 49).astype(int)) - 4
    edges = edges[edges < bins]
    widths = np.diff(np.append(edges, bins)).astype(np.float32)
    bands: Map = np.asarray(np.add.reduceat(level, edges, axis=1) / widths, dtype=np.float32)
    bands = smooth(np.asarray(bands - bands.mean(axis=0), dtype=np.float32), 5, 0)
    bands -= bands.mean(axis=1, keepdims=True)
    bands /= np.linalg.norm(bands, axis=1, keepdims=True) + np.float32(1e-6)
    alike = bands @ bands.T
    near = np.abs(np.subtract.outer(np.arange(columns), np.arange(columns))) < gap
    alike[near] = -2.0
    best = np.argpartition(-alike, 5, axis=1)[:, :5]
    a, b, c, d, e = (level[best[:, rank]] for rank in range(5))
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.asarray(np.maximum(np.minimum(e, low), np.minimum(np.maximum(e, low), high)))


def centre(spectrum: Spectrum) -> Map:
    """How alike the first two channels are, -1..1, in phase and level; 1 is the middle of the stage.

    The similarity measure of Avendano and Jot (2002), AES 22nd conference, with the sign of the phase kept.
    """
    left, right = spectrum[0], spectrum[1]
    cross = left.real * right.real + left.imag * right.imag
    power = left.real**2 + left.imag**2 + right.real**2 + right.imag**2
    return smooth(2.0 * cross, 3, 0) / (smooth(power, 3, 0) + np.float32(1e-12))


def describe(spectrum: Spectrum, brief: Spectrum, spacing: float) -> Map:
    """All cues of a spectrogram.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (channels, columns, bins)
        Long windows, a quarter of a window apart.
    brief : ndarray of complex64, shape (channels, 2 * columns, bins // 4 + 1 or so)
        The same sound through windows a quarter as long, half of one apart.
    spacing : float
        Hz between two bins of ``spectrum``.

    Returns
    -------
    ndarray of float32, shape (cues, columns, bins)
    """
    level = log_power(spectrum)
    out: Map = np.empty((CUES, *level.shape), dtype=np.float32)
    maps = chain(
        _tonal_cues(level),
        _brief_cues(log_power(brief), *level.shape),
        [repetition(level, 34) - level],
        _place_cues(spectrum, level, spacing),
        _change_cues(level, spacing),
    )
    for row, image in zip(out, maps, strict=True):
        np.clip(image, np.float32(-6.0), np.float32(6.0), out=row)
    return out


def _tonal_cues(level: Map) -> Iterator[Map]:
    """Held tones against attacks: medians along time and along frequency (Fitzgerald 2010, DAFx)."""
    steady, spread = running_median(level, 17, 0), running_median(level, 17, 1)
    tonal = steady - spread
    yield steady - level
    yield spread - level
    yield tonal
    yield running_median(level, 49, 0) - steady
    yield running_median(level, 65, 1) - spread
    yield smooth(tonal, 9, 0)
    yield smooth(tonal, 9, 1)


def _place_cues(spectrum: Spectrum, level: Map, spacing: float) -> Iterator[Map]:
    """Where a bin lies: in the stereo field, in the register, in level against the loudest and the whole."""
    side = centre(spectrum) if spectrum.shape[0] > 1 else np.ones_like(level)
    yield side * 3.0
    yield smooth(side, 15, 1) * 3.0
    octave = np.log2(np.arange(1, level.shape[1] + 1, dtype=np.float32) * np.float32(spacing / 1000.0))
    yield octave
    yield np.abs(octave + 3.0)
    yield level / 4.0 + 2.0
    yield smooth(level, 41, 0) / 4.0 + 2.0
    whole: Map = np.asarray(np.logaddexp.reduce(level, axis=1, keepdims=True), dtype=np.float32)
    yield whole / 4.0


def _change_cues(level: Map, spacing: float) -> Iterator[Map]:
    """What rises and falls, in the bin and in three bands."""
    columns = np.arange(level.shape[0])
    past = level - level[np.maximum(columns - 2, 0)]
    yield past
    yield level[np.minimum(columns + 2, columns.size - 1)] - level
    for low, high in BANDS_HZ:
        band = past[:, int(low / spacing) : max(int(low / spacing) + 1, int(high / spacing))]
        if not band.shape[1]:
            band = np.zeros_like(past[:, :1])
        mean: Map = np.asarray(np.clip(band, 0.0, None).mean(axis=1, keepdims=True), dtype=np.float32)
        yield mean
        yield mean[np.maximum(columns - 3, 0)]


def _brief_cues(level: Map, columns: int, bins: int) -> Iterator[Map]:
    """Steadiness and attack seen through the short windows, on the grid of the long ones.

    The k-th long window and the 2 k - 2-nd short one have the same centre, as `Stft` places them.
    """
    steady, spread = running_median(level, 17, 0), running_median(level, 9, 1)
    first = np.clip(2 * np.arange(columns) - 2, 0, level.shape[0] - 1)
    second = np.minimum(first + 1, level.shape[0] - 1)
    for image in (steady - spread, level - steady):
        halved: Map = np.float32(0.5) * (image[first] + image[second])
        wide = np.repeat(halved, 4, axis=1)[:, 2:]
        short = max(0, bins - wide.shape[1])
        yield np.asarray(np.pad(wide, ((0, 0), (0, short)), mode="edge")[:, :bins], dtype=np.float32)
