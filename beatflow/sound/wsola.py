"""Time-stretching where the phase vocoder has no wheel: short pieces of the sound, each laid where it fits best.

Waveform similarity overlap-add after W. Verhelst and M. Roelands, An overlap-add technique based on waveform
similarity, ICASSP 1993. All channels move together, so that the stereo picture stays; attacks stay sharp, and sustained
chords of several notes get a little rough.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

PIECE_S, REACH_S = 0.04, 0.012
"""Length of a piece, and how far it may move to fit: longer than the period of a bass's lowest note, 40 Hz, in all."""


def stretch_pieces(samples: Samples, frames: int, sample_rate: int) -> Samples:
    """Give a sound another length.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, channels)
    frames : int
        The new length, exactly.
    sample_rate : int

    Returns
    -------
    ndarray of float32, shape (frames, channels)
    """
    hop = max(1, round(PIECE_S * sample_rate / 2))
    reach = max(1, round(REACH_S * sample_rate))
    ratio = len(samples) / frames
    count = frames // hop + 2
    # In front of the sound half a piece of silence, so that pieces are centred on the time that they are taken from;
    # behind it whatever the last piece may reach for.
    before = hop + reach
    behind = max(0, round((count * hop + 3 * hop) * ratio) + 4 * hop + 2 * reach - len(samples))
    padded = np.pad(samples, ((before, behind), (0, 0)))
    mono = padded.mean(axis=1, dtype=np.float64)
    window = np.hanning(2 * hop + 1)[:-1][:, None]
    made = np.zeros(((count + 2) * hop, samples.shape[1]))
    size = 1 << (2 * hop + 2 * reach + hop).bit_length()
    at = before - hop
    for piece in range(count):
        if piece:
            wanted = round(piece * hop * ratio)
            at = wanted + _find_fit(mono, wanted, at + hop, 2 * hop, 2 * reach, size)
        made[piece * hop : piece * hop + 2 * hop] += window * padded[at : at + 2 * hop]
    return np.asarray(made[hop : hop + frames], np.float32)


def _find_fit(mono: NDArray[np.float64], start: int, follows: int, length: int, reach: int, size: int) -> int:
    """Where in ``reach`` frames from ``start`` on a piece begins that is most like what would follow the last one."""
    template = mono[follows : follows + length]
    field = mono[start : start + length + reach]
    if len(template) < length or len(field) < length + reach or not template.any():
        return reach // 2
    product = np.fft.irfft(np.fft.rfft(field, size) * np.conj(np.fft.rfft(template, size)), size)[: reach + 1]
    total = np.cumsum(np.pad(field**2, (1, 0)))
    energy = total[length : length + reach + 1] - total[: reach + 1]
    return int(np.argmax(product / np.sqrt(np.maximum(energy, 1e-9))))
