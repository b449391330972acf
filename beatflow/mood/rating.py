"""Rating sounds: as a whole, and stretch by stretch; where there is no mood, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beatflow.ai.engine import Progress, no_progress
from beatflow.errors import BeatFlowError
from beatflow.mood.hearing import WHOLE, Division, Heard, hear, hear_all
from beatflow.mood.judge import Judge, read_mood
from beatflow.mood.remembering import Document, Memory
from beatflow.sound.mood.rating import Mood
from beatflow.soundword import NamedSound
from beatflow.workers import Outcome

SILENT = "silent, or too short to tell"
NO_MUSIC = "neither a key nor a beat: no music that this model knows"


@dataclass(frozen=True, slots=True)
class Rating:
    """The mood of a sound or of a stretch of it; where there is none, ``reason`` says why."""

    mood: Mood | None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields of the mood as plain values, ready for JSON; without one, the same with nothing in them."""
        empty: dict[str, Any] = {"mood": None, "scores": {}, "valence": None, "arousal": None, "features": {}}
        return (self.mood.to_json() if self.mood else empty) | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a sound, and how it was rated."""

    start_s: float
    end_s: float
    label: str
    rating: Rating

    @property
    def mood(self) -> Mood | None:
        """How it feels."""
        return self.rating.mood

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, ready for JSON."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "label": self.label,
            **self.rating.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Rated:
    """A sound, and how it was rated.

    Parameters
    ----------
    name : str
    oid : str or None
    duration_s : float
    rating : Rating
        Of the whole.
    sections : tuple of Moment
    small : bool
        It is the small copy that was heard.
    truncated : bool
        The file breaks off before its announced end: the rest was not heard.
    """

    name: str
    oid: str | None
    duration_s: float
    rating: Rating
    sections: tuple[Moment, ...] = ()
    small: bool = False
    truncated: bool = False

    @property
    def mood(self) -> Mood | None:
        """How the whole feels."""
        return self.rating.mood

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, ready for JSON; a mood's fields flat among them."""
        document: dict[str, Any] = {
            "path": self.name,
            "oid": self.oid,
            "duration_s": self.duration_s,
            "truncated": self.truncated,
            **self.rating.to_json(),
            "sections": [one.to_json() for one in self.sections],
        }
        if self.small:
            document["small_copy"] = True
        return document


def rate_sound(
    sound: NamedSound,
    judge: Judge,
    memory: Memory | None = None,
    division: Division = WHOLE,
    progress: Progress = no_progress,
) -> Rated:
    """Rate one sound.

    Parameters
    ----------
    memory : Memory, optional
        Where what is heard is remembered.

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """
    return _judge(sound, judge, hear(sound, judge.ear, memory, division, progress))


def rate_all(
    sounds: Sequence[NamedSound],
    judge: Judge,
    memory: Memory | None = None,
    division: Division = WHOLE,
    jobs: int | None = None,
    progress: Progress = no_progress,
) -> list[Outcome[NamedSound, Rated]]:
    """Rate sounds, several at once where the judge goes by features; what came of each, in their order.

    A sound that cannot be read stops no other: its outcome has the error.
    """
    if judge.by_features is None:
        return [
            _rate_one(sound, judge, memory, division, progress, number / len(sounds), 1 / len(sounds))
            for number, sound in enumerate(sounds)
        ]
    came = {id(outcome.item): outcome for outcome in hear_all(sounds, memory, division, jobs, progress)}
    outcomes = [came[id(sound)] for sound in sounds]
    return [
        Outcome(one.item, _judge(one.item, judge, one.result) if one.result else None, one.error)
        for one in outcomes
    ]


def _rate_one(
    sound: NamedSound,
    judge: Judge,
    memory: Memory | None,
    division: Division,
    progress: Progress,
    before: float,
    portion: float,
) -> Outcome[NamedSound, Rated]:
    def report(fraction: float, what: str) -> None:
        progress(before + fraction * portion, what)

    try:
        return Outcome(sound, rate_sound(sound, judge, memory, division, report))
    except (BeatFlowError, OSError) as error:
        return Outcome(sound, error=error)


def _judge(sound: NamedSound, judge: Judge, heard: Heard) -> Rated:
    return Rated(
        sound.name,
        heard.oid,
        heard.duration_s,
        _rate(judge, heard.whole),
        tuple(Moment(start, end, label, _rate(judge, one)) for start, end, label, one in heard.stretches),
        sound.small,
        heard.truncated,
    )


def _rate(judge: Judge, heard: Document) -> Rating:
    if not heard:
        return Rating(None, SILENT)
    mood = judge.by_features(heard) if judge.by_features else read_mood(heard)
    return Rating(mood, None if mood else NO_MUSIC)
