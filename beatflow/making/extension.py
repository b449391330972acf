"""Continuing a piece: what stands there stays as it is, bit for bit, and an engine's continuation follows it.

Joins engines, files and the track. The piece is copied block by block: memory grows with what is added, not with what
is there.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.ai.engine import Brief, EngineInfo, Progress, no_progress
from beatflow.ai.performance import check_performance
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import EngineError, UsageError
from beatflow.making.original import Original
from beatflow.making.production import check_fit
from beatflow.making.recipe import describe, surroundings
from beatflow.making.request import Request, draw_seed, shorten
from beatflow.making.structure import has_ending
from beatflow.making.surroundings import Surroundings, listen, read_known
from beatflow.making.take import CONFIDENT, Made, SoundFile, Source
from beatflow.provenance import find_record
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.exact import get_bits
from beatflow.sound.formats import get_format
from beatflow.sound.resample import resample
from beatflow.sound.seam import Seam, continue_sound
from beatflow.sound.tonality import parse_key
from beatflow.sound.wav import build_header
from beatflow.sound.writing import AudioWriter

DEFAULT_S = 15.0
_WORK = 0.95


@dataclass(frozen=True, slots=True)
class Extension:
    """A piece that was continued; ``sound`` is all of it, of which the last ``added_s`` are new."""

    prompt: str
    seed: int
    engine: str
    engine_version: str
    original: str
    original_oid: str
    frames: int
    added_frames: int
    sample_rate: int
    channels: int
    subtype: str
    duration_s: float
    added_s: float
    seconds: float
    real_time_factor: float
    gain_db: float
    sound: SoundFile | None
    asked: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Continuation:
    """What an engine gave, and the same fitted to the piece."""

    made: Made
    seam: Seam
    lead_s: float
    context_s: float

    @property
    def frames(self) -> int:
        """How many frames are added."""
        return len(self.seam.samples)


def extend_file(
    path: Path,
    name: str,
    choice: Choice,
    request: Request,
    handover: Handover,
    progress: Progress = no_progress,
) -> Extension:
    """Continue a piece, and put the whole into the file that the handover's place names.

    Parameters
    ----------
    path : Path
        The piece; a real file.
    name : str
        What to call it.
    choice : Choice
        An engine that can extend.
    request : Request
        Its length is what is added; `DEFAULT_S` where it has none.
    handover : Handover
        Has a place with a file.

    Raises
    ------
    AudioError
        The piece cannot be read, or its format cannot be written under that name.
    ConflictError
        A file is in the way.
    """
    assert handover.place is not None
    target = handover.place.file
    assert target is not None
    oid = digest(path)
    description = shorten(f"{name}: {request.prompt}")
    with Delivery(handover, "extend", description) as delivery, Original(path, name) as original:
        get_format(target, original.subtype)
        delivery.check_free(target)
        record = find_record(handover.repository, oid) if handover.repository else None
        found = compose_extension(original, choice, request, oid, progress, record)
        file = delivery.new_file(target)
        with file.open("wb") as out:
            write_extension(original, found, out, target)
        sound = SoundFile("mix", delivery.folder / target, delivery.add(target, file))
        delivery.describe(sound.oid, _record(original, found))
        delivery.expect(path, oid)
        delivery.publish()
        choice.settle()
        progress(1.0, "done")
        return summarize_extension(original, found, sound)


def compose_extension(
    original: Original,
    choice: Choice,
    request: Request,
    oid: str,
    progress: Progress = no_progress,
    record: Mapping[str, Any] | None = None,
) -> Continuation:
    """Have an engine continue a piece, at the piece's own sample rate, channels and loudness.

    An engine that composes on a grid is told what it has to fit to; ``record`` is what is known of the piece.

    Raises
    ------
    UsageError
        The request makes no sense, or counts bars where there is no tempo.
    """
    request.check()
    check_fit(choice, request)
    request = request.settle()
    end = original.read_end()
    brief = _make_brief(original, request, end, choice.info, record)
    started = time.perf_counter()
    given = choice.engine.extend(end, brief, lambda fraction, what: progress(fraction * _WORK, what))
    performance = check_performance(given, choice.info.name)
    rate = end.sample_rate
    mix = performance.mix
    lead = round(performance.lead * rate / mix.sample_rate)
    new = resample(mix, rate)
    if "bars" not in choice.info.promises:
        wanted = round((brief.duration_s or DEFAULT_S) * rate)
        new = Audio(new.samples[: lead + wanted], rate)
    if new.frames <= lead:
        raise EngineError(f"engine {choice.info.name} made nothing that comes after the piece")
    seam = continue_sound(end, new, lead, _ceiling(original.subtype))
    seconds = time.perf_counter() - started
    made = Made(
        choice,
        brief,
        performance,
        seconds,
        replace(request, seed=brief.seed),
        Source((), ({"path": original.name, "oid": oid},)),
    )
    return Continuation(made, seam, performance.lead / mix.sample_rate, end.duration_s)


def write_extension(original: Original, found: Continuation, out: BinaryIO, name: str = "sound.wav") -> None:
    """Write the piece and what follows it; a name that ends in another suffix than ``.wav`` chooses its format."""
    info, new = original.info, Audio(found.seam.samples, original.info.sample_rate)
    frames = info.frames + new.frames
    format, subtype = get_format(name, original.subtype)
    if format != "WAV":
        with AudioWriter(out, info.sample_rate, info.channels, subtype, format) as writer:
            for block in original.blocks():
                writer.write(block)
            writer.write(new)
        return
    out.write(build_header(info.sample_rate, info.channels, subtype, frames))
    for rows in original.rows():
        out.write(rows)
    out.write(original.encode(new))
    if frames * original.layout.frame_bytes % 2:
        out.write(b"\0")


def summarize_extension(original: Original, found: Continuation, sound: SoundFile | None) -> Extension:
    """Tell what was made, for people and for JSON."""
    made, info = found.made, original.info
    frames = info.frames + found.frames
    added_s = found.frames / info.sample_rate
    return Extension(
        prompt=made.brief.prompt,
        seed=made.brief.seed,
        engine=made.choice.info.name,
        engine_version=made.choice.info.version,
        original=original.name,
        original_oid=str(made.source.inputs[0]["oid"]) if made.source else "",
        frames=frames,
        added_frames=found.frames,
        sample_rate=info.sample_rate,
        channels=info.channels,
        subtype=original.subtype,
        duration_s=frames / info.sample_rate,
        added_s=added_s,
        seconds=round(made.seconds, 3),
        real_time_factor=round(added_s / max(made.seconds, 1e-6), 2),
        gain_db=found.seam.gain_db,
        sound=sound,
        asked=made.request.asked,
        parameters=made.performance.parameters,
    )


def _record(original: Original, found: Continuation) -> dict[str, Any]:
    """Where the sound comes from; what a seam needs besides follows from the piece and the engine's part."""
    made = found.made
    record = describe(made, "extend")
    seam = {
        "at_frame": original.info.frames,
        "context_s": found.context_s,
        "lead_s": found.lead_s,
        "fade_s": found.seam.fade_s,
        "gain_db": found.seam.gain_db,
    }
    added_s = found.frames / original.info.sample_rate
    return {
        **record,
        **surroundings(made.choice, made.seconds, added_s),
        "parameters": {**record["parameters"], "seam": seam},
    }


