"""Curves that bend the waveform, so that overtones do not fold back; and crushing.

They work at eight times the sample rate, and give the mean of the curve between one sample and the next instead of its
values (J. Parker, V. Zavalishin and E. Le Bivic, Reducing the aliasing of nonlinear waveshaping using continuous-time
convolution, DAFx 2016), which quietens what would still fold back by 28 dB.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects import biquad
from beatflow.sound.effects.biquad import Cascade
from beatflow.sound.effects.follower import Delay
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.oversampling import Downsampler, Upsampler
from beatflow.sound.effects.parameter import FREQUENCY, LEVEL, NUMBER, SHARE, WORD, Parameter

Signal = NDArray[np.float64]
Curve = Callable[[Signal], Signal]
_FACTOR, _REACH = 8, 32
_MEANT_DB = -12.0
"""A sine of this level comes out as loud as it went in."""
_NO_DC_HZ = 10.0
_STILL = 1e-6
"""Samples nearer than this are taken as one: a quotient of differences would be all rounding."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A curve, and the area below it from anywhere on."""

    curve: Curve
    area: Curve


class Bender:
    """Sends a signal through a shape: the mean over the way from each sample to the next, half a sample late."""

    def __init__(self, shape: Shape, channels: int) -> None:
        self._shape = shape
        self._last = np.zeros((1, channels))

    def add(self, samples: Signal) -> Signal:
        """Take samples, shape (n, channels); give as many."""
        joined = np.concatenate([self._last, samples])
        self._last = joined[-1:].copy()
        way = np.diff(joined, axis=0)
        still = np.abs(way) < _STILL
        way[still] = 1.0
        made = np.diff(self._shape.area(joined), axis=0) / way
        made[still] = self._shape.curve(((joined[1:] + joined[:-1]) / 2)[still])
        return made


class Shaper:
    """A waveform bent by a curve, freed of DC, and mixed with itself."""

    def __init__(self, shape: Shape, tone_hz: float, wet: float, place: Setting) -> None:
        self._bender, self._wet = Bender(shape, place.channels), wet
        self._level = _find_level(shape.curve)
        self._offset = float(shape.curve(np.zeros(1))[0])
        self._up = Upsampler(_FACTOR, _REACH, place.channels)
        self._down = Downsampler(_FACTOR, _REACH, place.channels, late=0.5)
        self._tone = Cascade(
            [
                biquad.high_pass(_NO_DC_HZ, 0.71, place.sample_rate),
                biquad.low_pass(tone_hz, 0.71, place.sample_rate),
            ],
            place.channels,
        )
        self._dry = Delay(2 * _REACH, place.channels)
        self._early = 2 * _REACH  # frames that come out of the filters before the first one of the sound
        self._channels = place.channels

    def process(self, samples: Samples) -> Samples:
        """Take the next frames; give those that are ready."""
        bent = self._down.add(self._bender.add(self._up.add(samples.astype(np.float64))) - self._offset)
        dry = self._dry.add(samples)
        early = min(self._early, len(bent))
        self._early -= early
        wet = self._tone.filter(bent[early:]) * self._level
        return np.asarray((1 - self._wet) * dry + self._wet * wet, np.float32)

    def finish(self) -> Samples:
        """The frames that were waiting."""
        return self.process(np.zeros((self._dry.frames, self._channels), np.float32))


