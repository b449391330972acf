"""A phaser: all-pass stages whose frequency sweeps, with feedback; each sample has its own coefficients.

The stages are a linear recursion whose coefficients move. Without a loop over samples: a block is laid in rows, and all
rows run side by side, from rest and from each unit state. What a row ends in is a sum of these, and the next row's
beginning.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.modulation import Swing
from beatflow.sound.effects.parameter import FREQUENCY, NUMBER, RATE, SHARE, Parameter

Signal = NDArray[np.float64]
_ROW = 128  # frames of a row
_BLOCK = _ROW * 256  # frames worked on at once
_SPREAD = 0.25  # of a sweep, by which each channel is ahead of the one before it


class Phaser:
    """Notches that sweep."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        self._rate, self._channels = place.sample_rate, place.channels
        self._stages = round(settings["stages"])
        self._low, self._high = settings["low"], max(settings["high"], settings["low"])
        self._feedback, self._wet = settings["feedback"], settings["wet"]
        self._swing = Swing(settings["rate"], place.sample_rate)
        self._position = 0
        self._states = np.zeros((place.channels, self._stages + 1))

    def process(self, samples: Samples) -> Samples:
        """Take the next frames."""
        pieces = [self._sweep(samples[at : at + _BLOCK]) for at in range(0, len(samples), _BLOCK)]
        return np.concatenate(pieces) if pieces else samples

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._channels), np.float32)

    def _sweep(self, samples: Samples) -> Samples:
        wet = np.empty(samples.shape)
        for channel in range(self._channels):
            sweep = self._swing.at(self._position, len(samples), channel * _SPREAD)
            # Even steps of pitch; at the frequency itself a stage turns by 90°.
            hz = np.minimum(self._low * (self._high / self._low) ** sweep, 0.45 * self._rate)
            tangent = np.tan(np.pi * hz / self._rate)
            coefficients = (tangent - 1) / (tangent + 1)
            made, state = run_stages(
                samples[:, channel].astype(np.float64), coefficients, self._feedback, self._states[channel]
            )
            wet[:, channel] = made
            self._states[channel] = np.where(np.abs(state) < 1e-30, 0.0, state)
        self._position += len(samples)
        return ((1 - self._wet) * samples + self._wet * wet).astype(np.float32)


def run_stages(signal: Signal, coefficients: Signal, feedback: float, state: Signal) -> tuple[Signal, Signal]:
    """Send a signal through first-order all-passes in a row, ``y[n] = c[n] x[n] + s``, ``s = x[n] - c[n] y[n]``.

    Parameters
    ----------
    signal, coefficients : ndarray, shape (frames,)
        At least one frame.
    feedback : float
        Share of the last output that goes into the next input.
    state : ndarray, shape (stages + 1,)
        What each stage keeps, and the last output.

    Returns
    -------
    tuple of ndarray
        The last stage's output, shape (frames,), and the state after it.
    """
    frames, stages = len(signal), len(state) - 1
    rows = -(-frames // _ROW)
    last = frames - (rows - 1) * _ROW  # frames of the last row; the rest of it is padding
    given = np.pad(signal, (0, rows * _ROW - frames)).reshape(rows, _ROW).T.copy()
    moving = np.pad(coefficients, (0, rows * _ROW - frames)).reshape(rows, _ROW).T.copy()
    runs = stages + 2  # from rest, and from each unit state
    states = np.zeros((stages + 1, runs, rows))
    for unit in range(stages + 1):
        states[unit, unit + 1] = 1.0
    made = np.zeros((_ROW, runs, rows))
    ends = states
    for column in range(_ROW):
        c = moving[column]
        x = feedback * states[stages]
        x[0] += given[column]
        for stage in range(stages):
            y = c * x + states[stage]
            states[stage] = x - c * y
            x = y
        states[stages] = x
        made[column] = x
        if column == last - 1:
            ends = states[:, :, -1].copy()
    out = np.empty((rows, _ROW))
    for row in range(rows):
        out[row] = made[:, 0, row] + made[:, 1:, row] @ state
        after = ends if row == rows - 1 else states[:, :, row]
        state = after[:, 0] + after[:, 1:] @ state
    return out.reshape(-1)[:frames], state


KINDS = (
    EffectKind(
        "phaser",
        "notches that sweep through the spectrum",
        (
            Parameter("rate", RATE, 0.4, 0.01, 10.0, "sweeps"),
            Parameter("low", FREQUENCY, 300.0, 20.0, 10_000.0, "where the sweep begins"),
            Parameter("high", FREQUENCY, 3000.0, 20.0, 15_000.0, "where it turns"),
            Parameter("stages", NUMBER, 6.0, 2.0, 12.0, "all-passes; two make a notch", step=2),
            Parameter("feedback", NUMBER, 0.3, -0.9, 0.9, "sharpness"),
            Parameter("wet", SHARE, 0.5, 0.0, 1.0, "share of the effect; the rest is the sound itself"),
        ),
        Phaser,
    ),
)
