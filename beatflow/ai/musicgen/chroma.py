"""The melody that MusicGen-melody follows: which of the twelve pitch classes is loudest, eight times a second.

Does with numpy what ``audiocraft.modules.chroma.ChromaExtractor`` and transformers'
``MusicgenMelodyFeatureExtractor`` do with torchaudio; the two agree with each other, and `tests/audiocraft` shows that
this agrees with both. Knows neither files nor engines, and does not separate: `join_melody` only puts together what a
separator left.

Both references hear a melody best without drums and bass. audiocraft always takes them away first, with htdemucs, and
keeps vocals and the rest; transformers leaves that to its caller.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

WINDOW = 16384
"""Frames of one spectrum: half a second at 32 kHz."""

HOP = 4096
"""Frames from one spectrum to the next: 7.8 a second at 32 kHz."""

PITCH_CLASSES = 12

MELODY_STEMS = ("vocals", "other")
"""The stems of htdemucs in which a melody is looked for."""

_LOWEST_A_HZ = 27.5
_MIDDLE_OCTAVE = 5.0
_OCTAVES = 2.0
_NORM_FLOOR = 1e-6
_HOPS_AT_ONCE = 64

Chroma = NDArray[np.float32]
"""Share of each pitch class, shape (hops, 12), C first."""


def measure_chroma(
    wave: NDArray[np.float32], sample_rate: int, window: int = WINDOW, hop: int = HOP
) -> Chroma:
    """Measure how loud each pitch class is, relative to the loudest of its hop.

    Parameters
    ----------
    wave : ndarray of float32, shape (frames,)
        One channel. Less than a window is padded with silence on both sides.
    sample_rate : int
        Hz; 32000 is what the models were trained on.
    window : int
        Frames of a periodic Hann window. Windows are centred on the hops; before the start and behind the end the wave
        is mirrored.
    hop : int

    Returns
    -------
    ndarray of float32, shape (1 + max(frames, window) // hop, 12)
        0 to 1; all zeros where there is silence.

    Notes
    -----
    Power spectra, divided by the energy of the window, through the filters of `_pitch_class_filters`, divided by the
    maximum of the hop or 1e-6 where that is less (``torch.nn.functional.normalize`` with ``p=inf``).
    """
    missing = max(0, window - wave.size)
    padded = np.pad(wave.astype(np.float64), (missing // 2, missing - missing // 2))
    mirrored = np.pad(padded, window // 2, mode="reflect")
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    taper /= np.sqrt(np.sum(taper**2))
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, window)[::hop]
    filters = _pitch_class_filters(sample_rate, window)
    power = np.empty((len(windows), PITCH_CLASSES))
    for start in range(0, len(windows), _HOPS_AT_ONCE):
        here = slice(start, start + _HOPS_AT_ONCE)
        power[here] = np.abs(np.fft.rfft(windows[here] * taper, axis=1)) ** 2 @ filters.T
    loudest = np.maximum(power.max(axis=1, keepdims=True), _NORM_FLOOR)
    measured: Chroma = (power / loudest).astype(np.float32)
    return measured


def find_melody(wave: NDArray[np.float32], sample_rate: int, window: int = WINDOW, hop: int = HOP) -> Chroma:
    """Find the loudest pitch class of each hop: the features that the melody models are conditioned on.

    Takes what `measure_chroma` takes.

    Returns
    -------
    ndarray of float32, shape (hops, 12)
        A single 1 in each hop. Silence counts as C, as in both references: it is what "no melody" looks like, too.
    """
    measured = measure_chroma(wave, sample_rate, window, hop)
    melody: Chroma = np.eye(PITCH_CLASSES, dtype=np.float32)[measured.argmax(axis=1)]
    return melody


def no_melody(hops: int = 1) -> Chroma:
    """The features of a take that follows nothing, shape (hops, 12)."""
    features = np.zeros((hops, PITCH_CLASSES), np.float32)
    features[:, 0] = 1
    return features


def fit_melody(melody: Chroma, hops: int) -> Chroma:
    """Cut a melody to ``hops``, or play it again and again until it fills them.

    The models know no melody that is shorter than what they were trained on (235 hops for 30 s); both references do
    this.
    """
    repeats = -(-hops // len(melody))
    return np.tile(melody, (repeats, 1))[:hops]


def count_hops(duration_s: float, sample_rate: int, window: int = WINDOW, hop: int = HOP) -> int:
    """How many hops a wave of this length has: 235 for 30 s at 32 kHz."""
    return 1 + max(int(duration_s * sample_rate), window) // hop


def join_melody(stems: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Put together what may carry the melody: everything but drums and bass, as one channel.

    Parameters
    ----------
    stems : mapping of str to ndarray of float32, shape (channels, frames)
        As a separator left them.

    Returns
    -------
    ndarray of float32, shape (frames,)
        The sum of `MELODY_STEMS`, averaged over the channels.
    """
    together = np.sum([stems[name] for name in MELODY_STEMS], axis=0, dtype=np.float64)
    melody: NDArray[np.float32] = together.mean(axis=0).astype(np.float32)
    return melody


@cache
def _pitch_class_filters(sample_rate: int, window: int) -> NDArray[np.float64]:
    """Weights that gather the bins of a spectrum into pitch classes, shape (12, window // 2 + 1), C first.

    Each bin is shared out by a Gaussian around its pitch, half a semitone or half the distance to the next bin wide,
    whichever is wider; the shares of a bin have a Euclidean norm of 1; then octaves far from 880 Hz count less, by a
    Gaussian of two octaves. Dan Ellis, "Chroma Feature Analysis and Synthesis", 2007, as ``librosa.filters.chroma``
    has it with ``tuning=0``; the bin at 0 Hz has no pitch and is put 1.5 octaves below the first.
    """
    hz = np.arange(1, window) * (sample_rate / window)
    pitch = PITCH_CLASSES * np.log2(hz / _LOWEST_A_HZ)
    pitch = np.insert(pitch, 0, pitch[0] - 1.5 * PITCH_CLASSES)
    width = np.append(np.maximum(np.diff(pitch), 1.0), 1.0)
    half = PITCH_CLASSES // 2
    distance = np.mod(pitch - np.arange(PITCH_CLASSES)[:, None] + half, PITCH_CLASSES) - half
    share = np.exp(-0.5 * (2 * distance / width) ** 2)
    share /= np.linalg.norm(share, axis=0)
    share *= np.exp(-0.5 * ((pitch / PITCH_CLASSES - _MIDDLE_OCTAVE) / _OCTAVES) ** 2)
    from_c = np.roll(share, -3, axis=0)
    return np.ascontiguousarray(from_c[:, : window // 2 + 1])
