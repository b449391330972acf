"""Filters with steady settings: an equaliser of any number of bands, low-, high- and band-pass, notch."""

from collections.abc import Sequence

import numpy as np

from beatflow.sound.audio import Samples
from beatflow.sound.effects import biquad
from beatflow.sound.effects.biquad import Cascade, Sections
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import BAND, FREQUENCY, NUMBER, WORD, Band, Parameter

_SLOPES = ("12", "24", "36", "48")


class Filter:
    """Second-order sections in a row; what rings on after the last frame, for milliseconds, is left out."""

    def __init__(self, sections: Sequence[Sections], channels: int) -> None:
        self._cascade = Cascade(sections, channels)
        self._channels = channels

    def process(self, samples: Samples) -> Samples:
        """Filter the next frames."""
        return self._cascade.filter(samples).astype(np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._channels), np.float32)


def _make_eq(settings: Settings, place: Setting) -> Filter:
    return Filter([_make_band(band, place.sample_rate) for band in settings.bands], place.channels)


def _make_band(band: Band, sample_rate: int) -> Sections:
    if band.shape == "bell":
        return biquad.bell(band.frequency_hz, band.gain_db, band.q, sample_rate)
    return biquad.shelf(band.frequency_hz, band.gain_db, band.shape == "high", sample_rate)


def _make_low_pass(settings: Settings, place: Setting) -> Filter:
    sections = [biquad.low_pass(settings["frequency"], q, place.sample_rate) for q in _list_q(settings)]
    return Filter(sections, place.channels)


def _make_high_pass(settings: Settings, place: Setting) -> Filter:
    sections = [biquad.high_pass(settings["frequency"], q, place.sample_rate) for q in _list_q(settings)]
    return Filter(sections, place.channels)


def _list_q(settings: Settings) -> list[float]:
    """Q of each section: Butterworth's, the most resonant one as much more resonant as was asked for."""
    every = biquad.butterworth(int(settings.words["slope"]) // 6)
    return [*every[:-1], every[-1] * settings["q"] * 2**0.5]


def _make_band_pass(settings: Settings, place: Setting) -> Filter:
    return Filter([biquad.band_pass(settings["frequency"], settings["q"], place.sample_rate)], place.channels)


def _make_notch(settings: Settings, place: Setting) -> Filter:
    return Filter([biquad.notch(settings["frequency"], settings["q"], place.sample_rate)], place.channels)


def _frequency(default: float, meaning: str) -> Parameter:
    return Parameter("frequency", FREQUENCY, default, 10.0, 20_000.0, meaning)


def _slope() -> Parameter:
    return Parameter("slope", WORD, "12", 0, 0, "dB per octave", _SLOPES)


_RESONANCE = Parameter("q", NUMBER, 0.7071, 0.1, 20.0, "resonance; .71 has none")

KINDS = (
    EffectKind(
        "eq",
        "equaliser: bells and shelves, as many as are given",
        (
            Parameter(
                "band", BAND, None, -30.0, 30.0, "FREQUENCY:GAIN, :Q, :low or :high for a shelf", many=True
            ),
        ),
        _make_eq,
        aliases=("equaliser", "equalizer"),
    ),
    EffectKind(
        "lowpass",
        "takes away what is above a frequency",
        (_frequency(1000.0, "where 3 dB are gone"), _RESONANCE, _slope()),
        _make_low_pass,
        aliases=("lpf",),
    ),
    EffectKind(
        "highpass",
        "takes away what is below a frequency",
        (_frequency(80.0, "where 3 dB are gone"), _RESONANCE, _slope()),
        _make_high_pass,
        aliases=("hpf",),
    ),
    EffectKind(
        "bandpass",
        "leaves a band, 6 dB per octave to both sides",
        (_frequency(1000.0, "middle of the band"), Parameter("q", NUMBER, 1.0, 0.1, 20.0, "narrowness")),
        _make_band_pass,
        aliases=("bpf",),
    ),
    EffectKind(
        "notch",
        "takes one frequency away, such as a hum",
        (_frequency(50.0, "what goes"), Parameter("q", NUMBER, 8.0, 0.1, 20.0, "narrowness")),
        _make_notch,
    ),
)
