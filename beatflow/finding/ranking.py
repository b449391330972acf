"""How a sound is judged against one that was given: how like it is, where its tune comes, where it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beatflow.finding.card import Card
from beatflow.finding.character import Likeness, compare
from beatflow.finding.facts import Figures
from beatflow.finding.occurrences import Occurrence, clip, find_occurrences, overlap
from beatflow.finding.threads import iter_blocks
from beatflow.finding.tune import Melogram, TuneMatch, find_tune
from beatflow.finding.versions import Version
from beatflow.finding.waveform import Part, find_waveform
from beatflow.sound.files import AudioReader

LEAST_LIKENESS = 0.3
LEAST_TUNE = 0.25
_SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True)
class Match:
    """How a version matches.

    Parameters
    ----------
    score : float
        What finds are ranked by; 0 to 1 for likeness and tunes, standard deviations for samples.
    likeness : Likeness or None
    tune : TuneMatch or None
    occurrences : tuple of Occurrence
        Where a sample is used.
    recorded : bool
        Its provenance says that it was made from the sample.
    """

    score: float
    likeness: Likeness | None = None
    tune: TuneMatch | None = None
    occurrences: tuple[Occurrence, ...] = ()
    recorded: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values; what does not belong to this kind of match is left out."""
        document: dict[str, Any] = {"score": round(self.score, 3)}
        if self.likeness:
            document["likeness"] = {
                name: getattr(self.likeness, name) for name in ("overall", "timbre", "rhythm", "harmony")
            }
            document |= {"start_s": self.likeness.start_s, "end_s": self.likeness.end_s}
        if self.tune:
            document |= {
                "start_s": round(self.tune.start_s, 2),
                "end_s": round(self.tune.end_s, 2),
                "semitones": self.tune.semitones,
                "pace": self.tune.pace,
            }
        if self.occurrences or self.recorded:
            document["recorded"] = self.recorded
            document["occurrences"] = [
                {name: getattr(one, name) for name in one.__dataclass_fields__} for one in self.occurrences
            ]
        return document


@dataclass(frozen=True, slots=True)
class Likening:
    """Judges how like sounds are to one that was given.

    Parameters
    ----------
    oid : str or None
        Of the given sound, which is not found itself.
    card : Card
    by : str
        ``melody``, ``sound`` or one of its aspects.
    tune : Melogram
        Of the given sound, for ``melody``.
    """

    oid: str | None
    card: Card
    by: str
    tune: Melogram

    def match(self, card: Card, figures: Figures) -> Match | None:
        """Judge a sound; None for one that is not like it at all."""
        if self.by == "melody":
            tune = find_tune(self.tune, card.melogram)
            return Match(tune.score, tune=tune) if tune and tune.score >= LEAST_TUNE else None
        likeness = compare(self.card.windows, card.windows, None if self.by == "sound" else self.by)
        if likeness is None or likeness.overall < LEAST_LIKENESS:
            return None
        return Match(likeness.overall, likeness)


@dataclass(frozen=True, slots=True)
class Using:
    """Judges whether sounds use one that was given.

    Parameters
    ----------
    oid : str or None
        Of the given sound: a version that is nothing but the sample does not use it.
    card : Card
    parts : sequence of Part
        Its waveform; none where that is not to be looked for.
    stretched : bool
        Look for it a little faster and slower as well.
    """

    oid: str | None
    card: Card
    parts: Sequence[Part] = ()
    stretched: bool = True

    def match(self, card: Card, figures: Figures) -> Match | None:
        """Judge a sound by its landmarks and its record; None for one that, so far, does not use it."""
        found = find_occurrences(self.card.landmarks, card.landmarks, self.stretched)
        recorded = self.oid is not None and self.oid in figures.inputs
        if not found and not recorded:
            return None
        return _conclude([clip(one, card.duration_s) for one in found], recorded)

    def hear(self, version: Version) -> list[Occurrence]:
        """Find its very waveform in a sound.

        Raises
        ------
        AudioError
            The sound cannot be read.
        """
        with version.subject.open() as source, AudioReader(source, version.path) as reader:
            return find_waveform(self.parts, iter_blocks(reader))

    def prove(self, match: Match | None, heard: Sequence[Occurrence], duration_s: float) -> Match:
        """Put what was heard of the waveform in place of what landmarks told of the same places."""
        exact = [clip(one, duration_s) for one in heard]
        rest = [
            one
            for one in (match.occurrences if match else ())
            if all(overlap(one, other) < _SAME_PLACE for other in exact)
        ]
        return _conclude([*exact, *rest], match is not None and match.recorded)


def _conclude(occurrences: Sequence[Occurrence], recorded: bool) -> Match:
    ordered = tuple(sorted(occurrences, key=lambda one: one.start_s))
    return Match(max((one.score for one in ordered), default=0.0), None, None, ordered, recorded)
