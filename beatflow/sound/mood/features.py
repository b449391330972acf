"""What a mood is told from: tempo, mode, loudness, colour, register, articulation and more, measured in one pass.

Knows no mood. Names are the glossary's; what could not be measured is not there.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.key import KeyEstimate, KeyMeter
from beatflow.sound.looks import AGAIN, REPAIR
from beatflow.sound.loudness import LoudnessMeter
from beatflow.sound.mood.harmony import HarmonyMeter
from beatflow.sound.mood.timbre import CEPSTRA, TimbreMeter
from beatflow.sound.onsets import Onsets
from beatflow.sound.tempo import TempoMeter

Features = dict[str, float]

FEATURES = (
    "tempo", "pulse", "onsets_per_s", "mode", "loudness_lufs", "loudness_range_lu", "dynamics_db", "articulation_db",
    "attack_db", "register_hz", "roughness", "brightness_hz", "rolloff_hz", "noisiness_db", "bass_db", "change_db",
    *(f"mfcc_{number}" for number in range(1, CEPSTRA + 1)),
    *(f"mfcc_{number}_sd" for number in range(1, CEPSTRA + 1)),
)  # fmt: skip
"""All of them, in the order in which models take them."""

LEAST_S = 1.0
"""Shorter sounds tell no mood: a click is neither sad nor happy."""
_THREADS = 2
_BLOCK_FRAMES = 1 << 18
_ONSET, _SMOOTH, _APART = 4.0, 5, 15
"""How far the sum of the logarithms of all bands has to rise, of a mean over 29 ms, and the hops among which it is the
largest: no two onsets within 41 ms. Below it lies the flutter of held notes."""
_SHARPNESS = 10.0
"""A difference of d between the fits of two keys means odds of exp(10 d) to 1; see `key.KeyEstimate`."""


def measure_features(audio: Audio | Iterable[Audio]) -> Features:
    """Measure a sound, or its blocks in order; empty for silence, and for less than a second.

    Raises
    ------
    AudioError
        There are no blocks at all, or they differ in channels or sample rate, or samples are not numbers.
    """
    meter = None
    with ThreadPoolExecutor(_THREADS) as helpers:
        for block in (audio,) if isinstance(audio, Audio) else audio:
            meter = meter or FeatureMeter(block.sample_rate, block.channels)
            meter.add(block, helpers)
    if meter is None:
        raise AudioError("no sound to measure", hint=AGAIN)
    return meter.result()


class FeatureMeter:
    """Takes blocks, gives the features at the end; keeps 2.6 KB for each second, nearly all of it for the tempo."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._shape = (sample_rate, channels)
        self._tempo = TempoMeter(sample_rate)
        self._spectrometer = Spectrometer(sample_rate)
        self._key = KeyMeter(sample_rate, self._spectrometer)
        self._harmony = HarmonyMeter(self._spectrometer)
        self._loudness = LoudnessMeter(sample_rate, channels, peaks=False)
        self._timbre = TimbreMeter(sample_rate)
        self._frames = 0

    def add(self, block: Audio, helpers: ThreadPoolExecutor) -> None:
        """Take the next block; the meters work side by side on the threads of ``helpers``."""
        if (block.sample_rate, block.channels) != self._shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows one of {self._shape[1]} "
                f"channels at {self._shape[0]} Hz"
            )
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers", hint=REPAIR)
        self._frames += block.frames
        for start in range(0, block.frames, _BLOCK_FRAMES):
            samples = np.asfortranarray(block.samples[start : start + _BLOCK_FRAMES])
            mono = mix_down(samples)
            parts = [
                helpers.submit(self._tempo.add, mono),
                helpers.submit(self._listen, self._spectrometer.add, mono),
                helpers.submit(self._loudness.add, samples),
                helpers.submit(self._timbre.add, mono),
            ]
            for part in parts:
                part.result()

    def _listen(self, transform: Callable[..., Iterator[NDArray[np.float32]]], *mono: Samples) -> None:
        for spectra in transform(*mono):
            self._key.add_spectra(spectra)
            self._harmony.add_spectra(spectra)

    def result(self) -> Features:
        """The features; nothing can be added afterwards."""
        timbre = self._timbre.result()
        if not timbre or self._frames < LEAST_S * self._shape[0]:
            return {}
        self._listen(self._spectrometer.finish)
        tempo = self._tempo.result()
        onsets = self._tempo.onsets()
        loudness = self._loudness.result()
        measured: dict[str, float | None] = {
            "tempo": tempo.tempo,
            "pulse": tempo.confidence,
            "onsets_per_s": _count_onsets(onsets) / max(onsets.duration_s, 0.1),
            "mode": _measure_mode(self._key.result()),
            "loudness_lufs": loudness.integrated_lufs,
            "loudness_range_lu": loudness.range_lu,
            **self._harmony.result(),
            **timbre,
        }
        return {
            name: round(float(value), 4)
            for name in FEATURES
            if (value := measured.get(name)) is not None and np.isfinite(value)
        }


def _measure_mode(key: KeyEstimate) -> float | None:
    """From -1, surely minor, to 1, surely major; None where there is no key."""
    if key.key is None:
        return None
    major, minor = (
        max(fit for name, fit in key.fits.items() if name.endswith(mode)) for mode in ("maj", "min")
    )
    return float(np.tanh(_SHARPNESS / 2 * (major - minor)))


def _count_onsets(onsets: Onsets) -> int:
    """Peaks of the onset curve that are as high as a note's."""
    if len(onsets.full) < _SMOOTH + _APART:
        return 0
    smooth = np.convolve(onsets.full, np.full(_SMOOTH, 1 / _SMOOTH, np.float32), "same")
    highest = np.lib.stride_tricks.sliding_window_view(smooth, _APART).max(axis=1)
    at = _APART // 2
    middle, before = smooth[at : at + len(highest)], smooth[at - 1 : at - 1 + len(highest)]
    return int(np.count_nonzero((middle == highest) & (middle > before) & (middle > _ONSET)))
