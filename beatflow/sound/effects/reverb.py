"""A room: its impulse response is drawn from what is known of rooms, and the sound is convolved with it.

Arrivals follow each other as in a room of the volume: ``4 π c³ t² / V`` a second (H. Kuttruff, Room Acoustics), each by
``1 / (c t)`` quieter; once they are too many to be told apart they are Gaussian noise. So the echoes thicken as they do
in rooms, and nothing comes round that could ring, as it does in networks of delays. Each frequency decays
exponentially, high ones faster.
"""

import math

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.effects import biquad
from beatflow.sound.effects.biquad import Cascade
from beatflow.sound.effects.convolution import Convolution
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.parameter import FREQUENCY, SHARE, TIME, Parameter

Signal = NDArray[np.float64]
_SOUND_M_S = 343.0
_SCATTERING = 10.0
"""Arrivals for each one of a bare box: pillars and people in between. Without them a hall crackles for 0.3 s."""
_SMALLEST_M3, _LARGEST_M3 = 20.0, 20_000.0
_SHORTEST_S, _LONGEST_S = 0.25, 6.0  # of the decay that belongs to a size
_DARK_HZ = 3000.0  # with full damping this decays twice as fast as what is low
_END_DB = 75.0  # where the response ends
_COLUMN_S = 0.02  # of the transform in which frequencies decay
_BLUR = 8  # the sinc that an arrival between two frames is written with reaches so far


class Reverb:
    """The sound, and the sound in the room."""

    def __init__(self, settings: Settings, place: Setting) -> None:
        self._wet, self._channels = settings["wet"], place.channels
        response = make_response(settings, place)
        self._room = Convolution(response)
        self._colour = Cascade(
            [biquad.high_pass(settings["lowcut"], 0.71, place.sample_rate)], place.channels
        )
        self._tail = response.shape[2] - 1
        self._sounded = False

    def process(self, samples: Samples) -> Samples:
        """Take the next frames; give those that are ready."""
        self._sounded = self._sounded or bool(len(samples))
        return self._mix(*self._room.add(samples))

    def finish(self) -> Samples:
        """The frames that were waiting, and the room's last sound."""
        tail = self._tail if self._sounded and self._wet else 0
        return self._mix(*self._room.finish(tail))

    def _mix(self, dry: Samples, wet: Samples) -> Samples:
        return ((1 - self._wet) * dry + self._wet * self._colour.filter(wet)).astype(np.float32)


def make_response(settings: Settings, place: Setting) -> NDArray[np.float32]:
    """The room's impulse response, shape (channels out, channels in, frames); energy 1 for each channel.

    Two channels hear each other's sound too; of more than two each has a response of its own, and none of others.
    The same settings give the same response: the arrivals are drawn with a fixed seed.
    """
    rate, channels = place.sample_rate, place.channels
    size = settings["size"]
    volume = _SMALLEST_M3 * (_LARGEST_M3 / _SMALLEST_M3) ** size
    decay = settings.numbers.get("decay", find_decay(size))
    frames = max(2 * _BLUR, math.ceil(decay * _END_DB / 60 * rate))
    before = round(settings["predelay"] * rate)
    crossed = channels == 2
    made = np.zeros((channels, channels, before + frames), np.float32)
    for out in range(channels):
        for source in range(channels):
            if out != source and not crossed:
                continue
            # RandomState's numbers are frozen; those of newer generators may change with numpy's version.
            random = np.random.RandomState(1000 * out + source)
            direct = _draw_arrivals(random, volume, frames, rate)
            made[out, source, before:] = _decay(direct, decay, settings["damping"], rate)
        energy = np.sqrt(np.sum(np.square(made[out], dtype=np.float64)))
        made[out] /= np.float32(max(energy, 1e-12))
    return made


def find_decay(size: float) -> float:
    """The time in which a room of this size, 0 to 1, loses 60 dB, unless another is asked for."""
    return float(_SHORTEST_S * (_LONGEST_S / _SHORTEST_S) ** size)


def _draw_arrivals(random: np.random.RandomState, volume: float, frames: int, rate: int) -> Signal:
    """Arrivals in a room that swallows nothing: as sparse as they are at first, noise of the same power later."""
    # Arrivals a second, over the square of the time.
    per_s3 = _SCATTERING * 4 * math.pi * _SOUND_M_S**3 / volume
    # Half an arrival a frame cannot be told from noise.
    dense = min(frames, math.ceil(math.sqrt(rate / 2 / per_s3) * rate))
    count = per_s3 * (dense / rate) ** 3 / 3
    number = int(random.poisson(count))
    # The distribution of the times is t³; the first one that can come is the one that the volume has on average.
    first = (3 / per_s3) ** (1 / 3)
    times = (random.random_sample(number)) ** (1 / 3) * dense / rate
    times = times[times >= 0.5 * first]
    # Of equal power at all times: as many as t², each with a power of 1/t².
    heights = random.choice((-1.0, 1.0), len(times)) / (times * math.sqrt(per_s3))
    made = random.standard_normal(frames) / math.sqrt(rate)
    made[:dense] = 0.0
    places = times * rate
    whole = np.floor(places).astype(np.int64)
    for step in range(-_BLUR + 1, _BLUR + 1):
        at = whole + step
        inside = (at >= 0) & (at < dense)
        distance = at - places
        weights = heights * np.sinc(distance) * np.cos(np.pi * distance / (2 * _BLUR + 2)) ** 2
        np.add.at(made, at[inside], weights[inside])
    return made


def _decay(arrivals: Signal, decay: float, damping: float, rate: int) -> NDArray[np.float32]:
    """Let each frequency of the arrivals decay at its own rate: weights that fall in a short-time transform."""
    half = max(64, 1 << round(math.log2(_COLUMN_S * rate / 2)))
    window = np.sqrt(np.hanning(2 * half + 1)[:-1])
    padded = np.pad(arrivals, (half, 2 * half))
    hz = np.fft.rfftfreq(2 * half, 1 / rate)
    # Walls and air swallow more the higher it is.
    times = decay / (1 + damping * (hz / _DARK_HZ) ** 1.2)
    made = np.zeros(len(padded))
    for start in range(0, len(padded) - 2 * half + 1, half):
        # Silence before the first arrival stays silence: a column is weighed by its middle.
        middle = max(0.0, start / rate)
        weights = 10 ** (-3 * middle / times)
        spectrum = np.fft.rfft(padded[start : start + 2 * half] * window) * weights
        made[start : start + 2 * half] += np.fft.irfft(spectrum, 2 * half) * window
    fade = np.minimum(1.0, np.arange(len(arrivals))[::-1] / (0.05 * len(arrivals)))
    return (made[half : half + len(arrivals)] * fade).astype(np.float32)


KINDS = (
    EffectKind(
        "reverb",
        "a room around it",
        (
            Parameter("size", SHARE, 0.5, 0.0, 1.0, "of the room: 20 m³ to 20,000 m³"),
            Parameter("wet", SHARE, 0.25, 0.0, 1.0, "share of the room; the rest is the sound itself"),
            Parameter("decay", TIME, None, 0.1, 20.0, "until 60 dB are gone; by the size if not given"),
            Parameter("damping", SHARE, 0.4, 0.0, 1.0, "how much faster high notes decay"),
            Parameter("predelay", TIME, 0.01, 0.0, 0.5, "before the room answers"),
            Parameter("lowcut", FREQUENCY, 120.0, 10.0, 2000.0, "high-pass on the room"),
        ),
        Reverb,
        aliases=("verb", "room", "hall"),
        tail=True,
    ),
)
