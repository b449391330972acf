"""The sum of stems with faders, bit-exact on every machine, block by block.

The rule, so that a mix can always be rebuilt:

1. A stem's samples are taken as 24-bit integers (rounded half to even; 8, 16 and 24 bit sources are exact).
2. A stem's gain in each channel is what `fader.py` says, a multiple of ``2**-20``.
3. Products and their sum are integers below ``2**53``, hence exact in float64 in any order.
4. The sum is rounded half to even to the bits of the mix, saturated and counted. Float mixes are only rounded to
   float32.

Stems at 0 dB and the centre therefore sum exactly on the integer grid. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.exact import get_bits, round_samples
from beatflow.sound.fader import GAIN_BITS, Fader, get_gains

_STEM_BITS = 24
# 2**(23 + 20) times a gain of 16 times this many stems is 2**53.
_MAX_STEMS = 64
_MOST_OFFSET_S = 86_400
_BLOCK_FRAMES = 65_536


class Mix:
    """A mix that is rendered while it is iterated; `frames` and `clipped` count what came out so far.

    `peak` is the largest sample so far before it was rounded and saturated, in full scales.

    Parameters
    ----------
    stems : mapping of name to Audio or to an iterable of its blocks
        All at one sample rate; mono stems are spread over the channels of the others.
    faders : mapping of name to Fader
        Stems without one go in as they are.
    subtype : str
        What the mix will be stored as; ``FLOAT`` does not saturate.
    master_db : float
        Gain of the whole.

    Raises
    ------
    UsageError
        A fader is out of range or names no stem, or there are too many stems.
    AudioError
        No stem sounds, or sample rates or channels do not fit together.
    """

    def __init__(
        self,
        stems: Mapping[str, Audio | Iterable[Audio]],
        faders: Mapping[str, Fader] | None = None,
        subtype: str = "PCM_16",
        master_db: float = 0.0,
    ) -> None:
        faders = faders or {}
        unknown = faders.keys() - stems.keys()
        if unknown:
            raise UsageError(f"there is no stem {min(unknown)}", hint=f"stems: {', '.join(stems)}")
        if not 0 < len(stems) <= _MAX_STEMS:
            raise UsageError(f"a mix takes 1 to {_MAX_STEMS} stems, not {len(stems)}")
        self._bits = get_bits(subtype)
        if self._bits is not None and self._bits > _STEM_BITS:
            raise UsageError(f"a mix cannot be {subtype}", hint="use PCM_24 or FLOAT")
        self._feeds = {name: _Feed(name, stem, faders.get(name, Fader())) for name, stem in stems.items()}
        self.sample_rate, self.channels = self._agree()
        for name, feed in self._feeds.items():
            if abs(feed.fader.offset) > _MOST_OFFSET_S * self.sample_rate:
                raise UsageError(f"stem {name} is moved by {feed.fader.offset} frames, more than a day")
        solo = any(feed.fader.solo for feed in self._feeds.values())
        self._gains = {
            name: np.array(get_gains(feed.fader, master_db, self.channels), np.float64)
            for name, feed in self._feeds.items()
            if not feed.fader.mute and (feed.fader.solo or not solo)
        }
        self.frames = 0
        self.clipped = 0
        self.peak = 0.0

    def __iter__(self) -> Iterator[Audio]:
        """Render, once; muted stems still count for the length."""
        while True:
            parts = {name: feed.read(_BLOCK_FRAMES) for name, feed in self._feeds.items()}
            length = max(len(part) for part in parts.values())
            if length == 0:
                return
            total = np.zeros((length, self.channels))
            for name, gains in self._gains.items():
                part = round_samples(parts[name], _STEM_BITS)[0]
                total[: len(part)] += part * gains
            self.frames += length
            highest = max(float(total.max()), -float(total.min()))
            self.peak = max(self.peak, highest * 2.0 ** -(GAIN_BITS + _STEM_BITS - 1))
            yield Audio(self._round(total), self.sample_rate)

    def _round(self, total: NDArray[np.float64]) -> Samples:
        """From multiples of 2**-43 to the mix's own grid."""
        if self._bits is None:
            return (total * 2.0 ** -(GAIN_BITS + _STEM_BITS - 1)).astype(np.float32)
        scale = 1 << (self._bits - 1)
        rounded = np.rint(total * 2.0 ** (self._bits - _STEM_BITS - GAIN_BITS))
        self.clipped += int(np.count_nonzero((rounded < -scale) | (rounded >= scale)))
        return (np.clip(rounded, -scale, scale - 1) / scale).astype(np.float32)

    def _agree(self) -> tuple[int, int]:
        """Sample rate and channels of the mix."""
        shapes = {name: feed.shape for name, feed in self._feeds.items() if feed.shape is not None}
        if not shapes:
            raise AudioError("there is nothing to mix: no stem has any frames")
        rates = {name: rate for name, (rate, _) in shapes.items()}
        rate = next(iter(rates.values()))
        for name, other in rates.items():
            if other != rate:
                raise AudioError(f"stem {name} is at {other} Hz, the others at {rate} Hz")
        channels = max(count for _, count in shapes.values())
        for name, (_, count) in shapes.items():
            if count not in (1, channels):
                raise AudioError(f"stem {name} has {count} channels, others have {channels}")
        return rate, channels


def render_mix(
    stems: Mapping[str, Audio | Iterable[Audio]],
    faders: Mapping[str, Fader] | None = None,
    subtype: str = "PCM_16",
    master_db: float = 0.0,
) -> tuple[Audio, int]:
    """Render a whole mix in memory; gives it and the number of samples that saturated. See `Mix`."""
    mix = Mix(stems, faders, subtype, master_db)
    samples = [block.samples for block in mix]
    return Audio(np.concatenate(samples), mix.sample_rate), mix.clipped


class _Feed:
    """A stem's frames in order, in the lengths that are asked for, shifted by its offset."""

    def __init__(self, name: str, stem: Audio | Iterable[Audio], fader: Fader) -> None:
        self.name, self.fader = name, fader
        self._blocks = iter((stem,) if isinstance(stem, Audio) else stem)
        self._rest = np.zeros((0, 1), np.float32)
        self.shape: tuple[int, int] | None = None
        self._skip = max(-fader.offset, 0)
        self._delay = max(fader.offset, 0)
        self._pull()

    def read(self, frames: int) -> Samples:
        """The next frames; fewer at the end."""
        parts: list[Samples] = []
        wanted = frames
        if self._delay and self.shape:
            count = min(self._delay, wanted)
            parts.append(np.zeros((count, self.shape[1]), np.float32))
            self._delay -= count
            wanted -= count
        while wanted and (len(self._rest) or self._pull()):
            skipped = min(self._skip, len(self._rest))
            self._skip -= skipped
            part = self._rest[skipped : skipped + wanted]
            self._rest = self._rest[skipped + len(part) :]
            wanted -= len(part)
            parts.append(part)
        return (
            np.concatenate(parts) if parts else np.zeros((0, self.shape[1] if self.shape else 1), np.float32)
        )

    def _pull(self) -> bool:
        """Get the next block that has frames."""
        for block in self._blocks:
            shape = (block.sample_rate, block.channels)
            self.shape = self.shape or shape
            if shape != self.shape:
                raise AudioError(f"stem {self.name} changes its channels or sample rate on the way")
            if not np.isfinite(block.samples).all():
                raise AudioError(f"stem {self.name} holds samples that are not numbers")
            if block.frames:
                self._rest = block.samples
                return True
        return False
