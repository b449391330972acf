"""Hearing what is in a recording: its notes, or its tempo, key and loudness. Joins engines, meters, files and cache."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.ai.engine import Listening, Progress, Transcription, no_progress
from beatflow.ai.listening.arranging import bring_to_tempo, lay_on_bars, lower_to_bass, swing_notes
from beatflow.ai.listening.melody import quantize_notes
from beatflow.ai.synth.words.prompt import find_figures
from beatflow.ai.table import Choice
from beatflow.delivery import digest
from beatflow.errors import AudioError, UsageError
from beatflow.making.take import CONFIDENT, Source
from beatflow.measurement import FactCache
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_measurable, check_sound, hint_missing
from beatflow.sound.looks import AGAIN
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key

PARTS = ("melody", "bass", "drums")
QUANTA = ("1/4", "1/8", "1/16", "1/8t", "1/16t")
SLOWEST, FASTEST = 40.0, 300.0
MAX_DURATION_S = 600.0
GUIDE_S = 300.0
"""How much of a recording an engine that follows it gets to hear."""
_UNHEARD_S = 0.02
_COMPLETE = "tempo_alternatives"
"""A figure that only a whole analysis brings."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a recording is to be heard, and its notes made ready.

    Parameters
    ----------
    part : str or None
        ``melody``, ``bass`` or ``drums``; None takes what has a pitch for a melody, and clear hits for drums.
    grid : str or None
        Lay the notes on this grid: ``1/16``, ``1/8``, ``1/4``, ``1/8t``, ``1/16t``.
    swing : float or None
        Percent of a pair of sixteenths that the first one takes, where they are laid on that grid.
    tempo, key : float, str or None
        What the music around them is to be in, BPM and as musicians write it.
    playing : bool
        Music is made around them: the first note comes in the first bar, in the music's tempo.
    """

    part: str | None = None
    grid: str | None = None
    swing: float | None = None
    tempo: float | None = None
    key: str | None = None
    playing: bool = False

    def check(self) -> None:
        """Refuse a part or a grid that does not exist.

        Raises
        ------
        UsageError
            It does not.
        """
        if self.part is not None and self.part not in PARTS:
            raise UsageError(f"a hum cannot be played as {self.part!r}", hint=f"--as {', '.join(PARTS)}")
        if self.grid is not None and self.grid not in QUANTA:
            raise UsageError(f"no grid {self.grid!r}", hint=f"--quantize {', '.join(QUANTA)} or off")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise UsageError(f"the tempo must be {SLOWEST:g} to {FASTEST:g} BPM, not {self.tempo:g}")
        if self.swing is not None and not 50.0 <= self.swing <= 75.0:
            raise UsageError(f"--swing must be 50 to 75 percent, not {self.swing:g}")

    def to_json(self) -> dict[str, object]:
        """What a record needs to hear the same again."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}

    @classmethod
    def from_json(cls, record: object) -> "Hearing":
        """Read what `to_json` wrote; nothing where a record is older than it, or is none."""
        known = record if isinstance(record, Mapping) else {}

        def text(name: str) -> str | None:
            return known[name] if isinstance(known.get(name), str) else None

        def number(name: str) -> float | None:
            value = known.get(name)
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

        return cls(
            text("part"),
            text("grid"),
            number("swing"),
            number("tempo"),
            text("key"),
            known.get("playing") is True,
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """The notes in a recording, and the recording as provenance names it.

    ``before`` is the tempo that they were in where another was asked for and they were brought to it; ``truncated``
    says that the file breaks off before its announced end.
    """

    transcription: Transcription
    source: Source
    before: float | None = None
    truncated: bool = False

    @property
    def tempo(self) -> float | None:
        """The tempo, unless it is a mere guess."""
        return self.source.tempo

    def write_midi(self, path: Path) -> None:
        """Write the notes as a MIDI file."""
        from beatflow.sound.midi import write_midi

        write_midi(path, {self.source.part: self.transcription.notes}, self.transcription.tempo)


def find_sound(directory: Path, file: str) -> Path:
    """Where the sound file is that an argument names.

    Raises
    ------
    UsageError
        There is none, or it is a folder.
    """
    path = directory / file
    if not path.exists():
        raise UsageError(f"{file} does not exist", hint=hint_missing(file))
    if path.is_dir():
        raise UsageError(f"{file} is a folder, not a sound", hint="name a file in it")
    return path


def hear(
    choice: Choice,
    recording: Path | BinaryIO,
    name: str,
    progress: Progress = no_progress,
    hearing: Hearing | None = None,
) -> Heard:
    """Find the notes in a recording, and make them ready for what is done with them.

    Raises
    ------
    AudioError
        It cannot be read, is too long for a hum, or has neither notes nor hits.
    UsageError
        A part or grid does not exist, or the engine hears none but melodies.
    """
    hearing = hearing or Hearing()
    hearing.check()
    with AudioReader(recording, name) as reader:
        if reader.info.duration_s > MAX_DURATION_S:
            minutes = reader.info.duration_s / 60
            raise AudioError(
                f"{name} is {minutes:.0f} minutes long; a hum is at most {MAX_DURATION_S / 60:.0f}",
                hint="cut it first: ffmpeg -i FILE -ss START_S -t SECONDS FILE.wav",
            )
        check_sound(reader)
        audio, truncated = reader.read(reader.info.frames), reader.info.truncated
    # What came through a pipe is known by its samples alone.
    oid = digest(recording) if isinstance(recording, Path) else sha256(audio.samples.tobytes()).hexdigest()
    raw = _transcribe(choice, audio, hearing, progress)
    heard, before = _make_ready(raw, hearing)
    source = Source(
        heard.notes,
        ({"path": name, "oid": oid},),
        Audio(audio.samples[: int(GUIDE_S * audio.sample_rate)], audio.sample_rate),
        audio.duration_s,
        heard.tempo if hearing.playing or hearing.tempo is not None else _sure_tempo(heard),
        heard.key if heard.part != "drums" else None,
        {"engine": choice.info.name, "engine_version": choice.info.version, **hearing.to_json()},
        heard.part,
    )
    return Heard(heard, source, before, truncated)


def _transcribe(choice: Choice, audio: Audio, hearing: Hearing, progress: Progress) -> Transcription:
    wanted = Listening("melody" if hearing.part == "bass" else hearing.part, hearing.key, hearing.tempo)
    if hearing.key:
        wanted = replace(wanted, key=str(parse_key(hearing.key)))
    if "part" in choice.info.options:
        heard: Transcription = choice.engine.transcribe(audio, progress, wanted)
        return heard
    if hearing.part == "drums":
        raise UsageError(f"engine {choice.info.name} hears melodies only", hint="leave --as drums out")
    plain: Transcription = choice.engine.transcribe(audio, progress)
    return plain


def _make_ready(heard: Transcription, hearing: Hearing) -> tuple[Transcription, float | None]:
    """The notes in the register, the tempo and on the grid that were asked for, and the tempo before where it differs.

    Without music around them they stay in time where nothing else was asked for.
    """
    notes, tempo, before = heard.notes, heard.tempo, None
    if hearing.tempo is not None:
        if heard.tempo_confidence >= CONFIDENT:
            notes, was = bring_to_tempo(notes, heard.tempo, hearing.tempo)
            before = was if was != hearing.tempo else None
        tempo = hearing.tempo
    elif hearing.playing and hearing.grid is not None:
        tempo = _round_tempo(notes, tempo)
    if hearing.part == "bass":
        notes = lower_to_bass(notes)
    if hearing.playing:
        notes = lay_on_bars(notes, tempo, hearing.grid, hearing.swing)
    elif hearing.grid is not None:
        notes = swing_notes(quantize_notes(notes, tempo, hearing.grid), tempo, hearing.grid, hearing.swing)
    part = "bass" if hearing.part == "bass" else heard.part
    return replace(heard, notes=notes, tempo=tempo, part=part), before


def _round_tempo(notes: Sequence[Note], tempo: float) -> float:
    """The whole tempo that a musician would write, where the last note is off by no more than 20 ms for it."""
    span_s = notes[-1].start_s - notes[0].start_s if notes else 0.0
    whole = float(round(tempo))
    return whole if abs(whole - tempo) / tempo * span_s <= _UNHEARD_S else tempo


def read_figures(prompt: str, tempo: float | None, key: str | None) -> tuple[float | None, str | None]:
    """The tempo and the key that are wanted: as given, or else as a prompt has them (``lofi 84 bpm in A minor``).

    What was asked for in words outweighs what is heard, as an option does.
    """
    _, worded_tempo, worded_key = find_figures(prompt)
    return worded_tempo if tempo is None else tempo, worded_key if key is None else key


def find_sixteenths(notes: Sequence[Note], tempo: float) -> list[int]:
    """On which sixteenth of a bar line's count each note stands, the first of them within the first beat."""
    return [round(note.start_s * tempo / 15.0) for note in lay_on_bars(notes, tempo, None)]


def _sure_tempo(heard: Transcription) -> float | None:
    return round(heard.tempo, 1) if heard.tempo_confidence >= CONFIDENT else None


def measure_file(
    recording: Path | BinaryIO,
    name: str,
    bpm_range: tuple[float, float] | None = None,
    memory: FactCache | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Measure a sound file: the figures of `Analysis.to_json`, its ``format`` and ``subtype``, and its ``oid``.

    Measured once for each content where there is a ``memory``.

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """
    with AudioReader(recording, name) as reader:
        oid = digest(recording) if isinstance(recording, Path) else None
        cache = memory if oid and bpm_range is None else None
        known = cache.get(oid) if cache and oid else None
        if known and _COMPLETE in known:
            return {"oid": oid, **known}
        if not reader.info.frames:
            raise AudioError(f"{name} holds no samples", hint=AGAIN)
        facts = analyze(_checked(reader, name, progress), bpm_range).to_json()
        facts |= {
            "format": reader.info.format,
            "subtype": reader.info.subtype,
            "truncated": reader.info.truncated,
        }
    if cache and oid:
        cache.put(oid, facts)
    return {"oid": oid, **facts}


def _checked(reader: AudioReader, name: str, progress: Progress) -> Iterator[Audio]:
    done = 0
    for block in reader.blocks():
        check_measurable(block, name, done)
        yield block
        done += block.frames
        progress(done / reader.info.frames, name)
