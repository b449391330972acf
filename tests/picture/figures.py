"""Figures that the tests of pictures draw."""

import numpy as np

from beatflow.picture.figure import Curve, Figure, Lane, Radar, Shades, Wave
from beatflow.sound.outline import Outline
from beatflow.timecode import Clock

RATE = 1000
RAMP = np.tile(np.linspace(0, 1, 100), (24, 1))


def make_outline(peak: float = 0.5, seconds: float = 10.0) -> Outline:
    """A sound that swells from nothing to its peak."""
    columns = int(seconds * 10)
    high = peak * np.linspace(0, 1, columns)
    return Outline(-high, high, high**2 / 4, RATE // 10, int(seconds * RATE), RATE)


def make_figure(*lanes: Lane, radar: Radar | None = None, tempo: float | None = 120.0) -> Figure:
    """Ten seconds."""
    return Figure("mix.wav", "44.1 kHz stereo  ·  0:10.000", 0.0, 10.0, Clock(RATE, tempo), lanes, radar)


def make_every_lane() -> list[Lane]:
    """One of each kind."""
    gap = np.concatenate([np.full(30, 0.5), np.full(20, np.nan), np.full(50, 0.8)])
    return [
        Lane("waveform", [Wave(make_outline(), 0.6)], "peak −6.0 dBFS", ticks=[(0.5, "0")], sound=0),
        Lane(
            "spectrum",
            [Shades(RAMP, "heat", 0.1)],
            weight=2,
            ticks=[(0.5, "1k")],
            scale=("heat", "low", "top"),
        ),
        Lane(
            "loudness",
            [Curve(gap, 0.2, 0.1, "dim", "one", thick=False), Curve(gap, 0.2, 0.1, "wave", "two")],
            legend=[("dim", "one"), ("wave", "two")],
        ),
        Lane("beats", [Curve(gap, 0, 0.1, "wave", filled=True)], beats=[0.5, 1, 1.5], downbeats=[0.5, 2.5]),
    ]


def make_radar() -> Radar:
    """Two sounds, three qualities."""
    shares = {"happy": 0.5, "sad": 0.3, "calm": 0.2}
    other = {"happy": 0.1, "sad": 0.6, "calm": 0.3}
    return Radar(list(shares), [("wave", "one", shares), ("second", "two", other)], "valence 0.1")
