"""Writes what was read of a track into the library's tables: sounds, runs of engines, events, words.

Knows no repository: it is handed a `Reading`.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from beatflow.library.fulltext import add_words, drop_orphans, drop_words, tokenize
from beatflow.library.reading import FoundSound, Reading, parse_time
from beatflow.library.schema import Commit, Document, Event, Generation, Sound, Track
from beatflow.objects.ids import is_oid

RUNS = ("generate", "hum", "extend", "split", "remix")
"""What a record's ``kind`` is where an engine, or a remix, made the sound."""
RECORDING, PLAYED = "recording", "file"
_BULK = 500
_UNTOLD = ("packages", "context", "schema")
"""What of a record is not among the parameters of a run: much, and of use to nobody but ``bf reproduce``."""

T = TypeVar("T")


def record(session: Session, track: Track, reading: Reading) -> None:
    """Take in what was read of a track, which has an id already."""
    if reading.afresh:
        forget_contents(session, track.id)
    Recorder(session, track, reading).run()


def forget_contents(session: Session, track_id: int) -> None:
    """Remove all that is known of what is in a track."""
    for table in (Document, Event, Sound, Generation, Commit):
        session.execute(delete(table).where(table.track_id == track_id))
    drop_orphans(session)
    session.expire_all()


class Recorder:
    """Takes one reading in."""

    def __init__(self, session: Session, track: Track, reading: Reading) -> None:
        self._session = session
        self._track_id = track.id
        self._title = reading.title
        self._is_renamed = track.title not in ("", reading.title)
        self._reading = reading
        self._sounds: dict[str, Sound] = {}
        self._runs: dict[str, Generation] = {}
        self._touched: dict[str, Sound] = {}

    def run(self) -> None:
        """Do it: what was noted first, then what records and commits say, then the words of it all."""
        session, reading = self._session, self._reading
        self._look_up()
        for event in reading.events:
            self._take_event(event)
        session.flush()
        messages = {commit.oid: commit for commit in reading.commits}
        for found in reading.sounds:
            commit = messages.get(found.commit or "")
            self._take_sound(found, commit.message.strip() if commit else None)
        for oid, facts in reading.learned.items():
            if oid in self._sounds:
                _learn(self._sounds[oid], facts)
        rows = [
            Commit(
                track_id=self._track_id, oid=commit.oid, at_s=float(commit.time_s),
                offset_min=commit.author.offset_min, author=commit.author.name, message=commit.message.strip(),
            )
            for commit in reading.commits
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        self._index(rows)

    # What is known -----------------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Load the sounds and the runs that this reading is about."""
        reading = self._reading
        oids = {found.oid for found in reading.sounds} | set(reading.learned)
        for event in reading.events:
            oids |= {oid for oid, _, _ in _iter_files(event)}
        for some in _in_pieces(sorted(oids)):
            rows = self._session.scalars(
                select(Sound).where(Sound.track_id == self._track_id, Sound.oid.in_(some))
            )
            self._sounds |= {row.oid: row for row in rows}
        runs = {name for found in reading.sounds if found.record and (name := name_run(found))}
        for some in _in_pieces(sorted(runs)):
            made = self._session.scalars(
                select(Generation).where(Generation.track_id == self._track_id, Generation.run.in_(some))
            )
            self._runs |= {row.run: row for row in made if row.run}

    def _sound(self, oid: str, path: str, at: tuple[float, int], kind: str) -> Sound:
        """Return the sound of an oid, made where it is new."""
        sound = self._sounds.get(oid)
        if sound is None:
            sound = Sound(
                track_id=self._track_id, oid=oid, at_s=at[0], offset_min=at[1], path=path, kind=kind
            )
            self._session.add(sound)
            self._sounds[oid] = sound
        self._touched[oid] = sound
        return sound

    # What was noted ----------------------------------------------------------------------------------

    def _take_event(self, event: Mapping[str, Any]) -> None:
        at = parse_time(event["at"])
        if at is None:
            return
        if event["kind"] == "generation":
            self._take_run(event, at)
            return
        oid, path = _text(event.get("oid")), _text(event.get("path"))
        if oid and is_oid(oid):
            self._sound(oid, path or "", at, PLAYED)
            self._session.add(Event(track_id=self._track_id, kind=event["kind"], oid=oid, at_s=at[0]))

    def _take_run(self, event: Mapping[str, Any], at: tuple[float, int]) -> None:
        """Take in a run of an engine that was noted, and link what it made to it."""
        files = list(_iter_files(event))
        command = _text(event.get("command")) or "generate"
        run = _make_run(event, at, command, self._track_id)
        run.noted, run.ok = True, bool(event.get("ok"))
        run.error, run.exit_code = _text(event.get("error")), _whole(event.get("exit_code"))
        if files:
            run.oid, run.path = files[0][0], files[0][1]
        self._session.add(run)
        for number, (oid, path, name) in enumerate(files):
            sound = self._sound(oid, path, at, command)
            self._drop_unnoted(sound.generation)
            sound.generation, sound.kind, sound.path = run, command, path
            sound.stem = name if number or command == "split" else None
            sound.at_s, sound.offset_min = at
            _describe(sound, run)

    def _drop_unnoted(self, run: Generation | None) -> None:
        """Forget a run that was only read from records, now that what was noted of it is here."""
        if run is None or run.noted:
            return
        self._runs = {name: other for name, other in self._runs.items() if other is not run}
        for sound in self._session.scalars(select(Sound).where(Sound.generation_id == run.id)).all():
            sound.generation = None
        self._session.delete(run)
        self._session.flush()

    # What commits and records say ----------------------------------------------------------------------

    def _take_sound(self, found: FoundSound, message: str | None) -> None:
        at = found.at_s, found.offset_min
        sound = self._sound(found.oid, found.path or "", at, RECORDING)
        if sound.kind == PLAYED:
            sound.kind, sound.at_s, sound.offset_min = RECORDING, *at
        if found.commit:
            sound.commit, sound.message = found.commit, message
            sound.path, sound.size_bytes = found.path or sound.path, found.size_bytes
        if found.record:
            self._take_record(sound, found, found.record)
        elif sound.stem is None:
            sound.stem = self._reading.stems.get(sound.path)

    def _take_record(self, sound: Sound, found: FoundSound, record: Mapping[str, Any]) -> None:
        """Take in where a sound comes from, and the run that made it where nobody noted that."""
        sound.kind = _text(record.get("kind")) or sound.kind
        sound.stem = _text(record.get("stem")) or sound.stem
        run, name = sound.generation, name_run(found)
        if run is None and name:
            run = self._runs.get(name)
            if run is None:
                command = "generate" if sound.kind == "mix" else sound.kind
                run = _make_run(record, (found.at_s, found.offset_min), command, self._track_id)
                run.noted, run.ok, run.run = False, True, name
                self._session.add(run)
                self._runs[name] = run
            sound.generation = run
        if run is not None:
            run.parameters = _tell_parameters(record)
            if sound.stem is None or run.oid is None:
                run.oid, run.path = sound.oid, sound.path or run.path
        measured = record.get("measured")
        figures = {**(measured if isinstance(measured, Mapping) and not sound.stem else {}), **record}
        sound.prompt = _text(record.get("prompt")) or sound.prompt
        sound.engine = _text(record.get("engine")) or sound.engine
        _learn(sound, {name: value for name, value in figures.items() if value is not None})
        if sound.duration_s is None:
            sound.duration_s = _tell_duration(record)

    # Words -------------------------------------------------------------------------------------------

    def _index(self, commits: Sequence[Commit]) -> None:
        """Have sounds found by what is known of them, and commits that brought none by their messages."""
        session = self._session
        sounds: Sequence[Sound] = list(self._touched.values())
        if self._is_renamed:
            sounds = session.scalars(select(Sound).where(Sound.track_id == self._track_id)).all()
            commits = session.scalars(select(Commit).where(Commit.track_id == self._track_id)).all()
        self._drop_words(Document.sound_id, [sound.id for sound in sounds])
        self._drop_words(Document.commit_id, [commit.id for commit in commits])
        documents = []
        for sound in sounds:
            told = (
                sound.prompt,
                sound.message,
                self._title,
                sound.path,
                sound.engine,
                sound.kind,
                sound.stem,
            )
            documents.append((Document(track_id=self._track_id, sound_id=sound.id), _words(told)))
        brought = {sound.commit for sound in sounds if sound.stem is None}
        for commit in commits:
            if commit.oid not in brought:
                document = Document(track_id=self._track_id, commit_id=commit.id)
                documents.append((document, _words((commit.message, self._title))))
        session.add_all(document for document, _ in documents)
        session.flush()
        add_words(session, ((document.id, words) for document, words in documents))

    def _drop_words(self, column: InstrumentedAttribute[int | None], ids: Sequence[int]) -> None:
        """Forget the words of sounds or commits of which more is known now."""
        for some in _in_pieces(ids):
            known = list(self._session.scalars(select(Document.id).where(column.in_(some))))
            drop_words(self._session, known)
            self._session.execute(delete(Document).where(Document.id.in_(known)))


def name_run(found: FoundSound) -> str | None:
    """Return what the records of one run's sounds have in common; None for what no run of an engine made."""
    record = found.record or {}
    kind = record.get("kind")
    if kind == "mix" and record.get("engine") not in (None, "mix"):
        # With a new stem comes a new mix; both are of one run. `bf mix` alone is no run of an engine.
        kind = "generate"
    if kind not in RUNS:
        return None
    chief = record.get("mix") if "stem" in record else None
    told = [kind, chief or found.oid, record.get("engine"), record.get("seed"), record.get("seconds")]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def _make_run(facts: Mapping[str, Any], at: tuple[float, int], command: str, track_id: int) -> Generation:
    seed = facts.get("seed")
    return Generation(
        track_id=track_id, at_s=at[0], offset_min=at[1], command=command,
        prompt=_text(facts.get("prompt")), engine=_text(facts.get("engine")),
        engine_version=_text(facts.get("engine_version")), seed=None if seed is None else str(seed),
        tempo=_number(facts.get("tempo")), key=_text(facts.get("key")),
        duration_s=_number(facts.get("duration_s")) or _tell_duration(facts),
        seconds=_number(facts.get("seconds")), real_time_factor=_number(facts.get("real_time_factor")),
        device=_text(facts.get("device")), dtype=_text(facts.get("dtype")), runtime=_text(facts.get("runtime")),
        parameters=_tell_parameters(facts),
    )  # fmt: skip


def _tell_parameters(facts: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in facts.items() if name not in _UNTOLD}, sort_keys=True)


