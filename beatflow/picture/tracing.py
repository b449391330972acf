"""Measures what pictures of a sound are drawn from, in one pass over the stretch that is to be seen.

Memory depends on how many columns are wanted and, where beats or loudness are, grows by a few kilobytes a second. Draws
nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError, UsageError
from beatflow.making.hearing import measure_file
from beatflow.mood.hearing import FEATURES_EAR, hear, measure_stretch
from beatflow.mood.remembering import Memory
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.chromagram import Chromagram, ChromaMeter
from beatflow.sound.files import AudioReader, SoundInfo, check_measurable
from beatflow.sound.hops import mix_down
from beatflow.sound.looks import AGAIN
from beatflow.sound.loudness import Course, Loudness, LoudnessMeter
from beatflow.sound.melspectrogram import MelMeter, Melspectrogram
from beatflow.sound.mood.cues import rate
from beatflow.sound.mood.rating import Mood
from beatflow.sound.onsets import OnsetMeter
from beatflow.sound.outline import Outline, OutlineMeter, choose_step
from beatflow.soundword import NamedSound
from beatflow.timecode import Clock

KINDS = ("wave", "spectrum", "chroma", "loudness", "beats", "mood")
"""What can be drawn of any sound."""

Progress = Callable[[float, str], None]
_BLOCK_FRAMES = 1 << 18
_THREADS = 2
_COMPLETE = "tempo_alternatives"
"""A figure that only a whole analysis brings."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a sound is to be seen, as it was typed; None for its start and its end."""

    start: str | None = None
    end: str | None = None

    def resolve(self, clock: Clock, info: SoundInfo) -> tuple[int, int]:
        """Return the first frame and how many there are.

        Raises
        ------
        UsageError
            It is no stretch, is empty, or begins after the end of the sound.
        """
        if self.start is None and self.end is None:
            return 0, info.frames
        span = replace(clock, sample_rate=info.sample_rate).parse_between(self.start, self.end)
        if span.start >= info.frames:
            raise UsageError(
                f"--from {self.start} is not before the end, which is at {info.duration_s:.3f} s",
                hint="give --from less",
            )
        end = info.frames if span.end is None else min(span.end, info.frames)
        return span.start, end - span.start


@dataclass(frozen=True, slots=True)
class Trace:
    """What was measured of a sound; None for what was not wanted.

    Parameters
    ----------
    subject : NamedSound
    info : SoundInfo
        Of the whole sound.
    clock : Clock
    start, frames : int
        The stretch that was measured.
    facts : dict
        What is known of the whole: ``tempo``, ``key``, ``beats`` …
    outline, spectrum, chroma, course, loudness, mood
        Of the stretch.
    onsets : ndarray or None
        Onset strength in hops of ``onset_s`` seconds.
    """

    subject: NamedSound
    info: SoundInfo
    clock: Clock
    start: int
    frames: int
    facts: dict[str, Any]
    outline: Outline | None = None
    spectrum: Melspectrogram | None = None
    chroma: Chromagram | None = None
    course: Course | None = None
    loudness: Loudness | None = None
    onsets: NDArray[np.float32] | None = None
    onset_s: float = 1.0
    mood: Mood | None = None

    @property
    def start_s(self) -> float:
        """Where the stretch begins, seconds."""
        return self.start / self.info.sample_rate

    @property
    def span_s(self) -> float:
        """How long the stretch is, seconds."""
        return self.frames / self.info.sample_rate

    def times(self, name: str) -> list[float]:
        """Return the ``beats`` or ``downbeats`` of the stretch, seconds from its start."""
        found = self.facts.get(name)
        times = [float(time) - self.start_s for time in found] if isinstance(found, list | tuple) else []
        return [time for time in times if 0 <= time < self.span_s]


def trace_sounds(
    subjects: Sequence[tuple[NamedSound, frozenset[str]]],
    stretch: Stretch,
    columns: int,
    progress: Progress,
    memory: Memory | None = None,
) -> list[Trace]:
    """Measure sounds, all on one scale of time: the longest has so many columns.

    Parameters
    ----------
    subjects : sequence of (NamedSound, set of str)
        Each with which of `KINDS` are wanted of it.
    stretch : Stretch
    columns : int
    progress : callable
        Told how much is done, and of which sound.
    memory : Memory, optional
        Where what was heard for moods is remembered.

    Raises
    ------
    AudioError
        One of them cannot be read, holds no samples, or samples that are not numbers.
    UsageError
        The stretch makes no sense.
    """
    blank = [_prepare(subject, stretch) for subject, _ in subjects]
    longest_s = max(trace.span_s for trace in blank)
    done: list[Trace] = []
    for number, (trace, (_, kinds)) in enumerate(zip(blank, subjects, strict=True)):

        def report(fraction: float, number: int = number, name: str = trace.subject.name) -> None:
            progress((number + fraction) / len(blank), name)

        step = choose_step(round(longest_s * trace.info.sample_rate), columns)
        done.append(_Tracer(trace, kinds, step, memory, report).trace())
    return done


