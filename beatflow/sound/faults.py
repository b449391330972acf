"""What is unusual about samples themselves: silence, channels alike, clipping, an offset, one block after the other.

Knows no files, and nothing of what the sound is.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.audio import Samples

_SILENCE = 10 ** (-60.0 / 20)
_RAIL = 0.999


@dataclass(frozen=True, slots=True)
class Faults:
    """What is unusual about the samples themselves.

    Parameters
    ----------
    silent : bool
        Every sample is zero (or there are none).
    mono : bool
        More than one channel, all alike in every sample.
    clipped_samples : int
        Samples in runs of three or more at one and the same value within 0.1 % of full scale or above it.
    dc_offset : float
        Mean of the worst channel, full scale 1.
    leading_silence_s, trailing_silence_s : float
        Before the first and after the last sample above -60 dBFS.
    silent_channels : tuple of int
        Channels, from 0, that hold nothing but zeros while others do not.
    """

    silent: bool
    mono: bool
    clipped_samples: int
    dc_offset: float
    leading_silence_s: float
    trailing_silence_s: float
    silent_channels: tuple[int, ...]


class FaultMeter:
    """Takes blocks, gives `Faults` at the end; what is kept does not grow.

    Quickest with samples that lie channel by channel (Fortran's order).
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self.frames = 0
        self._sums = np.zeros(channels)
        self._peaks = np.zeros(channels, np.float32)
        self._alike = True
        self._clipped = 0
        self._tail = np.zeros((3, channels), np.float32)
        self._loud: tuple[int, int] | None = None

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        if not len(samples):
            return
        planes = samples.T
        self._sums += [plane.sum(dtype=np.float64) for plane in planes]
        self._alike = self._alike and all(np.array_equal(plane, planes[0]) for plane in planes[1:])
        peaks = np.array([max(plane.max(), -plane.min()) for plane in planes], np.float32)
        self._peaks = np.maximum(self._peaks, peaks)
        if peaks.max() > _SILENCE:
            self._find_loud(samples)
        self._count_clipped(samples, bool(peaks.max() >= _RAIL))
        self.frames += len(samples)

    def result(self) -> Faults:
        """What was found so far."""
        first, last = self._loud or (self.frames, self.frames - 1)
        mean = self._sums / max(self.frames, 1)
        silent = not self._peaks.any()
        return Faults(
            silent=silent,
            mono=len(self._sums) > 1 and self._alike and self.frames > 0,
            clipped_samples=self._clipped,
            dc_offset=round(float(mean[np.argmax(np.abs(mean))]), 6) + 0.0,
            leading_silence_s=round(first / self._rate, 4),
            trailing_silence_s=round((self.frames - 1 - last) / self._rate, 4) if self._loud else 0.0,
            silent_channels=()
            if silent
            else tuple(int(channel) for channel in np.flatnonzero(self._peaks == 0)),
        )

    def _find_loud(self, samples: Samples) -> None:
        """Where the sound begins and ends; looks no further into a block than it must."""
        step = 4096
        ends = []
        for pieces, last in ((range(0, len(samples), step), False), (range(len(samples), 0, -step), True)):
            if self._loud and not last:
                ends.append(self._loud[0])
                continue
            for at in pieces:
                start, stop = (max(0, at - step), at) if last else (at, at + step)
                loud = np.flatnonzero(np.abs(samples[start:stop]).max(axis=1) > _SILENCE)
                if loud.size:
                    ends.append(self.frames + start + int(loud[-1 if last else 0]))
                    break
        self._loud = (ends[0], ends[-1])

    def _count_clipped(self, samples: Samples, reaches_rail: bool) -> None:
        """Count samples in flat runs at the rails; a run that goes on from the block before is counted whole."""
        if not reaches_rail and np.abs(self._tail).max() < _RAIL:
            self._tail = np.concatenate([self._tail, samples[-3:]])[-3:].copy()
            return
        joined = np.concatenate([self._tail, samples])
        self._tail = joined[-3:].copy()
        for plane in joined.T:
            rail = np.abs(plane) >= _RAIL
            same = plane[1:] == plane[:-1]
            third = rail[2:] & same[1:] & same[:-1]
            # Each third sample of a run counts one, and the first of them the two before it as well. The first row
            # belongs to the block before, and only tells whether a run goes on.
            new, before = third[1:], third[:-1]
            self._clipped += int(np.count_nonzero(new)) + 2 * int(np.count_nonzero(new & ~before))
