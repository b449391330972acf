"""Gains, steady and moving: level, pan, width, channels, tremolo, autopan, pump. No frame waits for another."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import LEVEL, NUMBER, RATE, SHARE, TIME, Note, Parameter

Signal = NDArray[np.float64]
_EDGE_S = 0.004
"""How long a pump takes to go down: short enough to sound at once, long enough not to click."""


class Matrix:
    """Each channel out is a sum of the channels in."""

    def __init__(self, weights: Signal) -> None:
        self._weights = weights

    def process(self, samples: Samples) -> Samples:
        """Weigh the next frames."""
        # Sums in a stated order: a matrix product might sum otherwise where blocks have other lengths.
        wide = samples.astype(np.float64)
        made = [
            sum((w * wide[:, i] for i, w in enumerate(row) if w), np.zeros(len(wide)))
            for row in self._weights
        ]
        return np.stack(made, axis=1).astype(np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, len(self._weights)), np.float32)


class MovingGain:
    """A gain for each channel that is a function of time in seconds, shape (frames,) to (frames, channels or 1)."""

    def __init__(self, curve: Callable[[Signal], Signal], place: Setting) -> None:
        self._curve = curve
        self._place = place
        self._position = 0

    def process(self, samples: Samples) -> Samples:
        """Weigh the next frames."""
        times = np.arange(self._position, self._position + len(samples)) / self._place.sample_rate
        self._position += len(samples)
        return (samples * self._curve(times)).astype(np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._place.channels), np.float32)


def _make_gain(settings: Settings, place: Setting) -> Matrix:
    return Matrix(np.eye(place.channels) * 10 ** (settings["level"] / 20))


def _make_pan(settings: Settings, _place: Setting) -> Matrix:
    return Matrix(np.diag([1 - max(settings["to"], 0.0), 1 + min(settings["to"], 0.0)]))


def _make_width(settings: Settings, _place: Setting) -> Matrix:
    width = settings["amount"]
    near, far = (1 + width) / 2, (1 - width) / 2
    return Matrix(np.array([[near, far], [far, near]]))


def _make_stereo(_settings: Settings, place: Setting) -> Matrix:
    if place.channels == 1:
        return Matrix(np.ones((2, 1)))
    return Matrix(np.eye(2) if place.channels == 2 else _fold(place.channels))


def _make_mono(_settings: Settings, place: Setting) -> Matrix:
    return Matrix(np.full((1, place.channels), 1 / place.channels))


def _fold(channels: int) -> Signal:
    """More channels than two: the odd ones to the left, the even ones to the right."""
    sides = np.array([[1 - channel % 2, channel % 2] for channel in range(channels)], np.float64).T
    return np.asarray(sides / sides.sum(axis=1, keepdims=True))


def _make_tremolo(settings: Settings, place: Setting) -> MovingGain:
    depth, rate = settings["depth"], settings["rate"]
    return MovingGain(lambda t: (1 - depth * (0.5 - 0.5 * np.cos(2 * np.pi * rate * t)))[:, None], place)


def _make_autopan(settings: Settings, place: Setting) -> MovingGain:
    depth, rate = settings["depth"], settings["rate"]

    def curve(times: Signal) -> Signal:
        pan = depth * np.sin(2 * np.pi * rate * times)
        return np.stack([1 - np.maximum(pan, 0), 1 + np.minimum(pan, 0)], axis=1)

    return MovingGain(curve, place)


def _make_pump(settings: Settings, place: Setting) -> MovingGain:
    period, depth, offset = 1 / settings["rate"], settings["depth"], settings["offset"]
    rise, edge = settings["release"] * period, min(_EDGE_S, period / 8)

    def curve(times: Signal) -> Signal:
        since = np.mod(times - offset, period)
        up = _smooth(since / max(rise - edge, edge))
        down = 1 - _smooth((since - period + edge) / edge)
        return (1 - depth * (1 - np.minimum(up, down)))[:, None]

    return MovingGain(curve, place)


def _smooth(share: Signal) -> Signal:
    """From 0 to 1 with no corner at either end; constant beyond."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0, 1)))


_QUARTER = Note(Fraction(1, 4))

KINDS = (
    EffectKind(
        "gain", "louder or quieter", (Parameter("level", LEVEL, 0.0, -60.0, 40.0, "gain"),), _make_gain
    ),
    EffectKind(
        "pan",
        "to one side; the other one goes down, as in track.toml",
        (Parameter("to", NUMBER, 0.0, -1.0, 1.0, "-1 left, 1 right"),),
        _make_pan,
        channels_in=2,
    ),
    EffectKind(
        "width",
        "stereo picture narrower or wider",
        (Parameter("amount", NUMBER, 1.0, 0.0, 2.0, "0 mono, 1 as it is, 2 the sides twice as loud"),),
        _make_width,
        channels_in=2,
    ),
    EffectKind("stereo", "two channels, out of one or more", (), _make_stereo, channels_out=2),
    EffectKind("mono", "one channel, the mean of all", (), _make_mono, channels_out=1),
    EffectKind(
        "tremolo",
        "level that swings",
        (
            Parameter("rate", RATE, 5.0, 0.01, 20.0, "swings"),
            Parameter("depth", SHARE, 0.5, 0.0, 1.0, "1 swings to silence"),
        ),
        _make_tremolo,
    ),
    EffectKind(
        "autopan",
        "swings from side to side",
        (
            Parameter("rate", RATE, 0.5, 0.01, 20.0, "swings"),
            Parameter("depth", SHARE, 0.7, 0.0, 1.0, "1 swings wholly to each side"),
        ),
        _make_autopan,
        channels_in=2,
    ),
    EffectKind(
        "pump",
        "goes down on each beat and comes up again, as if a kick drum pushed it",
        (
            Parameter("rate", RATE, _QUARTER, 0.05, 20.0, "beats"),
            Parameter("depth", SHARE, 0.6, 0.0, 1.0, "1 goes down to silence"),
            Parameter("release", SHARE, 0.8, 0.1, 1.0, "share of the beat until it is up again"),
            Parameter("offset", TIME, 0.0, 0.0, 10.0, "where the first beat is"),
        ),
        _make_pump,
        aliases=("sidechain", "duck"),
    ),
)