class Crusher:
    """Fewer bits and fewer samples; folding back is what it is for."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        self._steps = 2.0 ** (settings["bits"] - 1)
        self._every = max(1.0, place.sample_rate / settings["rate"])
        self._wet = settings["wet"]
        self._position = 0
        self._held = np.zeros((1, place.channels), np.float32)

    def process(self, samples: Samples) -> Samples:
        """Crush the next frames."""
        if not len(samples):
            return samples
        places = np.arange(self._position, self._position + len(samples))
        # The frame at which the step that a frame belongs to began; that may be in the block before.
        began = np.ceil(np.floor(places / self._every) * self._every).astype(np.int64) - self._position
        joined = np.concatenate([self._held, samples])
        stepped: Samples = joined[np.maximum(began, -1) + 1]
        self._held = stepped[-1:].copy()
        self._position += len(samples)
        # Steps up and down alike around 0, so that silence stays silent.
        crushed = np.round(stepped * self._steps) / self._steps
        return np.asarray((1 - self._wet) * samples + self._wet * crushed, np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._held.shape[1]), np.float32)


def _find_level(curve: Curve) -> float:
    """What brings a sine of the level that is meant back to where it was."""
    sine = 10 ** (_MEANT_DB / 20) * np.sin(2 * np.pi * np.arange(1024) / 1024)
    bent = curve(sine)
    return float(np.std(sine) / max(float(np.std(bent)), 1e-9))


def _make_distortion(settings: Settings, place: Setting) -> Shaper:
    gain = 10 ** (settings["drive"] / 20)
    return Shaper(SHAPES[settings.words["shape"]](gain), settings["tone"], settings["wet"], place)


def _make_saturation(settings: Settings, place: Setting) -> Shaper:
    shape = _soft(10 ** (settings["drive"] / 20), settings["bias"])
    return Shaper(shape, settings["tone"], settings["wet"], place)


def _soft(gain: float, bias: float = 0.0) -> Shape:
    def area(x: Signal) -> Signal:
        size = np.abs(gain * x + bias)
        return np.asarray((size + np.log1p(np.exp(-2 * size))) / gain)

    return Shape(lambda x: np.tanh(gain * x + bias), area)


def _hard(gain: float) -> Shape:
    def area(x: Signal) -> Signal:
        size = np.abs(gain * x)
        return np.asarray(np.where(size < 1, size**2 / 2, size - 0.5) / gain)

    return Shape(lambda x: np.clip(gain * x, -1, 1), area)


def _fold(gain: float) -> Shape:
    turn = np.pi / 2 * gain
    return Shape(lambda x: np.sin(turn * x), lambda x: np.asarray(-np.cos(turn * x) / turn))


def _fuzz(gain: float) -> Shape:
    return Shape(
        lambda x: np.asarray(np.sign(x) * -np.expm1(-np.abs(gain * x))),
        lambda x: np.asarray(np.abs(x) + np.exp(-np.abs(gain * x)) / gain),
    )


SHAPES: dict[str, Callable[[float], Shape]] = {"soft": _soft, "hard": _hard, "fold": _fold, "fuzz": _fuzz}
"""The curves by name, each for a gain into it."""


def _wet(default: float) -> Parameter:
    return Parameter("wet", SHARE, default, 0.0, 1.0, "share of the effect; the rest is the sound itself")


KINDS = (
    EffectKind(
        "distortion",
        "bends the waveform until it growls",
        (
            Parameter("drive", LEVEL, 18.0, 0.0, 48.0, "gain into the curve"),
            Parameter("tone", FREQUENCY, 8000.0, 200.0, 20_000.0, "low-pass behind it"),
            Parameter("shape", WORD, "soft", 0, 0, "the curve", ("soft", "hard", "fold", "fuzz")),
            _wet(1.0),
        ),
        _make_distortion,
        aliases=("overdrive",),
    ),
    EffectKind(
        "saturation",
        "warmth of tape or valves: a gentle curve, a little more to one side",
        (
            Parameter("drive", LEVEL, 6.0, 0.0, 36.0, "gain into the curve"),
            Parameter("bias", NUMBER, 0.2, 0.0, 1.0, "lopsidedness, which gives even overtones"),
            Parameter("tone", FREQUENCY, 16_000.0, 200.0, 20_000.0, "low-pass behind it"),
            _wet(1.0),
        ),
        _make_saturation,
        aliases=("tape", "saturator"),
    ),
    EffectKind(
        "bitcrush",
        "the sound of early samplers",
        (
            Parameter("bits", NUMBER, 8.0, 1.0, 24.0, "word length"),
            Parameter("rate", FREQUENCY, 11_025.0, 100.0, 192_000.0, "samples per second"),
            _wet(1.0),
        ),
        Crusher,
        aliases=("crush", "bitcrusher"),
    ),
)
