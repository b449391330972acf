"""Sound as power in bands of a third of a semitone, 62 times a second: all that is compared is read from that.

Streams in constant memory; knows no files and no comparing.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from beatflow.sound.audio import Audio
from beatflow.sound.hops import HopCutter, mix_down, power_spectra
from beatflow.sound.resample import resample_blocks

Bands = NDArray[np.float32]
"""Power, shape (hops, BANDS)."""

RATE = 16_000
HOP = 256
HOP_S = HOP / RATE
PER_OCTAVE = 36
LOWEST_HZ = 55.0
BANDS = 7 * PER_OCTAVE
"""Seven octaves from A1 on: to 7 kHz, which every lossy codec and every sample rate in use leaves alone."""
_WINDOW = 2048
_AT_ONCE = 64  # spectra per step, so that what is worked on stays in the processor's cache
_BLOCK_HOPS = 1024


def measure_bands(blocks: Iterable[Audio]) -> Iterator[Bands]:
    """Yield the bands of a sound that comes in blocks, some 16 s at a time; hop ``n`` is centred on ``n * HOP_S`` s.

    Samples that are not numbers count as silence: who wants to hear of them measures the sound.
    """
    cutter, taper, layout = HopCutter(_WINDOW, HOP), np.hanning(_WINDOW).astype(np.float32), _lay_out()
    waiting: list[Bands] = []
    held = 0
    for windows in _cut(cutter, iter_mono(blocks)):
        for start in range(0, len(windows), _AT_ONCE):
            spectra = power_spectra(windows[start : start + _AT_ONCE], taper)
            waiting.append(np.ascontiguousarray((layout @ spectra.T).T))
            held += len(spectra)
        if held >= _BLOCK_HOPS:
            yield np.concatenate(waiting)
            waiting, held = [], 0
    if held:
        yield np.concatenate(waiting)


def iter_mono(blocks: Iterable[Audio]) -> Iterator[NDArray[np.float32]]:
    """Yield the mean of the channels at `RATE`, shape (frames,); what is no number is silence."""
    mono = (Audio(_finite(mix_down(block.samples))[:, None], block.sample_rate) for block in blocks)
    for block in resample_blocks(mono, RATE):
        yield block.samples[:, 0]


def _cut(cutter: HopCutter, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        yield cutter.add(block)
    yield cutter.finish()


def _finite(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    return mono if np.isfinite(mono).all() else np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0)


@cache
def _lay_out() -> Any:
    """How much of each bin of a spectrum counts for each band, a sparse matrix of shape (BANDS, bins).

    Triangles a band wide on either side; where bands are narrower than bins, interpolation between bins.
    """
    bins = _WINDOW // 2 + 1
    step_hz = RATE / _WINDOW
    hz = np.arange(bins) * step_hz
    centres = LOWEST_HZ * 2.0 ** (np.arange(BANDS) / PER_OCTAVE)
    reach = np.maximum(centres * (2.0 ** (1 / PER_OCTAVE) - 1.0), step_hz)
    weights = np.maximum(0.0, 1.0 - np.abs(hz[:, None] - centres) / reach)
    # Hardly any bin counts for a band: a fiftieth of the work, and the same sums whatever library multiplies.
    return csr_matrix((weights / weights.sum(axis=0)).T.astype(np.float32))
