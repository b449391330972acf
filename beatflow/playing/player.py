"""What comes out next: several sources of which one sounds, a place in it, and how one goes over into another.

Pure arithmetic: gives blocks of samples to whoever asks, and knows neither device nor keys nor clock. Played from its
start to its end at 0 dB, a sound comes out sample for sample as it is.
"""

from collections.abc import Sequence

import numpy as np

from beatflow.errors import UsageError
from beatflow.playing.source import Source, at_rate, fit_channels
from beatflow.sound.audio import Samples
from beatflow.sound.crossfade import crossfade, rise

FADE_S = 0.02
"""How long a jump, a pause and its end take: long enough to be no click, short enough to be at once."""
CROSSFADE_S = 0.05
LOUDEST_DB, QUIETEST_DB = 24.0, -120.0


class Player:
    """Plays sources at one sample rate.

    Parameters
    ----------
    sources : sequence of Source
        At their own rates; resampled where need be.
    sample_rate, channels : int
        What comes out.
    start_s, end_s : float, float or None
        The stretch that is played of each; None for its end.
    loop : bool
        Begin again at the end, without any fade: the seam is heard as it is.
    gains_db : sequence of float, optional
        One for each source.
    crossfade_s : float
        How long it takes to go over into another source.

    Attributes
    ----------
    current : int
        Which source sounds.
    paused : bool
    clipped : int
        Samples beyond full scale so far, which were held at it.

    Raises
    ------
    UsageError
        The stretch lies beyond the end of every source, or a gain is out of range.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sample_rate: int,
        channels: int,
        start_s: float = 0.0,
        end_s: float | None = None,
        loop: bool = False,
        gains_db: Sequence[float] | None = None,
        crossfade_s: float = CROSSFADE_S,
    ) -> None:
        self.sample_rate, self.channels, self.loop = sample_rate, channels, loop
        self._sources = [at_rate(source, sample_rate) for source in sources]
        self._gains = [_to_factor(gain_db) for gain_db in gains_db or [0.0] * len(sources)]
        self._start = round(start_s * sample_rate)
        self._end = None if end_s is None else round(end_s * sample_rate)
        self._crossfade = round(crossfade_s * sample_rate)
        self.current, self.paused, self.clipped, self.position = 0, False, 0, self._start
        self._queue = np.zeros((0, channels), np.float32)
        self._stopping = False
        if self._start >= self.end_of(0):
            length_s = self._sources[0].frames / sample_rate
            raise UsageError(
                f"{sources[0].name} is {length_s:.2f} s long, and nothing of it is behind {start_s:g} s",
                hint="--from takes seconds, 0:30 or b17 (bar 17)",
            )
        self._sources[0].seek(self._start)

    @property
    def name(self) -> str:
        """The name of the source that sounds."""
        return self._sources[self.current].name

    @property
    def place(self) -> int:
        """The frame that comes out next: what waits to come out lies before the place that was read to."""
        return max(self.position - len(self._queue), self._start)

    @property
    def start(self) -> int:
        """The first frame that is played."""
        return self._start

    def end_of(self, index: int) -> int:
        """Return the frame behind the last one that is played of a source."""
        frames = self._sources[index].frames
        return frames if self._end is None else min(frames, self._end)

    # What is wanted --------------------------------------------------------------------------------------

    def switch(self, index: int) -> bool:
        """Go over into another source at the same place; say whether there is anything of it there."""
        if not 0 <= index < len(self._sources) or self.position >= self.end_of(index):
            return False
        if index != self.current:
            leaving = self._leave(self._crossfade)
            self.current = index
            self._enter(self.place, leaving)
        return True

    def dip(self, index: int) -> None:
        """Go over into a source through a moment of silence, alike whether it is another one or the same."""
        length = round(FADE_S * self.sample_rate)
        tail = self._queue[:0] if self.paused else self._advance(length)
        place = self.position
        others = [other for other in range(len(self._sources)) if other != index]
        # All of them are sought and read, the wanted one last: the time that one takes must not tell which it is.
        for one in (*others, index):
            self.current, self.position = one, place
            self._sources[one].seek(place)
            head = tail if self.paused else self._advance(length)
        edges = [tail * (1 - rise(len(tail)))[:, None], head * rise(len(head))[:, None]]
        self._queue = np.concatenate([self._queue, *edges]).astype(np.float32)

    def seek(self, frame: int) -> None:
        """Go to another place, within what is played."""
        last = max(self.end_of(self.current) - 1, self._start)
        leaving = self._leave(round(FADE_S * self.sample_rate))
        self._enter(min(max(frame, self._start), last), leaving)

    def toggle(self) -> None:
        """Pause, or go on."""
        edge = self._advance(round(FADE_S * self.sample_rate))
        weights = rise(len(edge)) if self.paused else 1 - rise(len(edge))
        self._queue = np.concatenate([self._queue, (edge * weights[:, None]).astype(np.float32)])
        self.paused = not self.paused

    def stop(self) -> None:
        """Fade out, and be done."""
        if not self.paused:
            self.toggle()
        self._stopping = True

    # What comes out --------------------------------------------------------------------------------------

    def pull(self, frames: int) -> Samples:
        """Return the next block, shape (frames, channels), within full scale; shorter at the end, then empty."""
        made, self._queue = self._queue[:frames], self._queue[frames:]
        missing = frames - len(made)
        if missing and not self._stopping:
            more = np.zeros((missing, self.channels), np.float32) if self.paused else self._advance(missing)
            made = np.concatenate([made, more]) if len(made) else more
        over = int(np.count_nonzero(np.abs(made) > 1.0))
        if over:
            self.clipped += over
            made = np.clip(made, -1.0, 1.0)
        return made

    def _advance(self, frames: int) -> Samples:
        """Read on from where it stands, over the end to the start where it loops."""
        parts: list[Samples] = []
        while frames > 0:
            left = self.end_of(self.current) - self.position
            part = self._read(self.current, min(frames, left)) if left > 0 else None
            if part is not None and len(part):
                parts.append(part)
                self.position += len(part)
                frames -= len(part)
            elif self.loop and self.position > self._start:
                self.position = self._start
                self._sources[self.current].seek(self._start)
            else:
                break
        return np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)

    def _read(self, index: int, frames: int) -> Samples:
        samples = fit_channels(self._sources[index].read(frames), self.channels)
        if self._gains[index] != 1.0:
            samples = samples * np.float32(self._gains[index])
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        return samples

    def _leave(self, frames: int) -> Samples:
        """What would come next of the source that is left; its place stays."""
        if self.paused:
            return np.zeros((0, self.channels), np.float32)
        frames = min(frames, self.end_of(self.current) - self.position)
        return np.concatenate([self._queue, self._read(self.current, max(frames - len(self._queue), 0))])

    def _enter(self, frame: int, leaving: Samples) -> None:
        """Begin elsewhere, out of what is left."""
        self._sources[self.current].seek(frame)
        self.position = frame
        coming = self._advance(len(leaving))
        length = min(len(leaving), len(coming))
        faded = crossfade(leaving[:length], coming[:length]) if length else leaving[:0]
        self._queue = np.concatenate([faded, coming[length:]]).astype(np.float32)


def _to_factor(gain_db: float) -> float:
    if not QUIETEST_DB <= gain_db <= LOUDEST_DB:
        raise UsageError(
            f"a gain of {gain_db:g} dB makes no sense",
            hint=f"{QUIETEST_DB:g} to +{LOUDEST_DB:g} dB, such as --gain=-6",
        )
    return float(10 ** (gain_db / 20))