def _tell_duration(record: Mapping[str, Any]) -> float | None:
    """How long a sound is, from how fast it was made; rounded, as those figures are."""
    seconds, factor = _number(record.get("seconds")), _number(record.get("real_time_factor"))
    return round(seconds * factor, 1) if seconds and factor else None


def _describe(sound: Sound, run: Generation) -> None:
    sound.prompt, sound.engine = run.prompt, run.engine
    sound.tempo, sound.key, sound.duration_s = run.tempo, run.key, run.duration_s


def _learn(sound: Sound, facts: Mapping[str, Any]) -> None:
    """Take in what was measured, where it is not known yet."""
    sound.tempo = sound.tempo if sound.tempo is not None else _number(facts.get("tempo"))
    sound.key = sound.key or _text(facts.get("key"))
    sound.duration_s = sound.duration_s or _number(facts.get("duration_s"))


def _iter_files(event: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield oid, path and name of the sounds that an event is about."""
    sounds = event.get("sounds")
    for item in sounds if isinstance(sounds, list) else [event]:
        if isinstance(item, Mapping) and isinstance(oid := item.get("oid"), str) and is_oid(oid):
            yield oid, _text(item.get("path")) or "", _text(item.get("name")) or ""


def _words(texts: Iterable[str | None]) -> list[str]:
    return [word for text in texts if text for word in tokenize(text)]


def _in_pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield a few at a time: databases take only so many values in one question."""
    for start in range(0, len(items), _BULK):
        yield items[start : start + _BULK]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 1 << 31 else None
