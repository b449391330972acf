"""Delays that move: chorus, vibrato and flanger."""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects.interpolation import REACH, find_weights, read_between
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import CENTS, NUMBER, RATE, SHARE, TIME, Parameter

Signal = NDArray[np.float64]
_PIECE = 1 << 14  # frames worked on at once: bounds the memory for the weights
_SPREAD = 0.25  # of a swing, by which each channel is ahead of the one before it


class Swing:
    """A sine over time, 0 to 1, that goes on from block to block."""

    def __init__(self, rate_hz: float, sample_rate: int) -> None:
        self._step = rate_hz / sample_rate

    def at(self, first: int, frames: int, ahead: float) -> Signal:
        """Its values for frames from ``first`` on; ``ahead`` in swings."""
        turns = (first + np.arange(frames)) * self._step + ahead
        return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.mod(turns, 1.0)))


class Chorus:
    """Voices beside the sound, each a little late by a time that swings, and so a little out of tune."""

    def __init__(
        self, delay_s: float, depth_s: float, voices: int, rate_hz: float, wet: float, place: Setting
    ) -> None:
        self._delay, self._depth = delay_s * place.sample_rate, depth_s * place.sample_rate
        self._voices, self._wet, self._channels = voices, wet, place.channels
        self._swing = Swing(rate_hz, place.sample_rate)
        self._position = 0
        # A voice looks back so far; with REACH to both sides.
        self._reach = int(np.ceil(self._delay + self._depth)) + 2 * REACH + 2
        self._past = np.zeros((self._reach, place.channels))

    def process(self, samples: Samples) -> Samples:
        """Take the next frames."""
        pieces = [self._add(samples[at : at + _PIECE]) for at in range(0, len(samples), _PIECE)]
        return np.concatenate(pieces) if pieces else samples

    def finish(self) -> Samples:
        """Nothing: what the voices are late by is less than a room's."""
        return np.zeros((0, self._channels), np.float32)

    def _add(self, samples: Samples) -> Samples:
        line = np.concatenate([self._past, samples.astype(np.float64)])
        now = np.arange(len(samples)) + self._reach
        wet = np.zeros((len(samples), self._channels))
        for voice in range(self._voices):
            for channel in range(self._channels):
                ahead = voice / self._voices + channel * _SPREAD
                late = self._delay + self._depth * self._swing.at(self._position, len(samples), ahead)
                wet[:, channel] += read_between(line[:, channel], now - REACH - late)
        wet /= np.sqrt(self._voices)
        self._past = line[len(samples) :].copy()
        self._position += len(samples)
        return ((1 - self._wet) * samples + self._wet * wet).astype(np.float32)


class Flanger:
    """A very short delay that swings and feeds itself: teeth of a comb that move through the spectrum."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        rate = place.sample_rate
        # In pieces shorter than the least delay nothing has come round yet.
        self._least = max(settings["delay"] * rate, 2.0 * REACH + 2)
        self._depth = settings["depth"] * rate
        self._piece = int(self._least) - REACH
        self._feedback, self._wet, self._channels = settings["feedback"], settings["wet"], place.channels
        self._swing = Swing(settings["rate"], rate)
        self._position = 0
        self._reach = int(np.ceil(self._least + self._depth)) + REACH + 2
        self._past = np.zeros((self._reach, place.channels))

    def process(self, samples: Samples) -> Samples:
        """Take the next frames."""
        pieces = [self._add(samples[at : at + _PIECE]) for at in range(0, len(samples), _PIECE)]
        return np.concatenate(pieces) if pieces else samples

    def _add(self, samples: Samples) -> Samples:
        frames = len(samples)
        line = np.concatenate([self._past, samples.astype(np.float64)])
        swings = [
            self._swing.at(self._position, frames, channel * _SPREAD) for channel in range(self._channels)
        ]
        late = self._least + self._depth * np.stack(swings)
        first, weights = find_weights(np.arange(frames) + self._reach - late)
        # All channels at once: shape (2 REACH, channels, frames).
        taps, channels = np.arange(2 * REACH)[:, None, None], np.arange(self._channels)[:, None]
        wet = np.empty((frames, self._channels))
        for start in range(0, frames, self._piece):
            end = min(start + self._piece, frames)
            read = line[taps + first[:, start:end], channels]
            wet[start:end] = (read * weights[:, :, start:end]).sum(axis=0).T
            line[self._reach + start : self._reach + end] += self._feedback * wet[start:end]
        self._past = line[frames:].copy()
        self._past[np.abs(self._past) < 1e-30] = 0.0
        self._position += frames
        return np.asarray((1 - self._wet) * samples + self._wet * wet, np.float32)

    def finish(self) -> Samples:
        """Nothing."""
        return np.zeros((0, self._channels), np.float32)


def _make_chorus(settings: Settings, place: Setting) -> Chorus:
    return Chorus(
        settings["delay"],
        settings["depth"],
        round(settings["voices"]),
        settings["rate"],
        settings["wet"],
        place,
    )


def _make_vibrato(settings: Settings, place: Setting) -> Chorus:
    # A delay of d/2 (1 - cos 2πft) is faster or slower by at most πfd.
    swing = 2 ** (settings["depth"] / 1200) - 1
    return Chorus(0.0, swing / (np.pi * settings["rate"]), 1, settings["rate"], 1.0, place)


def _wet(default: float) -> Parameter:
    return Parameter("wet", SHARE, default, 0.0, 1.0, "share of the effect; the rest is the sound itself")


KINDS = (
    EffectKind(
        "chorus",
        "several of it at once, not quite together",
        (
            Parameter("rate", RATE, 0.8, 0.01, 10.0, "swings"),
            Parameter("depth", TIME, 0.003, 0.0, 0.02, "how far the delay swings"),
            Parameter("delay", TIME, 0.012, 0.001, 0.05, "the least delay"),
            Parameter("voices", NUMBER, 2.0, 1.0, 6.0, "beside the sound itself", step=1),
            _wet(0.5),
        ),
        _make_chorus,
    ),
    EffectKind(
        "flanger",
        "a comb that sweeps",
        (
            Parameter("rate", RATE, 0.25, 0.01, 10.0, "sweeps"),
            Parameter("depth", TIME, 0.004, 0.0, 0.01, "how far the delay swings"),
            Parameter("delay", TIME, 0.001, 0.0005, 0.01, "the least delay"),
            Parameter("feedback", NUMBER, 0.4, -0.9, 0.9, "sharpness of the comb; below 0 it is hollow"),
            _wet(0.5),
        ),
        Flanger,
    ),
    EffectKind(
        "vibrato",
        "pitch that swings, as of an old tape",
        (
            Parameter("rate", RATE, 5.0, 0.05, 15.0, "swings"),
            Parameter("depth", CENTS, 15.0, 0.0, 100.0, "to both sides"),
        ),
        _make_vibrato,
        aliases=("wow", "flutter"),
    ),
)
