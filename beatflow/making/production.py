"""Making music: what an engine is asked for, what it gave, and the files and records that come of it.

Joins engines with files and tracks. Prints nothing; what is worth telling is in what it returns.
"""

import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beatflow import __version__
from beatflow.ai.engine import Brief, Guide, Performance, Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, Place, check_new, digest
from beatflow.making.request import BARS_RANGE, Request, draw_seed, folder_name
from beatflow.provenance import find_record
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.formats import get_format
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key
from beatflow.sound.writing import write_audio
from beatflow.track import DEFAULT_MIX, TRACK_FILE, edit_track, parse_track

_PACKAGES = ("numpy", "scipy", "torch", "transformers", "demucs", "audiocraft")


@dataclass(frozen=True, slots=True)
class Made:
    """What an engine gave, for which brief, and how long it took."""

    choice: Choice
    brief: Brief
    performance: Performance
    seconds: float
    request: Request
    inputs: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A sound that was written."""

    name: str
    path: Path
    oid: str


@dataclass(frozen=True, slots=True)
class Take:
    """One piece of music, and where it lies."""

    prompt: str
    seed: int
    engine: str
    engine_version: str
    tempo: float
    key: str
    meter: str
    bars: int
    frames: int
    sample_rate: int
    duration_s: float
    seconds: float
    real_time_factor: float
    mix: SoundFile | None
    stems: tuple[SoundFile, ...] = ()
    midi: Path | None = None
    measured: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """What music is made around: the notes of a recording, and the recording as provenance names it."""

    melody: tuple[Note, ...]
    inputs: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class TakeNames:
    """How the files of one take are called: below ``prefix``, or with ``file`` the mix alone under that name."""

    prefix: str = ""
    file: str | None = None
    midi: Path | None = None

    @property
    def mix(self) -> str:
        """The mix, below the delivery's folder."""
        return self.prefix + (self.file or DEFAULT_MIX)


def produce(
    choice: Choice,
    request: Request,
    handover: Handover,
    source: Source | None = None,
    count: int = 1,
    progress: Progress = no_progress,
) -> list[Take]:
    """Make takes and put them where they belong.

    Parameters
    ----------
    choice : Choice
        The engine.
    request : Request
        The first take's; the others count its seed up.
    handover : Handover
        If its place is left open: the track itself, or outside one a new folder.
    source : Source, optional
        A melody to play around.
    count : int
        How many takes; more than one go to ``takes/SEED``.

    Raises
    ------
    UsageError
        The request makes no sense.
    ConflictError
        Files are in the way.
    """
    request.check(count)
    if handover.place and handover.place.file:
        get_format(handover.place.file, "PCM_16")
    first = draw_seed() if request.seed is None else request.seed
    if not (handover.place or handover.repository):
        handover = replace(handover, place=Place(handover.directory / folder_name(request.prompt, first)))
    names = [_name_take(handover, first + i, count) for i in range(count)]
    takes = []
    with Delivery(handover, "hum" if source else "generate", request.prompt) as delivery:
        delivery.check_free(*(take.mix for take in names))
        if handover.midi and count == 1 and not handover.midi.is_relative_to(delivery.folder):
            check_new(handover.midi, handover.force)
        for i, take in enumerate(names):
            report = _report_part(progress, i, count)
            made = compose(choice, replace(request, seed=first + i), report, source)
            takes.append(write_take(made, delivery, take))
            in_root = delivery.repository and delivery.folder == delivery.repository.root
            if in_root and not (take.prefix or take.file):
                write_score(made, delivery)
        delivery.publish()
    return takes


def _name_take(handover: Handover, seed: int, count: int) -> TakeNames:
    file = handover.place.file if handover.place else None
    midi = handover.midi
    if count == 1:
        return TakeNames(file=file, midi=midi)
    midi = numbered(midi, seed) if midi else None
    if file:
        return TakeNames(file=numbered(Path(file), seed).name, midi=midi)
    return TakeNames(f"takes/{seed}/", midi=midi)


