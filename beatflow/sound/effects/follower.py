"""Curves that follow levels, block by block: held ahead, falling, smoothed. Loops over no sample in Python."""

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


class Hold:
    """The largest of the last ``frames`` values and the current one."""

    def __init__(self, frames: int) -> None:
        self._past = np.zeros(frames)

    def add(self, curve: Signal) -> Signal:
        """Take values, none below 0; give as many."""
        from scipy.ndimage import maximum_filter1d

        reach = len(self._past)
        if not reach or not len(curve):
            return curve
        joined = np.concatenate([self._past, curve])
        self._past = joined[len(curve) :].copy()
        size = reach + 1
        # The filter's window lies around its place; this one shall end there.
        return np.asarray(maximum_filter1d(joined, size, origin=(size - 1) // 2)[reach:])


class Fall:
    """The least curve above another that falls no faster than exponentially, with a time constant in frames.

    ``y[n] = max(x[n], a y[n-1])``: in logarithms a running maximum.
    """

    def __init__(self, frames: float) -> None:
        self._rate = 1 / max(frames, 1e-3)
        self._last = 0.0

    def add(self, curve: Signal) -> Signal:
        """Take values, none below 0; give as many."""
        if not len(curve):
            return curve
        slope = self._rate * np.arange(1, len(curve) + 1)
        with np.errstate(divide="ignore"):
            logs = np.log(curve) + slope
            made = np.maximum.accumulate(np.maximum(logs, np.log(self._last)))
        fallen = np.exp(made - slope)
        self._last = float(fallen[-1]) if fallen[-1] > 1e-12 else 0.0
        return np.asarray(np.where(fallen > 1e-12, fallen, 0.0))


class Smooth:
    """A mean over the last ``frames`` values and the current one, with weights that rise and fall linearly."""

    def __init__(self, frames: int) -> None:
        # Two means in a row; their reaches add up.
        self._boxes = [_Mean(frames // 2), _Mean(frames - frames // 2)]

    def add(self, curve: Signal) -> Signal:
        """Take values; give as many."""
        for box in self._boxes:
            curve = box.add(curve)
        return curve


class _Mean:
    """The mean of the last ``frames`` values and the current one."""

    def __init__(self, frames: int) -> None:
        self._past = np.zeros(frames)

    def add(self, curve: Signal) -> Signal:
        from scipy.ndimage import uniform_filter1d

        reach = len(self._past)
        if not reach or not len(curve):
            return curve
        joined = np.concatenate([self._past, curve])
        self._past = joined[len(curve) :].copy()
        size = reach + 1
        return np.asarray(uniform_filter1d(joined, size, origin=(size - 1) // 2)[reach:])


class OnePole:
    """Exponential smoothing with a time constant in frames."""

    def __init__(self, frames: float) -> None:
        self._pole = float(np.exp(-1 / frames)) if frames > 0 else 0.0
        self._state = np.zeros(1)

    def add(self, curve: Signal) -> Signal:
        """Take values; give as many."""
        from scipy.signal import lfilter

        if not len(curve):
            return curve
        made, state = lfilter([1 - self._pole], [1, -self._pole], curve, zi=self._state)
        self._state = np.where(np.abs(state) < 1e-30, 0.0, state)
        return np.asarray(made)


class Delay:
    """Frames so many frames later; the first that come out are those that came in first."""

    def __init__(self, frames: int, channels: int) -> None:
        self._line = np.zeros((0, channels), np.float32)
        self.frames = frames

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take frames; give those of before, fewer at first."""
        joined = np.concatenate([self._line, samples])
        ready = max(0, len(joined) - self.frames)
        self._line = joined[ready:].copy()
        return joined[:ready]
