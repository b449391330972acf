"""The same sound at another sample rate, whole or block by block in constant memory.

Band-limited (soxr's VHQ: within 0.01 dB up to 87 % of the lower Nyquist frequency), linear phase, nothing
delayed: frame ``n`` of the result is at ``n / sample_rate`` seconds.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples

_QUALITY = "VHQ"
_BLOCK = 1 << 18  # frames handed to soxr at once, whatever the blocks' own size: bounds its memory


def resample(audio: Audio, sample_rate: int) -> Audio:
    """Bring a sound to another sample rate.

    Parameters
    ----------
    audio : Audio
        Finite samples; may have no frames.
    sample_rate : int
        Hz.

    Returns
    -------
    Audio
        ``frames * sample_rate / audio.sample_rate`` frames, rounded half up; the sound itself where the rate is the
        same. It may exceed full scale a little where the sound was close to it.

    Raises
    ------
    AudioError
        The rate is not positive.
    """
    parts = [part.samples for part in resample_blocks([audio], sample_rate)]
    if len(parts) == 1:
        return Audio(parts[0], sample_rate)
    return Audio(np.concatenate([*parts, np.zeros((0, audio.channels), np.float32)]), sample_rate)


def resample_blocks(blocks: Iterable[Audio], sample_rate: int) -> Iterator[Audio]:
    """Bring a stream to another sample rate, in blocks of whatever size comes out.

    The frames are those of `resample` for the whole stream, however it is cut.

    Raises
    ------
    AudioError
        The rate is not positive, or the blocks differ in rate or channels.
    """
    if sample_rate <= 0:
        raise AudioError(f"the sample rate must be positive, not {sample_rate} Hz")
    stream: _Stream | None = None
    shape: tuple[int, int] | None = None
    for block in blocks:
        if shape is None:
            shape = block.sample_rate, block.channels
            if block.sample_rate != sample_rate and block.channels:
                stream = _Stream(block.sample_rate, sample_rate, block.channels)
        if (block.sample_rate, block.channels) != shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows {shape[1]} at {shape[0]} Hz"
            )
        if stream is None:
            yield Audio(block.samples, sample_rate)
            continue
        yield from (Audio(samples, sample_rate) for samples in stream.add(block.samples))
    if stream is not None:
        yield from (Audio(samples, sample_rate) for samples in stream.finish())


class _Stream:
    """soxr's stream, fed in pieces of its own size so that the cut of the blocks changes no bit."""

    def __init__(self, before: int, after: int, channels: int) -> None:
        import soxr

        self._soxr: Any = soxr.ResampleStream(before, after, channels, dtype="float32", quality=_QUALITY)
        self._waiting: list[Samples] = []
        self._held = 0
        self._channels = channels

    def add(self, samples: Samples) -> Iterator[Samples]:
        """Take frames; give what is ready."""
        self._waiting.append(samples)
        self._held += len(samples)
        if self._held < _BLOCK:
            return
        held = np.concatenate(self._waiting)
        whole = len(held) // _BLOCK * _BLOCK
        self._waiting, self._held = [held[whole:].copy()], len(held) - whole
        for start in range(0, whole, _BLOCK):
            yield self._resample(held[start : start + _BLOCK], False)

    def finish(self) -> Iterator[Samples]:
        """Give the rest."""
        rest = np.concatenate([*self._waiting, np.zeros((0, self._channels), np.float32)])
        yield self._resample(rest, True)

    def _resample(self, samples: Samples, last: bool) -> Samples:
        # soxr takes one channel as a vector and gives a vector back.
        given = np.ascontiguousarray(samples[:, 0] if self._channels == 1 else samples)
        made = self._soxr.resample_chunk(given, last=last)
        return np.asarray(made, np.float32).reshape(-1, self._channels)
