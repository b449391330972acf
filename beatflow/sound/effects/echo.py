"""Echoes: a delay whose repeats go round, darker and quieter each time; from side to side if wanted."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects import biquad
from beatflow.sound.effects.biquad import Cascade
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import FREQUENCY, SHARE, TIME, WORD, Note, Parameter

Signal = NDArray[np.float64]
_GONE = 1e-3
"""Repeats below this share of the sound, -60 dB, are the end."""
_LONGEST_TAIL_S = 60.0
_FADE_S = 0.02


class Echo:
    """What goes into the line comes out after a time, and a share of it goes in again.

    Worked on in pieces as long as the delay: within one nothing has come round yet.
    """

    def __init__(self, settings: Settings, place: Setting) -> None:
        self._rate, self._channels = place.sample_rate, place.channels
        self._frames = max(1, round(settings["time"] * place.sample_rate))
        self._feedback, self._wet = settings["feedback"], settings["wet"]
        self._cross = settings.says("mode", "pingpong") and place.channels == 2
        self._line = np.zeros((self._frames, place.channels))
        self._at = 0
        self._sounded = False
        self._colour = Cascade(
            [
                biquad.low_pass(settings["highcut"], 0.71, place.sample_rate),
                biquad.high_pass(settings["lowcut"], 0.71, place.sample_rate),
            ],
            place.channels,
        )

    def process(self, samples: Samples) -> Samples:
        """Take the next frames."""
        self._sounded = self._sounded or bool(len(samples))
        made = np.empty((len(samples), self._channels))
        done = 0
        while done < len(samples):
            # Up to the end of the line at most, so that reading and writing are one piece.
            count = min(self._frames - self._at, len(samples) - done)
            piece = samples[done : done + count].astype(np.float64)
            line = self._line[self._at : self._at + count]
            heard = self._colour.filter(line)
            made[done : done + count] = (1 - self._wet) * piece + self._wet * heard
            line[:] = self._feed(piece, heard)
            self._at = (self._at + count) % self._frames
            done += count
        return made.astype(np.float32)

    def finish(self) -> Samples:
        """The repeats that are still to come, down to -60 dB."""
        frames = self._count_tail() if self._sounded and self._wet else 0
        tail = self.process(np.zeros((frames, self._channels), np.float32))
        fade = min(len(tail), round(_FADE_S * self._rate))
        tail[len(tail) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
        return tail

    def _feed(self, piece: Signal, heard: Signal) -> Signal:
        """What goes into the line: for a ping-pong the sound to the left, and what was left to the right."""
        if not self._cross:
            return piece + self._feedback * heard
        left = piece.mean(axis=1) + self._feedback * heard[:, 1]
        # Left comes first; each crossing costs the feedback once.
        return np.stack([left, self._feedback * heard[:, 0]], axis=1)

    def _count_tail(self) -> int:
        rounds = 1 + (math.ceil(math.log(_GONE) / math.log(self._feedback)) if self._feedback > _GONE else 0)
        return min(rounds * self._frames, round(_LONGEST_TAIL_S * self._rate))


KINDS = (
    EffectKind(
        "delay",
        "echoes",
        (
            Parameter("time", TIME, Note(Fraction(1, 8)), 0.001, 10.0, "between two echoes"),
            Parameter("feedback", SHARE, 0.3, 0.0, 0.95, "of an echo that comes round again"),
            Parameter("wet", SHARE, 0.25, 0.0, 1.0, "share of the echoes; the rest is the sound itself"),
            Parameter(
                "mode", WORD, "straight", 0, 0, "pingpong goes from side to side", ("straight", "pingpong")
            ),
            Parameter(
                "highcut", FREQUENCY, 6000.0, 200.0, 20_000.0, "echoes get darker: low-pass in the loop"
            ),
            Parameter("lowcut", FREQUENCY, 100.0, 10.0, 5000.0, "and thinner: high-pass in the loop"),
        ),
        Echo,
        aliases=("echo",),
        tail=True,
    ),
)
