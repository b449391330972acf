"""Compressor, gate and limiter: gains that follow the level, all channels alike so that nothing wanders sideways.

Ballistics are in decibels: attack and release are the times in which nine tenths of the way are gone.
"""

import math

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects.follower import Fall, Hold, OnePole, Smooth
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.lookahead import LookAhead
from beatflow.sound.effects.oversampling import Upsampler
from beatflow.sound.effects.parameter import LEVEL, RATIO, SHARE, TIME, WORD, Parameter

Signal = NDArray[np.float64]
_NINE_TENTHS = math.log(10)  # time constants
_RMS_S = 0.01
_HYSTERESIS_DB = 4.0
_GATE_LEVEL_S = (
    0.01  # a gate looks at the peaks of so long: half a period of the bass, so that it does not chatter
)
_LIMIT_AHEAD_S = 0.005
_FACTOR = 8
_PASSES = ((32, 9.0, 0.03), (12, 8.0, 0.01))
"""The limiter's passes: how far the interpolation between samples reaches, the shape of its window, and how many dB the
pass stays below the ceiling. Meters with a long and with a short memory read up to 0.5 dB differently just below half
the sample rate; the one that reaches far is as good as the true curve, the short one is our own meter's."""


class Compressor:
    """Turns down by a share of the decibels above a threshold."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        rate = place.sample_rate
        self._threshold, self._ratio = settings["threshold"], settings["ratio"]
        self._knee, self._wet = settings["knee"], settings["wet"]
        makeup = self._find_makeup() if settings.says("makeup", "auto") else settings["makeup"]
        self._makeup = makeup
        self._mean = OnePole(_RMS_S * rate) if settings.says("detector", "rms") else None
        ahead = round(settings["lookahead"] * rate)
        self._hold = Hold(ahead)
        self._fall = Fall(settings["release"] * rate / _NINE_TENTHS)
        self._attack = OnePole(settings["attack"] * rate / _NINE_TENTHS)
        self._worker = LookAhead(self._follow, ahead, place.channels)
        self.process, self.finish = self._worker.process, self._worker.finish

    def _follow(self, samples: Samples) -> Signal:
        power = _loudest(samples) ** 2
        if self._mean is not None:
            # A sine of full scale is 0 dB, by its peak and by its mean square alike.
            power = 2 * self._mean.add(power)
        reduction = self._reduce(10 * np.log10(np.maximum(power, 1e-20)))
        reduction = self._attack.add(self._fall.add(self._hold.add(reduction)))
        gain = 10 ** ((self._makeup - reduction) / 20)
        return np.asarray(1 - self._wet + self._wet * gain)

    def _reduce(self, level_db: Signal) -> Signal:
        """Static curve: decibels to take away, with a parabola over the knee."""
        over = level_db - self._threshold
        share = 1 - 1 / self._ratio
        if self._knee <= 0:
            return np.asarray(share * np.maximum(over, 0.0))
        bent = share * (np.clip(over + self._knee / 2, 0, self._knee)) ** 2 / (2 * self._knee)
        return np.asarray(bent + share * np.maximum(over - self._knee / 2, 0.0))

    def _find_makeup(self) -> float:
        """Half of what a full-scale sound is turned down by."""
        return float(self._reduce(np.zeros(1))[0]) / 2


class Gate:
    """Turns down what stays below a threshold."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        rate = place.sample_rate
        self._open_at = 10 ** (settings["threshold"] / 20)
        self._close_at = 10 ** ((settings["threshold"] - _HYSTERESIS_DB) / 20)
        self._range = settings["range"]
        self._open = 0.0
        ahead = max(1, round(settings["attack"] * rate))
        self._peak = Hold(round(_GATE_LEVEL_S * rate))
        self._hold = Hold(ahead + round(settings["hold"] * rate))
        self._fall = Fall(settings["release"] * rate / _NINE_TENTHS)
        self._attack = Smooth(ahead)
        self._worker = LookAhead(self._follow, ahead, place.channels)
        self.process, self.finish = self._worker.process, self._worker.finish

    def _follow(self, samples: Samples) -> Signal:
        if not len(samples):
            return np.zeros(0)
        level = self._peak.add(_loudest(samples))
        says = np.where(level > self._open_at, 1.0, np.where(level < self._close_at, 0.0, -1.0))
        # Between both thresholds it stays as it was: at the last place that says something.
        last = np.maximum.accumulate(np.where(says >= 0, np.arange(len(says)), -1))
        is_open = np.where(last >= 0, says[np.maximum(last, 0)], self._open)
        self._open = float(is_open[-1])
        share = self._attack.add(self._fall.add(self._hold.add(is_open)))
        return np.asarray(10 ** (self._range * (1 - np.clip(share, 0, 1)) / 20))


