"""Which chord sounds in each bar of a piece: major and minor triads, by name.

Templates over the pitch classes of the spectral peaks, and the bass, which plays the root more often than not. Knows
nothing of beats: it is told where the bars begin. Nothing but triads is told apart; what is added to them does no harm.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import mix_down, power_spectra
from beatflow.sound.tonality import NOTE_NAMES, Key

Chroma = NDArray[np.float64]

_BASS_HZ, _TREBLE_HZ = (40.0, 180.0), (130.0, 2000.0)
# Root, third, fifth: overtones of the root make it the strongest.
_WEIGHTS = (1.0, 0.8, 0.9)
# Fitted on pieces of the embedded producer; a chord of the key and a root in the bass are worth this much likeness.
_IN_KEY, _IN_BASS = 0.12, 0.45
_LEAST = 0.55
"""Below this likeness of pitch classes to any triad there is no chord."""
_LEAST_PEAK = 1e-7


def hear_chords(
    audio: Audio, starts_s: Sequence[float], key: Key | None = None, tuning_cents: float = 0.0
) -> tuple[str | None, ...]:
    """Name the triad of each bar.

    Parameters
    ----------
    audio : Audio
    starts_s : sequence of float
        Where the bars begin, in seconds, ascending; the last one lasts to the end.
    key : Key, optional
        Its own triads are the likelier ones.
    tuning_cents : float
        Where the pitches lie relative to A = 440 Hz.

    Returns
    -------
    tuple of str or None
        For each bar ``Am``, ``F#`` …; None where nothing has a pitch.
    """
    mono = mix_down(audio.samples)
    edges = [round(start * audio.sample_rate) for start in starts_s] + [audio.frames]
    listener = _Listener(audio.sample_rate, tuning_cents)
    return tuple(_name(*listener.listen(mono[begin:end]), key) for begin, end in pairwise(edges))


class _Listener:
    """Folds spectra into pitch classes."""

    def __init__(self, sample_rate: int, tuning_cents: float) -> None:
        self._size = 1 << round(np.log2(sample_rate * 8192 / 44_100))
        self._taper = np.hanning(self._size).astype(np.float32)
        self._hz = np.arange(self._size // 2 + 1) * sample_rate / self._size
        self._a4 = 440.0 * 2 ** (tuning_cents / 1200)

    def listen(self, mono: Samples) -> tuple[Chroma, Chroma]:
        """The weights of the pitch classes in the bass and above it."""
        hop = self._size // 2
        padded = np.pad(mono, (0, max(0, self._size - len(mono))))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self._size)[::hop]
        spectrum = np.zeros(len(self._hz))
        for start in range(0, len(windows), 32):
            # The square root holds loud hits down: a chord is what sounds for long.
            spectrum += np.sqrt(power_spectra(windows[start : start + 32], self._taper)).sum(axis=0)
        spectrum /= max(1, len(windows)) * self._size
        return self._fold(spectrum, *_BASS_HZ), self._fold(spectrum, *_TREBLE_HZ)

    def _fold(self, spectrum: Chroma, low: float, high: float) -> Chroma:
        inner = np.flatnonzero((self._hz >= low) & (self._hz <= high))
        inner = inner[(inner > 0) & (inner < len(spectrum) - 1)]
        before, here, after = spectrum[inner - 1], spectrum[inner], spectrum[inner + 1]
        peak = (here > before) & (here >= after) & (here > _LEAST_PEAK)
        before, here, after = before[peak], here[peak], after[peak]
        bend = np.minimum(before - 2 * here + after, -1e-12)
        hz = (inner[peak] + 0.5 * (before - after) / bend) * self._hz[1]
        pitch = 69 + 12 * np.log2(hz / self._a4)
        near = 1 - np.minimum(1, (2.5 * np.abs(pitch - np.round(pitch))) ** 2)
        classes = np.round(pitch).astype(np.int64) % 12
        return np.asarray(np.bincount(classes, weights=np.sqrt(here) * near, minlength=12)[:12], np.float64)


def _name(bass: Chroma, treble: Chroma, key: Key | None) -> str | None:
    length = float(np.linalg.norm(treble))
    if length == 0:
        return None
    lowest = bass / max(float(bass.max()), 1e-12)
    best, name = -1.0, None
    for mode, third in (("", 4), ("m", 3)):
        for root in range(12):
            tones = [root, (root + third) % 12, (root + 7) % 12]
            likeness = float(np.dot(treble[tones], _WEIGHTS)) / (length * float(np.linalg.norm(_WEIGHTS)))
            inside = key is not None and set(tones) <= set(key.pitch_classes)
            score = likeness + _IN_KEY * inside + _IN_BASS * float(lowest[root])
            if likeness >= _LEAST and score > best:
                best, name = score, NOTE_NAMES[root] + mode
    return name
