"""Hearing sounds whole and stretch by stretch, in constant memory, several at once; what was heard is remembered.

Knows no moods: an `Ear` makes of a stretch what is kept of it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from beatflow.ai.engine import Progress, no_progress
from beatflow.errors import AudioError, UsageError
from beatflow.mood.remembering import Document, Memory, Stretch
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_measurable
from beatflow.sound.looks import AGAIN
from beatflow.sound.mood.features import FeatureMeter, Features
from beatflow.sound.sections import Section
from beatflow.soundword import NamedSound
from beatflow.workers import Outcome, count_workers, run_all

SHORTEST_S, LONGEST_S = 2.0, 600.0
"""Of the stretches that ``--every`` asks for."""
_THREADS = 2
"""So many cores one sound keeps busy."""


@dataclass(frozen=True, slots=True)
class Division:
    """How a sound is divided: not at all, into its sections, or every so many seconds."""

    sections: bool = False
    every_s: float | None = None

    def __post_init__(self) -> None:
        if self.every_s is not None and not SHORTEST_S <= self.every_s <= LONGEST_S:
            raise UsageError(
                f"stretches of {self.every_s:g} s",
                hint=f"{SHORTEST_S:g} to {LONGEST_S:g} seconds: --every 15",
            )

    def __bool__(self) -> bool:
        return self.sections or self.every_s is not None

    def __str__(self) -> str:
        if not self:
            return ""
        return f"every {self.every_s:g}" if self.every_s is not None else "sections"


WHOLE = Division()


def measure_stretch(blocks: Iterable[Audio], progress: Progress = no_progress) -> Features:
    """Measure features; empty also where there are no blocks."""
    meter = None
    with ThreadPoolExecutor(_THREADS) as helpers:
        for block in blocks:
            meter = meter or FeatureMeter(block.sample_rate, block.channels)
            meter.add(block, helpers)
    return meter.result() if meter else {}


def read_features(document: Any) -> Document:
    """Read features that were remembered."""
    return {str(name): float(value) for name, value in document.items()}


@dataclass(frozen=True, slots=True)
class Ear:
    """Who listens.

    Parameters
    ----------
    listen : callable
        Takes the blocks of a stretch, gives what is kept of it: plain values, empty where there is nothing to hear.
    accept : callable
        Reads what it gave once.
    key : str or None
        Whatever that depends on besides the sound; None where that is not known, and nothing can be remembered.
    """

    listen: Callable[[Iterable[Audio], Progress], Document] = measure_stretch
    accept: Callable[[Any], Document] = read_features
    key: str | None = ""


FEATURES_EAR = Ear()
"""Measures the features; the only one that can be sent to another process."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a sound as a whole, and in its stretches.

    ``truncated`` says that the file breaks off before its announced end.
    """

    oid: str | None
    duration_s: float
    truncated: bool
    whole: Document
    stretches: tuple[Stretch, ...] = ()


def hear(
    sound: NamedSound,
    ear: Ear = FEATURES_EAR,
    memory: Memory | None = None,
    division: Division = WHOLE,
    progress: Progress = no_progress,
) -> Heard:
    """Hear one sound.

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """
    with sound.open() as source, AudioReader(source, sound.name) as reader:
        if not reader.info.frames:
            raise AudioError(f"{sound.name} holds no samples", hint=AGAIN)
        return _Hearing(reader, sound, ear, memory, progress).hear(division)


@dataclass(frozen=True)
class _Job:
    """A sound to hear in another process, which knows no repository."""

    sound: NamedSound
    memory: Memory | None
    division: Division
    number: int


def hear_all(
    sounds: Sequence[NamedSound],
    memory: Memory | None = None,
    division: Division = WHOLE,
    jobs: int | None = None,
    progress: Progress = no_progress,
) -> Iterator[Outcome[NamedSound, Heard]]:
    """Measure the features of sounds, several at once, and yield what came of each, in any order.

    Parameters
    ----------
    jobs : int or None
        How many at once; None for as many as there are cores for. Sounds of which only the audio store has the bytes
        are all heard in this process.
    """
    apart = all(sound.file for sound in sounds)
    workers = count_workers(len(sounds), jobs, _THREADS) if apart else 1
    done = [0.0] * len(sounds)

    def report(job: _Job, fraction: float, what: str) -> None:
        done[job.number] = fraction
        progress(sum(done) / len(sounds), what)

    tasks = [
        _Job(replace(sound, repository=None) if workers > 1 else sound, memory, division, number)
        for number, sound in enumerate(sounds)
    ]
    for outcome in run_all(tasks, _hear_apart, workers, report):
        report(outcome.item, 1.0, outcome.item.sound.name)
        yield Outcome(sounds[outcome.item.number], outcome.result, outcome.error)


def _hear_apart(job: _Job, report: Callable[[float, str], None]) -> Heard:
    return hear(job.sound, FEATURES_EAR, job.memory, job.division, report)


class _Hearing:
    """One sound that is open."""

    def __init__(
        self, reader: AudioReader, sound: NamedSound, ear: Ear, memory: Memory | None, progress: Progress
    ) -> None:
        self._reader, self._sound, self._ear = reader, sound, ear
        self._progress = progress
        self._oid = sound.oid
        self._memory = memory if self._oid and not sound.small else None
        self._passes, self._pass = 1, 0

    def hear(self, division: Division) -> Heard:
        """Hear the whole, then its stretches."""
        info = self._reader.info
        self._passes += bool(division)
        (whole, *_) = self._recall(WHOLE) or self._take(WHOLE, [Section(0.0, info.duration_s, "")])
        stretches: list[Stretch] = []
        if division:
            known = self._recall(division)
            stretches = known if known is not None else self._take(division, self._divide(division))
        return Heard(self._oid, round(info.duration_s, 6), info.truncated, whole[3], tuple(stretches))

    def _take(self, division: Division, sections: list[Section]) -> list[Stretch]:
        parts = _cut(self._blocks(), sections)
        tell = no_progress if division else self._progress
        stretches = [
            (section.start_s, section.end_s, section.label, self._ear.listen(part, tell))
            for section, part in zip(sections, parts, strict=True)
        ]
        if self._memory and self._oid and self._ear.key is not None:
            self._memory.heard.put(self._oid, f"{self._ear.key}{division}", stretches)
        return stretches

    def _recall(self, division: Division) -> list[Stretch] | None:
        if self._memory is None or self._oid is None or self._ear.key is None:
            return None
        return self._memory.heard.get(self._oid, f"{self._ear.key}{division}", self._ear.accept)

    def _divide(self, division: Division) -> list[Section]:
        info = self._reader.info
        if division.every_s is not None:
            return _lay_out(info.duration_s, division.every_s)
        known = self._memory.facts.get(self._oid or "") if self._memory else None
        if known and "sections" in known:
            return [Section(one["start_s"], one["end_s"], one["label"]) for one in known["sections"]]
        self._passes += 1
        analysis = analyze(self._blocks())
        if self._memory and self._oid:
            found = {"format": info.format, "subtype": info.subtype, "truncated": info.truncated}
            self._memory.facts.put(self._oid, analysis.to_json() | found)
        return list(analysis.sections)

    def _blocks(self) -> Iterator[Audio]:
        """All of the sound, from its start, once more."""
        done, frames = 0, self._reader.info.frames
        self._reader.seek(0)
        for block in self._reader.blocks():
            check_measurable(block, self._sound.name, done)
            yield block
            done += block.frames
            self._progress(min(1.0, (self._pass + done / frames) / self._passes), self._sound.name)
        self._pass += 1


def _lay_out(duration_s: float, every_s: float) -> list[Section]:
    """Stretches of one length; a rest of less than half of it belongs to the last."""
    count = max(1, int(duration_s / every_s + 0.5))
    edges = [round(number * every_s, 3) for number in range(count)] + [round(duration_s, 3)]
    return [Section(start, end, "") for start, end in pairwise(edges)]


def _cut(blocks: Iterable[Audio], sections: list[Section]) -> Iterator[Iterator[Audio]]:
    """The blocks of each section, which have to be taken before those of the next."""
    stream = iter(blocks)
    rest: list[Audio] = []
    position = 0

    def take(end_s: float, last: bool) -> Iterator[Audio]:
        nonlocal position
        while True:
            block = rest.pop() if rest else next(stream, None)
            if block is None:
                return
            room = block.frames if last else round(end_s * block.sample_rate) - position
            if room < block.frames:
                rest.append(Audio(block.samples[max(0, room) :], block.sample_rate))
                block = Audio(block.samples[: max(0, room)], block.sample_rate)
            position += block.frames
            if block.frames:
                yield block
            if rest:
                return

    for number, section in enumerate(sections):
        yield take(section.end_s, number == len(sections) - 1)