class Limiter:
    """Keeps the true peak below a ceiling.

    What is needed at a place is held over the look-ahead, falls off exponentially and is smoothed over the look-ahead;
    each mean is over values that were held up to the peak in it, so that it is never less than needed. A moving gain
    moves the curve between the samples by a few hundredths of a decibel, which a second pass takes care of.
    """

    def __init__(self, settings: Settings, place: Setting) -> None:
        ceiling = settings["ceiling"]
        self._gain = np.float32(10 ** (settings["gain"] / 20))
        release = settings["release"] * place.sample_rate / _NINE_TENTHS
        self._passes = [
            _Pass(ceiling - margin, release, reach, beta, place) for reach, beta, margin in _PASSES
        ]

    def process(self, samples: Samples) -> Samples:
        """Take the next frames; give those that are ready."""
        first, second = (single.worker for single in self._passes)
        return second.process(first.process(np.asarray(samples * self._gain, np.float32)))

    def finish(self) -> Samples:
        """The frames that were waiting."""
        first, second = (single.worker for single in self._passes)
        rest = second.process(first.finish())
        return np.concatenate([rest, second.finish()])


class _Pass:
    """One look at the peaks, and the gain for them."""

    def __init__(self, ceiling_db: float, release: float, reach: int, beta: float, place: Setting) -> None:
        self._ceiling = 10 ** (ceiling_db / 20)
        ahead = max(2, math.ceil(_LIMIT_AHEAD_S * place.sample_rate))
        self._hold, self._fall, self._smooth = Hold(ahead), Fall(release), Smooth(ahead)
        self._rise = Upsampler(_FACTOR, reach, place.channels, beta)
        self._near = Hold(1)  # a point between two frames counts for both
        self.worker = LookAhead(self._follow, ahead + reach, place.channels)

    def _follow(self, samples: Samples) -> Signal:
        if not len(samples):
            return np.zeros(0)
        peaks = self._near.add(self._rise.find_peaks(samples).astype(np.float64))
        needed = np.maximum(20 * np.log10(np.maximum(peaks / self._ceiling, 1e-9)), 0.0)
        reduction = self._smooth.add(self._fall.add(self._hold.add(needed)))
        gains: Signal = 10 ** (-np.maximum(reduction, 0.0) / 20)
        return gains


def _loudest(samples: Samples) -> Signal:
    """Over the channels, at each frame."""
    return np.asarray(np.abs(samples).max(axis=1), np.float64)


KINDS = (
    EffectKind(
        "compressor",
        "turns down what is louder than a threshold",
        (
            Parameter("threshold", LEVEL, -18.0, -60.0, 0.0, "from where on; a full-scale sine is 0 dB"),
            Parameter("ratio", RATIO, 4.0, 1.0, 100.0, "decibels above it that leave one"),
            Parameter("attack", TIME, 0.01, 0.0001, 0.5, "nine tenths of the way down"),
            Parameter("release", TIME, 0.15, 0.005, 5.0, "nine tenths of the way up"),
            Parameter(
                "makeup", LEVEL, 0.0, -20.0, 40.0, "gain after; auto is half of the full reduction", ("auto",)
            ),
            Parameter("knee", LEVEL, 6.0, 0.0, 40.0, "width of the bend around the threshold"),
            Parameter("lookahead", TIME, 0.005, 0.0, 0.05, "how far it sees"),
            Parameter(
                "detector", WORD, "rms", 0, 0, "what level is: rms over 10 ms or each peak", ("rms", "peak")
            ),
            Parameter("wet", SHARE, 1.0, 0.0, 1.0, "below 1 the sound itself is mixed in"),
        ),
        Compressor,
        aliases=("comp",),
    ),
    EffectKind(
        "gate",
        "turns down what is quieter than a threshold",
        (
            Parameter("threshold", LEVEL, -50.0, -100.0, 0.0, "peaks above it open; 4 dB below it close"),
            Parameter("range", LEVEL, -60.0, -100.0, 0.0, "how far down"),
            Parameter("attack", TIME, 0.002, 0.0001, 0.1, "time to open; it opens before the sound"),
            Parameter("hold", TIME, 0.05, 0.0, 5.0, "stays open at least"),
            Parameter("release", TIME, 0.15, 0.005, 5.0, "nine tenths of the way down"),
        ),
        Gate,
    ),
    EffectKind(
        "limiter",
        "holds the true peak below a ceiling",
        (
            Parameter("ceiling", LEVEL, -1.0, -40.0, 0.0, "dB true peak that is never passed"),
            Parameter("gain", LEVEL, 0.0, -20.0, 40.0, "before it"),
            Parameter("release", TIME, 0.1, 0.005, 5.0, "nine tenths of the way up"),
        ),
        Limiter,
    ),
)