def _prepare(subject: NamedSound, stretch: Stretch) -> Trace:
    with subject.open() as source, AudioReader(source, subject.name) as reader:
        info = reader.info
    if not info.frames:
        raise AudioError(f"{subject.name} holds no samples", hint=AGAIN)
    clock = subject.read_clock()
    return Trace(subject, info, clock, *stretch.resolve(clock, info), subject.find_facts())


class _Tracer:
    """Measures one sound; told apart from `Trace` so that meters need not outlive the pass."""

    def __init__(
        self,
        trace: Trace,
        kinds: frozenset[str],
        step: int,
        memory: Memory | None,
        report: Callable[[float], None],
    ) -> None:
        self._trace, self._kinds, self._memory, self._report = trace, kinds, memory, report
        rate, channels, frames = trace.info.sample_rate, trace.info.channels, trace.frames
        self._outline = OutlineMeter(rate, frames, step) if "wave" in kinds else None
        self._mel = MelMeter(rate, channels, frames, step) if "spectrum" in kinds else None
        self._chroma = ChromaMeter(rate, frames, step) if "chroma" in kinds else None
        self._loudness = LoudnessMeter(rate, channels) if "loudness" in kinds else None
        self._onsets = OnsetMeter(rate) if "beats" in kinds else None
        self._passes = 1 + ("mood" in kinds) + ("beats" in kinds)
        self._past = 0

    def trace(self) -> Trace:
        trace = self._trace
        facts, mood = trace.facts, None
        if self._onsets:
            facts = self._measure()
        if "mood" in self._kinds:
            mood = self._measure_mood()
        with (
            trace.subject.open() as source,
            AudioReader(source, trace.subject.name) as reader,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            for block in self._blocks(reader):
                for part in [pool.submit(add, block.samples) for add in self._meters()]:
                    part.result()
        onsets = self._onsets.result() if self._onsets else None
        course = self._loudness.course() if self._loudness else None
        return replace(
            trace,
            facts=facts,
            outline=self._outline.result() if self._outline else None,
            spectrum=self._mel.result() if self._mel else None,
            chroma=self._chroma.result() if self._chroma else None,
            course=course,
            loudness=self._loudness.result() if self._loudness else None,
            onsets=onsets.full if onsets else None,
            onset_s=1 / onsets.hop_rate if onsets else 1.0,
            mood=mood,
        )

    def _meters(self) -> list[Callable[[Samples], None]]:
        """What takes blocks, the slowest first."""
        meters = (self._chroma, self._mel, self._loudness, self._outline)
        found = [meter.add for meter in meters if meter]
        onsets = self._onsets
        return found + ([lambda samples: onsets.add(mix_down(samples))] if onsets else [])

    def _measure(self) -> dict[str, Any]:
        """Tempo and beats of the whole sound, which a stretch of it would not tell as well."""
        subject, facts = self._trace.subject, self._trace.facts
        if _COMPLETE not in facts:

            def report(fraction: float, _: str) -> None:
                self._report(fraction / self._passes)

            with subject.open() as source:
                file = Path(source) if isinstance(source, (str, PathLike)) else source
                facts = facts | measure_file(file, subject.name, progress=report)
            facts.pop("oid", None)
            subject.keep_facts(facts)
        self._past += 1
        return facts

    def _measure_mood(self) -> Mood | None:
        """How the stretch feels; of a whole sound what ``bf mood`` heard is taken, and remembered for it."""
        trace = self._trace
        if trace.frames == trace.info.frames:

            def report(fraction: float, _: str) -> None:
                self._report((self._past + fraction) / self._passes)

            features = hear(trace.subject, FEATURES_EAR, self._memory, progress=report).whole
        else:
            with trace.subject.open() as source, AudioReader(source, trace.subject.name) as reader:
                features = measure_stretch(self._blocks(reader))
        self._past += 1
        return rate(features) if features else None

    def _blocks(self, reader: AudioReader) -> Iterator[Audio]:
        """The stretch, block by block."""
        trace = self._trace
        reader.seek(trace.start)
        done = 0
        while done < trace.frames:
            block = reader.read(min(_BLOCK_FRAMES, trace.frames - done))
            if not block.frames:
                break
            check_measurable(block, trace.subject.name, trace.start + done)
            yield block
            done += block.frames
            self._report((self._past + done / trace.frames) / self._passes)