def _report_part(progress: Progress, part: int, count: int) -> Progress:
    """Progress of one take as progress of all of them."""

    def report(fraction: float, what: str) -> None:
        progress((part + fraction) / count, what if count == 1 else f"take {part + 1}: {what}")

    return report


def numbered(path: Path, seed: int) -> Path:
    """``beat.wav`` with its seed: ``beat-42.wav``."""
    return path.with_name(f"{path.stem}-{seed}{path.suffix}")


def compose(
    choice: Choice,
    request: Request,
    progress: Progress = no_progress,
    source: Source | None = None,
) -> Made:
    """Have an engine make music, around a melody if there is one.

    Raises
    ------
    UsageError
        The request makes no sense, to us or to the engine.
    """
    request.check()
    brief = _make_brief(request)
    started = time.perf_counter()
    if request.duration_s is not None:
        brief = replace(brief, bars=_count_bars(choice, brief, request.duration_s))
    if source is None:
        performance = choice.engine.generate(brief, progress)
    else:
        performance = choice.engine.accompany(Guide(source.melody), brief, progress)
    inputs = source.inputs if source else ()
    return Made(choice, brief, performance, time.perf_counter() - started, request, inputs)


def _make_brief(request: Request) -> Brief:
    return Brief(
        prompt=request.prompt,
        seed=draw_seed() if request.seed is None else request.seed,
        tempo=request.tempo,
        key=str(parse_key(request.key)) if request.key else None,
        bars=request.bars,
        meter=request.meter,
        stems=request.stems,
    )


def _count_bars(choice: Choice, brief: Brief, duration_s: float) -> int:
    """How many bars come nearest to a duration.

    The engine may choose the tempo itself, so one bar is made to see how long its bars are.
    """
    bar_s: float = choice.engine.generate(replace(brief, bars=1), no_progress).mix.duration_s
    return min(max(1, round(duration_s / bar_s)), BARS_RANGE[1])


def describe(made: Made) -> dict[str, Any]:
    """Everything needed to make a performance again and to judge it: the provenance record of its mix and stems."""
    info, brief, performance = made.choice.info, made.brief, made.performance
    return {
        "kind": "generate" if not made.inputs else "hum",
        "engine": info.name,
        "engine_version": info.version,
        "licence": info.licence,
        "weights": list(info.weights),
        "prompt": brief.prompt,
        "seed": brief.seed,
        "asked": {
            "tempo": brief.tempo,
            "key": brief.key,
            "bars": made.request.bars,
            "duration_s": made.request.duration_s,
            "meter": brief.meter,
            "loop": brief.loop,
        },
        "tempo": performance.tempo,
        "key": performance.key,
        "bars": performance.bars,
        "meter": performance.meter,
        "parameters": dict(performance.parameters),
        "inputs": [dict(item) for item in made.inputs],
        **surroundings(made.seconds, performance.mix),
    }


def surroundings(seconds: float, audio: Audio | float) -> dict[str, Any]:
    """On what and how fast something was made; ``audio`` is the result or its length in seconds."""
    duration_s = audio.duration_s if isinstance(audio, Audio) else audio
    packages = {name: str(sys.modules[name].__version__) for name in _PACKAGES if name in sys.modules}
    return {
        "device": "cpu",
        "dtype": "float32",
        "packages": {"beatflow": __version__, "python": platform.python_version(), **packages},
        "seconds": round(seconds, 3),
        "real_time_factor": round(duration_s / max(seconds, 1e-6), 2),
    }


def write_take(made: Made, delivery: Delivery, names: TakeNames) -> Take:
    """Write the mix, the stems and the notes of a performance."""
    performance = made.performance
    sounds = {"mix": (names.mix, performance.mix)}
    if names.file is None:
        sounds |= {
            name: (f"{names.prefix}stems/{name}.wav", audio) for name, audio in performance.stems.items()
        }
    for path, _ in sounds.values():
        get_format(path, performance.subtype)
    written = {
        name: write_sound(delivery, name, path, audio, performance.subtype)
        for name, (path, audio) in sounds.items()
    }
    measured = measure(performance)
    record = {**describe(made), "measured": measured}
    mix = written.pop("mix")
    delivery.describe(mix.oid, {**record, "stems": {name: sound.oid for name, sound in written.items()}})
    for name, sound in written.items():
        delivery.describe(sound.oid, {**record, "stem": name, "mix": mix.oid})
    take = replace(summarize(made, mix, tuple(written.values())), measured=measured)
    if names.midi is None or delivery.handover.dry_run:
        return take
    write_notes(made, delivery, names.midi)
    return replace(take, midi=names.midi)


