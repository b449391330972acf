"""A gain that sees the sound coming: the sound waits while the gain is made from what is ahead."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects.follower import Delay

Curve = Callable[[Samples], NDArray[np.float64]]


class LookAhead:
    """Weighs each frame by a gain made from the frames up to ``ahead`` behind it.

    Parameters
    ----------
    curve : callable
        From the next frames to as many gains; the gain that it gives with a frame is for the frame ``ahead`` before.
    ahead, channels : int
    """

    def __init__(self, curve: Curve, ahead: int, channels: int) -> None:
        self._curve = curve
        self._delay = Delay(ahead, channels)
        self._channels = channels

    def process(self, samples: Samples) -> Samples:
        """Take the next frames; give those that are ready."""
        gains = self._curve(samples)
        ready = self._delay.add(samples)
        return (ready * gains[len(gains) - len(ready) :, None]).astype(np.float32)

    def finish(self) -> Samples:
        """The frames that were waiting, with silence behind them."""
        return self.process(np.zeros((self._delay.frames, self._channels), np.float32))