def _make_brief(
    original: Original, request: Request, end: Audio, info: EngineInfo, record: Mapping[str, Any] | None
) -> Brief:
    brief = Brief(
        prompt=request.prompt,
        seed=draw_seed() if request.seed is None else request.seed,
        tempo=request.tempo,
        key=str(parse_key(request.key)) if request.key else None,
        bars=request.bars,
        duration_s=request.duration_s,
        meter=request.meter or "4/4",
        loop=False,
        sampling=request.sampling,
        swing=request.swing,
        humanize=request.humanize,
        structure=request.structure,
    )
    if "tempo" not in info.promises:
        return replace(brief, bars=None, duration_s=_find_length(original, request, end))
    if request.context:  # found before: the same piece is made again
        return replace(brief, loop=bool(request.loop), context=request.context)
    around = _listen(original, request, end, info, record)
    return replace(
        brief,
        prompt=request.prompt or str((record or {}).get("prompt") or ""),
        tempo=around.tempo,
        key=brief.key or around.key,
        duration_s=None if request.bars else request.duration_s or DEFAULT_S,
        meter=around.meter,
        # A loop becomes a longer loop; anything else comes to an end.
        loop=_is_loop(record) and not has_ending(request.structure),
        context=around.context,
    )


def _is_loop(record: Mapping[str, Any] | None) -> bool:
    asked = (record or {}).get("asked")
    return isinstance(asked, dict) and asked.get("loop") is True


def _listen(
    original: Original, request: Request, end: Audio, info: EngineInfo, record: Mapping[str, Any] | None
) -> Surroundings:
    """What the new part has to fit to: options go before the record, and that before what is heard."""
    known = read_known(record, info.name)
    same = request.tempo in (None, known.tempo) and request.meter in (None, known.meter)
    known = replace(
        known,
        tempo=request.tempo or known.tempo,
        key=str(parse_key(request.key)) if request.key else known.key,
        meter=request.meter or known.meter,
        exact=known.exact and same,
    )
    return listen(end, known, original.name, original.info.duration_s)


def _find_length(original: Original, request: Request, end: Audio) -> float:
    """How many seconds are to be added."""
    if request.bars is None:
        return DEFAULT_S if request.duration_s is None else request.duration_s
    tempo = request.tempo or _measure_tempo(end)
    if tempo is None:
        raise UsageError(
            f"{original.name} has no steady beat to count {request.bars} bars by",
            hint="give its tempo: --bpm 90, or --duration SECONDS",
        )
    beats, _, unit = (request.meter or "4/4").partition("/")
    return request.bars * int(beats) * 4 / int(unit) * 60 / tempo


def _measure_tempo(end: Audio) -> float | None:
    facts = analyze(end)
    return facts.tempo if facts.tempo is not None and facts.tempo_confidence >= CONFIDENT else None


def _ceiling(subtype: str) -> float | None:
    """The greatest sample of a subtype; None for floats."""
    bits = get_bits(subtype)
    return None if bits is None else 1 - 2.0 ** (1 - bits)
