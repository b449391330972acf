"""An old record: crackle and surface noise, drawn with a fixed seed so that a recipe gives the same record again."""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects import biquad
from beatflow.sound.effects.biquad import Cascade
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import LEVEL, RATE, Parameter

_PIECE = 1 << 14  # frames drawn at once, whatever the blocks' own size
_HISS_DB = 24.0  # of its mean square, below the crackle's peaks
_TICK = 1.6  # what brings the peaks of the larger ticks to the level


class Vinyl:
    """What a needle adds to the sound."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        self._place = place
        self._level = 10 ** (settings["level"] / 20)
        self._share = min(settings["crackle"] / place.sample_rate, 1.0)
        self._random = np.random.RandomState(33)
        self._rest: NDArray[np.float64] = np.zeros((0, place.channels))
        # A tick is as short as the stylus lets it be; the surface is darker.
        self._tick = Cascade(
            [biquad.band_pass(2500.0, 0.7, place.sample_rate)],
            place.channels,
        )
        self._hiss = Cascade([biquad.low_pass(4000.0, 0.71, place.sample_rate)], place.channels)

    def process(self, samples: Samples) -> Samples:
        """Add to the next frames."""
        pieces = [self._rest]
        ready = len(self._rest)
        while ready < len(samples):
            pieces.append(self._draw())
            ready += _PIECE
        noise = np.concatenate(pieces)
        self._rest = noise[len(samples) :].copy()
        return (samples + noise[: len(samples)]).astype(np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._place.channels), np.float32)

    def _draw(self) -> NDArray[np.float64]:
        random, shape = self._random, (_PIECE, self._place.channels)
        hits = random.random_sample(_PIECE) < self._share
        # Some ticks are smaller than others; the sides hear them differently.
        heights = (
            _TICK * np.minimum(random.standard_exponential(_PIECE), 2.0) * random.choice((-1.0, 1.0), _PIECE)
        )
        ticks = np.where(hits, heights, 0.0)[:, None] * (0.3 + 0.7 * random.random_sample(shape))
        hiss = 10 ** (-_HISS_DB / 20) * random.standard_normal(shape)
        return np.asarray(self._level * (self._tick.filter(ticks) + self._hiss.filter(hiss)))


KINDS = (
    EffectKind(
        "vinyl",
        "crackle and hiss of an old record",
        (
            Parameter("level", LEVEL, -30.0, -80.0, 0.0, "of the larger ticks"),
            Parameter("crackle", RATE, 6.0, 0.0, 200.0, "ticks a second"),
        ),
        Vinyl,
    ),
)
