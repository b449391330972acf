"""The figures that a version is found by: told by whoever made it or by the score, and only else measured.

A tempo or a key that was asked for and kept holds for what was made, those of ``track.toml`` for the mix and the stems
that it names; a mood and a length are each sound's own. What is measured is remembered by the sound's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beatflow.errors import BeatFlowError
from beatflow.finding.request import Request
from beatflow.finding.versions import Version
from beatflow.history import read_track
from beatflow.objects.git.value import Commit
from beatflow.provenance import Record, RecordFinder
from beatflow.repository import Repository
from beatflow.sound.mood.rating import Mood
from beatflow.track import TRACK_FILE, Track

MEASURED = "measured"
_COMPLETE = "tempo_alternatives"
_CONFIDENT = 0.3


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a version; None for what is not.

    ``tempo_told`` and ``key_told`` say by whom: ``provenance``, ``track.toml`` or ``measured``; ``alternatives`` are
    tempi that could as well be meant.
    """

    tempo: float | None = None
    tempo_told: str | None = None
    alternatives: tuple[float, ...] = ()
    key: str | None = None
    key_told: str | None = None
    duration_s: float | None = None
    mood: Mood | None = None
    engine: str | None = None
    prompt: str | None = None
    inputs: tuple[str, ...] = ()


@dataclass(slots=True)
class Teller:
    """Tells figures of a track's or a folder's versions; what commits share is read once.

    Parameters
    ----------
    repository : Repository or None
        None for a folder.
    """

    repository: Repository | None
    _records: dict[str, Record] = field(default_factory=dict)
    _tracks: dict[str, Track] = field(default_factory=dict)
    _folder_facts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def prepare(self, versions: "list[Version]") -> None:
        """Read the records of provenance of all versions at once."""
        if self.repository:
            finder = RecordFinder(self.repository)
            self._records = finder(dict.fromkeys(version.oid for version in versions))

    def tell(self, version: Version) -> Figures:
        """What is known without listening."""
        record = self._records.get(version.oid, {})
        made = record.get("measured") or {}
        track = self._track(version.commit) if version.commit else self._loose_track()
        scored = version.path in (track.mix_file, *(stem.file for stem in track.stems.values()))
        heard = self._heard(version)
        tempo, tempo_told = _first(
            (_number(made.get("tempo")), "provenance"),
            (track.tempo if scored else None, TRACK_FILE),
            (_confident(heard), MEASURED),
        )
        key, key_told = _first(
            (made.get("key") if isinstance(made.get("key"), str) else None, "provenance"),
            (track.key if scored else None, TRACK_FILE),
            (heard.get("key"), MEASURED),
        )
        alternatives = heard.get(_COMPLETE) or () if tempo_told == MEASURED else ()
        return Figures(
            tempo,
            tempo_told,
            tuple(alternatives),
            key,
            key_told,
            _number(heard.get("duration_s")),
            None,
            _text(record.get("engine")),
            _text(record.get("prompt")),
            tuple(item["oid"] for item in record.get("inputs", ()) if item.get("oid")),
        )

    def title(self, version: Version) -> str | None:
        """What the score calls the music that a version belongs to."""
        return (self._track(version.commit) if version.commit else self._loose_track()).title

    def needs_listening(self, version: Version, figures: Figures, request: Request) -> bool:
        """Say whether something that is asked for can only be told by measuring the sound."""
        unknown = (request.tempo and figures.tempo is None) or (request.key and figures.key is None)
        return bool(unknown) and _COMPLETE not in self._heard(version)

    def listen(self, version: Version) -> None:
        """Measure tempo, key and what else is measured with them, and remember it.

        Raises
        ------
        BeatFlowError
            It cannot be read.
        """
        from beatflow.sound.analysis import analyze
        from beatflow.sound.files import AudioReader

        with version.subject.open() as source, AudioReader(source, version.path) as reader:
            facts = analyze(reader.blocks()).to_json()
            info = reader.info
        facts |= {"format": info.format, "subtype": info.subtype, "truncated": info.truncated}
        self._folder_facts[version.card_id] = facts
        if self.repository and not version.subject.small:
            self.repository.analysis_cache.put(version.oid, facts)

    def measure_length(self, version: Version) -> float | None:
        """How long a sound is, by its header."""
        from beatflow.sound.files import read_info

        try:
            with version.subject.open() as source:
                return read_info(source, version.path).duration_s
        except BeatFlowError:
            return None

    def rate(self, version: Version) -> Mood | None:
        """How a sound feels, by the embedded model; None for silence and what cannot be told.

        Raises
        ------
        BeatFlowError
            It cannot be read.
        """
        from beatflow.mood.judge import Judge
        from beatflow.mood.rating import rate_sound
        from beatflow.mood.remembering import find_memory
        from beatflow.sound.mood.cues import rate
        from beatflow.sound.mood.rating import MOODS

        judge = Judge("cues", "", MOODS, by_features=rate)
        return rate_sound(version.subject, judge, find_memory(self.repository)).mood

    def _heard(self, version: Version) -> Mapping[str, Any]:
        known = self._folder_facts.get(version.card_id)
        if known is None and self.repository:
            known = self.repository.analysis_cache.get(version.oid)
        return known or {}

    def _track(self, commit: Commit) -> Track:
        if commit.oid not in self._tracks:
            assert self.repository is not None
            entry = self.repository.git.find_entry(commit.tree, TRACK_FILE)
            self._tracks[commit.oid] = read_track(self.repository, {TRACK_FILE: entry} if entry else {})
        return self._tracks[commit.oid]

    def _loose_track(self) -> Track:
        head = self.repository.head if self.repository else None
        return self._track(self.repository.git.read_commit(head)) if self.repository and head else Track()


def _first(*told: tuple[Any, str]) -> tuple[Any, str | None]:
    return next(((value, who) for value, who in told if value is not None), (None, None))


def _confident(heard: Mapping[str, Any]) -> float | None:
    return _number(heard.get("tempo")) if heard.get("tempo_confidence", 1.0) >= _CONFIDENT else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
