"""Rating sounds: as a whole, and stretch by stretch, in constant memory; what was heard before is remembered."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from beatflow.ai.engine import Progress, no_progress
from beatflow.errors import AudioError, UsageError
from beatflow.mood.judge import Judge
from beatflow.mood.remembering import mood_cache
from beatflow.repository import Repository
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_finite
from beatflow.sound.looks import AGAIN
from beatflow.sound.mood.features import FeatureMeter, Features
from beatflow.sound.mood.rating import Mood
from beatflow.sound.sections import Section
from beatflow.soundword import NamedSound

SHORTEST_S, LONGEST_S = 2.0, 600.0
"""Of the stretches that ``--every`` asks for."""

Stretch = tuple[float, float, str, Features]


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a sound and its mood; None where it is silent, or too short to tell."""

    start_s: float
    end_s: float
    label: str
    mood: Mood | None


@dataclass(frozen=True, slots=True)
class Rated:
    """A sound and its mood; None where it is silent, or too short to tell."""

    name: str
    oid: str | None
    duration_s: float
    mood: Mood | None
    sections: tuple[Moment, ...] = ()
    small: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, ready for JSON; a mood's fields flat among them."""
        document: dict[str, Any] = {
            "path": self.name,
            "oid": self.oid,
            "duration_s": self.duration_s,
            **flatten(self.mood),
            "sections": [
                {"start_s": one.start_s, "end_s": one.end_s, "label": one.label, **flatten(one.mood)}
                for one in self.sections
            ],
        }
        if self.small:
            document["small_copy"] = True
        return document


def flatten(mood: Mood | None) -> dict[str, Any]:
    """A mood as plain values; without one, the same fields with nothing in them."""
    if mood is None:
        return {"mood": None, "scores": {}, "valence": None, "arousal": None, "features": {}}
    return mood.to_json()


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
        return f"every {self.every_s:g}" if self.every_s is not None else "sections"


WHOLE = Division()


def rate_sound(
    subject: NamedSound,
    judge: Judge,
    repository: Repository | None = None,
    division: Division = WHOLE,
    progress: Progress = no_progress,
) -> Rated:
    """Rate one sound.

    Parameters
    ----------
    subject : NamedSound
    judge : Judge
    repository : Repository, optional
        Whose cache remembers what is measured.
    division : Division
    progress : callable

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """
    with subject.open() as source, AudioReader(source, subject.name) as reader:
        if not reader.info.frames:
            raise AudioError(f"{subject.name} holds no samples", hint=AGAIN)
        hearing = _Hearing(reader, subject, judge, repository, division, progress)
        mood, moments = hearing.rate()
        return Rated(
            subject.name,
            subject.oid,
            round(reader.info.duration_s, 6),
            mood,
            tuple(moments),
            subject.small,
        )


class _Hearing:
    """One sound that is open."""

    def __init__(
        self,
        reader: AudioReader,
        subject: NamedSound,
        judge: Judge,
        repository: Repository | None,
        division: Division,
        progress: Progress,
    ) -> None:
        self._reader, self._subject, self._judge = reader, subject, judge
        self._division, self._progress = division, progress
        self._repository = repository if subject.oid and not subject.small else None
        self._passes, self._pass = 1 + bool(division), 0

    def rate(self) -> tuple[Mood | None, list[Moment]]:
        """The mood of the whole, and of its stretches."""
        judge = self._judge
        if judge.by_features:
            whole = self._measure()
            mood = judge.by_features(whole) if whole else None
            return mood, [
                Moment(start, end, label, judge.by_features(features) if features else None)
                for start, end, label, features in self._measure_stretches()
            ]
        assert judge.by_sound is not None
        mood = judge.by_sound(self._blocks(), self._progress)
        if not self._division:
            return mood, []
        sections = self._divide()
        parts = _cut(self._blocks(), sections)
        return mood, [
            Moment(section.start_s, section.end_s, section.label, judge.by_sound(part, no_progress))
            for section, part in zip(sections, parts, strict=True)
        ]

    def _measure(self) -> Features:
        known = self._recall("")
        if known:
            return known[0][3]
        features = measure_stretch(self._blocks())
        self._remember([(0.0, self._reader.info.duration_s, "", features)], "")
        return features

    def _measure_stretches(self) -> list[Stretch]:
        if not self._division:
            return []
        known = self._recall(str(self._division))
        if known is not None:
            return known
        sections = self._divide()
        parts = _cut(self._blocks(), sections)
        stretches = [
            (section.start_s, section.end_s, section.label, measure_stretch(part))
            for section, part in zip(sections, parts, strict=True)
        ]
        self._remember(stretches, str(self._division))
        return stretches

    def _divide(self) -> list[Section]:
        info = self._reader.info
        every = self._division.every_s
        if every is not None:
            return _lay_out(info.duration_s, every)
        known = self._repository.analysis_cache.get(self._subject.oid or "") if self._repository else None
        if known and "sections" in known:
            return [Section(one["start_s"], one["end_s"], one["label"]) for one in known["sections"]]
        self._passes += 1
        analysis = analyze(self._blocks())
        if self._repository and self._subject.oid:
            found = {"format": info.format, "subtype": info.subtype, "truncated": info.truncated}
            self._repository.analysis_cache.put(self._subject.oid, analysis.to_json() | found)
        return list(analysis.sections)

    def _recall(self, division: str) -> list[Stretch] | None:
        oid = self._subject.oid
        return mood_cache(self._repository).get(oid, division) if self._repository and oid else None

    def _remember(self, stretches: list[Stretch], division: str) -> None:
        if self._repository and self._subject.oid:
            mood_cache(self._repository).put(self._subject.oid, stretches, division)

    def _blocks(self) -> Iterator[Audio]:
        """All of the sound, from its start, once more."""
        done, frames = 0, self._reader.info.frames
        self._reader.seek(0)
        for block in self._reader.blocks():
            check_finite(block, self._subject.name, done)
            yield block
            done += block.frames
            self._progress(min(1.0, (self._pass + done / frames) / self._passes), self._subject.name)
        self._pass += 1


def measure_stretch(blocks: Iterable[Audio]) -> Features:
    """Measure features; empty also where there are no blocks."""
    meter = None
    with ThreadPoolExecutor(2) as helpers:
        for block in blocks:
            meter = meter or FeatureMeter(block.sample_rate, block.channels)
            meter.add(block, helpers)
    return meter.result() if meter else {}


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
