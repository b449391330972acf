"""Times as musicians write them: bars and beats where the tempo is known, minutes and seconds otherwise.

Reads what is typed (``b33-b34``, ``0:30-0:45``, ``12.5s``) and writes what is shown. Pure arithmetic and text.
The tempo counts quarter notes per minute; bar 1 begins at frame 0.
"""

import re
from dataclasses import dataclass

from beatflow.errors import UsageError
from beatflow.wording import format_duration

HINT = "write it like 0:30-0:45, 12.5s-14s, b33-b34 (bars) or b33.2-b33.3 (beats)"
_TIME_HINT = "write it like 0:30, 12.5s, b17 (a bar) or b17.3 (a beat)"
_ON_THE_BEAT_S = 0.03
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)s?")
_BAR = re.compile(r"b(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``start`` up to, not including, ``end``; an ``end`` of None is that of the sound."""

    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Clock:
    """How frames, seconds, bars and beats go together.

    Parameters
    ----------
    sample_rate : int
        Frames per second.
    tempo : float or None
        Quarter notes per minute; None where it is not known, which leaves seconds only.
    meter : str
        ``4/4``, ``6/8``.
    """

    sample_rate: int
    tempo: float | None = None
    meter: str = "4/4"

    @property
    def beats_per_bar(self) -> int:
        """The meter's upper number."""
        return int(self.meter.partition("/")[0])

    @property
    def beat_s(self) -> float | None:
        """Length of a beat (the meter's lower number says which note that is) in seconds."""
        if not self.tempo:
            return None
        return 60 / self.tempo * 4 / int(self.meter.partition("/")[2])

    def format_span(self, start: int, frames: int) -> str:
        """Write a stretch: ``bars 33–34``, ``bar 33, beats 2–3``, or ``1:25.333–1:30.667``."""
        if self.beat_s is None:
            return self.format_seconds(start, frames)
        beats = self._on_beats(start, frames)
        if beats is None:
            return f"{self.name_bars(start, frames)} ({self.format_seconds(start, frames)})"
        first, last = beats
        if first % self.beats_per_bar or (last + 1) % self.beats_per_bar:
            bar, beat = divmod(first, self.beats_per_bar)
            end_bar, end_beat = divmod(last, self.beats_per_bar)
            if bar == end_bar:
                return f"bar {bar + 1}, " + _range("beat", beat + 1, end_beat + 1)
            return f"bar {bar + 1} beat {beat + 1} to bar {end_bar + 1} beat {end_beat + 1}"
        return self.name_bars(start, frames)

    def name_bars(self, start: int, frames: int) -> str:
        """Write the bars that a stretch touches: ``bars 33–34``; seconds where there are no bars."""
        beat_s = self.beat_s
        if beat_s is None:
            return self.format_seconds(start, frames)
        bar = beat_s * self.beats_per_bar * self.sample_rate
        # Less for a short stretch, which would otherwise land in a bar that it does not touch.
        slack = min(_ON_THE_BEAT_S * self.sample_rate, (frames - 1) // 2)
        first = int((start + slack) // bar)
        last = max(first, int((start + frames - slack - 1) // bar))
        return _range("bar", first + 1, last + 1)

    def format_seconds(self, start: int, frames: int) -> str:
        """Write a stretch in minutes and seconds."""
        return "–".join(format_duration(at / self.sample_rate) for at in (start, start + frames))

    def parse_span(self, text: str) -> Span:
        """Read a stretch; what ends with a bar or a beat takes that in. One time alone begins there and has no end,
        one bar or beat alone is that.

        Raises
        ------
        UsageError
            It is no stretch, it is empty, or bars are asked for without a tempo.
        """
        first, dash, last = text.strip().partition("-")
        start, unit_end = self._parse_time(first, text)
        if not dash:
            return Span(start, unit_end)
        if not last:
            return Span(start, None)
        bars = first.startswith("b") and not last.startswith("b")  # b33-34
        at, after = self._parse_time("b" + last if bars else last, text)
        end = at if after is None else after
        if end <= start:
            raise UsageError(f"{text} ends before it begins", hint=HINT)
        return Span(start, end)

    def parse_between(self, start: str | None, end: str | None) -> Span:
        """Read a stretch from where it begins and where it ends, each typed by itself; a bar at its end is taken in.

        Raises
        ------
        UsageError
            One of them is no time, it is empty, or bars are asked for without a tempo.
        """
        first = self._parse_time(start.strip(), start, "time", _TIME_HINT)[0] if start is not None else 0
        if end is None:
            return Span(first, None)
        at, after = self._parse_time(end.strip(), end, "time", _TIME_HINT)
        last = at if after is None else after
        if last <= first:
            raise UsageError(
                f"{end} is not after {start or 'the start'}", hint="give a later end, or an earlier start"
            )
        return Span(first, last)

    def _parse_time(
        self, text: str, whole: str, what: str = "stretch of time", hint: str = HINT
    ) -> tuple[int, int | None]:
        """Return a time's frame and, for a bar or a beat, the frame behind it."""
        if match := _BAR.fullmatch(text):
            beat_s = self.beat_s
            if beat_s is None:
                raise UsageError(
                    f"{whole}: bars need a tempo, and none is known",
                    hint="set tempo in track.toml, or use seconds",
                )
            bar, beat = int(match[1]), int(match[2] or 1)
            if bar < 1 or not 1 <= beat <= self.beats_per_bar:
                raise UsageError(f"{whole}: bars and beats count from 1", hint=hint)
            first = (bar - 1) * self.beats_per_bar + beat - 1
            count = 1 if match[2] else self.beats_per_bar
            return tuple(round((first + more) * beat_s * self.sample_rate) for more in (0, count))  # type: ignore[return-value]
        if match := _CLOCK.fullmatch(text):
            hours, minutes = int(match[1] or 0), int(match[2] or 0)
            return round((hours * 3600 + minutes * 60 + float(match[3])) * self.sample_rate), None
        raise UsageError(f"{whole!r} is no {what}", hint=hint)

    def _on_beats(self, start: int, frames: int) -> tuple[int, int] | None:
        """Return the first and the last beat of a stretch that begins and ends on beats, else None."""
        assert self.beat_s is not None
        places = [at / self.sample_rate / self.beat_s for at in (start, start + frames)]
        slack = _ON_THE_BEAT_S / self.beat_s
        if any(abs(place - round(place)) > slack for place in places):
            return None
        first, end = (round(place) for place in places)
        return (first, end - 1) if end > first else None


def _range(noun: str, first: int, last: int) -> str:
    return f"{noun} {first}" if first == last else f"{noun}s {first}–{last}"