def measure(performance: Performance) -> dict[str, Any]:
    """What the mix turns out to be, whatever was asked for; the tempo is looked for within an octave."""
    tempo = performance.tempo
    facts = analyze(performance.mix, (tempo / 1.4, tempo * 1.4)).to_json()
    names = ("tempo", "tempo_confidence", "key", "key_confidence", "loudness_lufs", "true_peak_dbtp")
    return {name: facts[name] for name in names}


def write_sound(delivery: Delivery, name: str, path: str, audio: Audio, subtype: str) -> SoundFile:
    """Write one sound into a delivery."""
    file = delivery.new_file(path)
    write_audio(file, audio, subtype)
    return SoundFile(name, delivery.folder / path, delivery.add(path, file))


def write_notes(made: Made, delivery: Delivery, path: Path) -> None:
    """Write every stem's notes as MIDI."""
    from beatflow.sound.midi import write_midi

    performance = made.performance
    inside = path.is_relative_to(delivery.folder)
    if not inside:
        check_new(path, delivery.handover.force)
    file = delivery.new_file(path.name) if inside else path
    write_midi(file, performance.notes, performance.tempo, performance.meter)
    if inside:
        delivery.add(path.relative_to(delivery.folder).as_posix(), file)


def summarize(made: Made, mix: SoundFile | None, stems: tuple[SoundFile, ...] = ()) -> Take:
    """Tell what was made, for people and for JSON."""
    performance, info = made.performance, made.choice.info
    return Take(
        prompt=made.brief.prompt,
        seed=made.brief.seed,
        engine=info.name,
        engine_version=info.version,
        tempo=performance.tempo,
        key=performance.key,
        meter=performance.meter,
        bars=performance.bars,
        frames=performance.mix.frames,
        sample_rate=performance.mix.sample_rate,
        duration_s=performance.mix.duration_s,
        seconds=round(made.seconds, 3),
        real_time_factor=round(performance.mix.duration_s / max(made.seconds, 1e-6), 2),
        mix=mix,
        stems=stems,
        parameters=performance.parameters,
    )


def write_score(made: Made, delivery: Delivery) -> None:
    """Have ``track.toml`` say what the new mix is made of; its comments and title stay."""
    performance = made.performance
    path = delivery.folder / TRACK_FILE
    before = path.read_bytes() if path.is_file() else None
    former = parse_track(before or b"")
    # The old faders belong to the old stems, and a mix that is a plain sum has none.
    changes: dict[str, Any] = {f"stems.{name}": None for name in former.stems}
    if former.title is None and made.brief.prompt:
        changes["title"] = made.brief.prompt
    changes |= {
        "tempo": float(performance.tempo),
        "key": performance.key,
        "meter": performance.meter,
        "mix.file": DEFAULT_MIX,
        "mix.master_db": None,
    }
    changes |= {f"stems.{name}.file": f"stems/{name}.wav" for name in performance.stems}
    for stem in former.stems.values():
        if stem.file not in changes.values() and _is_made(delivery, stem.file):
            delivery.remove(stem.file)
    file = delivery.new_file(TRACK_FILE)
    file.write_bytes(edit_track(before, changes))
    delivery.add(TRACK_FILE, file)


def _is_made(delivery: Delivery, name: str) -> bool:
    """Say whether a file is one that an engine made, so that a stem which the score no longer names may go."""
    path = delivery.folder / name
    record = (
        find_record(delivery.repository, digest(path)) if delivery.repository and path.is_file() else None
    )
    return record is not None and record.get("kind") == "generate"
