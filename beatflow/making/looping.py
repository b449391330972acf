"""Loops out of any music: found by its bars, cut to the frame, closed, judged and handed over.

Joins files, meters and the track. A long sound is heard in sections, each with a tempo of its own; what is kept of one
while the next is heard are its best loops, and at the full rate only those are read again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beatflow.ai.engine import Progress, no_progress
from beatflow.delivery import Delivery, Handover, Place, digest
from beatflow.errors import AudioError, UsageError
from beatflow.making.separation import stem_subtype
from beatflow.making.take import SoundFile
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, AudioReader, check_sound
from beatflow.sound.formats import get_format
from beatflow.sound.hops import mix_down
from beatflow.sound.looping import Closed, close_seam
from beatflow.sound.loopsearch import BEATS_OF_BAR, MOST_BARS, Loop, LoopMeter
from beatflow.sound.periods import FASTEST, SLOWEST
from beatflow.sound.tempo import NO_TEMPO, Tempo, TempoMeter
from beatflow.sound.writing import AudioWriter

MOST_LOOPS = 64
_SECTION_S, _SHARED_S = 300.0, 60.0
_AROUND_S, _TAIL_S = 1.0, 8.0
_NEAR = 0.03
_LEAST_S = 0.5
_WORK = 0.8


@dataclass(frozen=True, slots=True)
class LoopRequest:
    """What is asked for.

    Parameters
    ----------
    bars : int or None
        How long; else what fits best.
    count : int
        How many, at most.
    tempo : float or None
        BPM, kept to the frame.
    bpm_range : (float, float) or None
        Where the tempo may lie.
    meter : str or None
    """

    bars: int | None = None
    count: int = 1
    tempo: float | None = None
    bpm_range: tuple[float, float] | None = None
    meter: str | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        UsageError
        """
        if self.bars is not None and not 1 <= self.bars <= MOST_BARS:
            raise UsageError(f"{self.bars} bars make no loop", hint=f"1 to {MOST_BARS}")
        if not 1 <= self.count <= MOST_LOOPS:
            raise UsageError(f"{self.count} loops cannot be cut", hint=f"1 to {MOST_LOOPS}")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise UsageError(
                f"{self.tempo:g} BPM is no tempo to cut by",
                hint=f"{SLOWEST:g} to {FASTEST:g}; half or double of it gives the same bars",
            )
        if self.tempo is not None and self.bpm_range is not None:
            raise UsageError(
                "a tempo and a range of them contradict each other", hint="--bpm, or --bpm-range"
            )
        if self.meter is not None and self.meter not in BEATS_OF_BAR:
            raise UsageError(
                f"{self.meter} is no meter that bars are counted by", hint=", ".join(BEATS_OF_BAR)
            )


@dataclass(frozen=True, slots=True)
class MadeLoop:
    """One loop; ``cut_seam_db`` is what its wrap would be if it were merely cut. See `Loop`, `Closed` and `Seam`."""

    bars: int
    tempo: float
    meter: str
    start_frame: int
    start_s: float
    frames: int
    duration_s: float
    likeness: float
    correlation: float
    method: str
    fade_s: float
    cut_seam_db: float
    seam_db: float
    audible: bool
    sound: SoundFile | None = None


@dataclass(frozen=True, slots=True)
class Looping:
    """What came of a sound: its loops, best first, and what it was heard to be."""

    original: str
    original_oid: str
    sample_rate: int
    channels: int
    subtype: str
    tempo: float
    tempo_confidence: float
    tempo_steady: bool
    meter: str
    meter_given: bool
    seconds: float
    loops: tuple[MadeLoop, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    loop: Loop
    tempo: Tempo
    closed: Closed


def loop_file(
    path: Path, name: str, request: LoopRequest, handover: Handover, progress: Progress = no_progress
) -> Looping:
    """Find loops in a sound and write them, ``NAME-loop.wav`` or ``NAME-loop-1.wav`` and so on.

    Parameters
    ----------
    path : Path
        A real file.
    name : str
        What to call it.
    request : LoopRequest
    handover : Handover
        With a place; one that names a file takes one loop.

    Raises
    ------
    AudioError
        It cannot be read, is silent, has no steady beat, or not enough bars.
    ConflictError
        Files are in the way.
    UsageError
        The request makes no sense.
    """
    request.check()
    assert handover.place is not None
    started = time.perf_counter()
    oid = digest(path)
    with Delivery(handover, "loop", name) as delivery, AudioReader(path, name) as reader:
        targets = _name_files(handover.place, path, name, request.count)
        delivery.check_free(*targets[: 1 if request.count == 1 else 0])
        found = _find(reader, request, progress)
        targets = targets[: len(found)] if len(found) > 1 or request.count == 1 else [targets[0]]
        made = []
        for one, target in zip(found, targets, strict=False):
            file = delivery.new_file(target)
            with file.open("wb") as out:
                write_loop(one.closed.audio, reader.info.subtype, out, target)
            sound = SoundFile("loop", delivery.folder / target, delivery.add(target, file))
            told = _tell(one, request, sound)
            delivery.describe(sound.oid, _record(told, name, oid, reader))
            made.append(told)
        delivery.expect(path, oid)
        delivery.publish()
        progress(1.0, "done")
        return _summarize(reader, name, oid, found, request, tuple(made), time.perf_counter() - started)


def pipe_loop(
    path: Path, name: str, request: LoopRequest, open_pipe: Callable[[], BinaryIO], progress: Progress
) -> Looping:
    """Find the best loop and write it to a stream as WAV; the stream is opened once there is one."""
    request.check()
    started = time.perf_counter()
    with AudioReader(path, name) as reader:
        found = _find(reader, replace(request, count=1), progress)
        write_loop(found[0].closed.audio, reader.info.subtype, open_pipe(), "loop.wav")
        seconds = time.perf_counter() - started
        return _summarize(
            reader, name, digest(path), found, request, (_tell(found[0], request, None),), seconds
        )


def cut_again(path: Path, name: str, parameters: Mapping[str, Any], target: Path) -> None:
    """Cut a loop as its record says, into a file.

    Raises
    ------
    AudioError
        The sound cannot be read, or the stretch does not lie within it.
    """
    with AudioReader(path, name) as reader:
        closed = _close(reader, int(parameters["start_frame"]), int(parameters["frames"]))
        with target.open("wb") as out:
            write_loop(closed.audio, reader.info.subtype, out, target.name)


def write_loop(audio: Audio, subtype: str, out: BinaryIO, name: str) -> None:
    """Write a loop at the depth of the sound that it is from; the suffix of a name chooses the format."""
    format, kept = get_format(name, stem_subtype(subtype))
    with AudioWriter(out, audio.sample_rate, audio.channels, kept, format, audio.frames) as writer:
        writer.write(audio)


def _name_files(place: Place, path: Path, name: str, count: int) -> list[str]:
    if place.file is not None:
        if count > 1:
            raise UsageError(f"{place.file} is one file, and {count} loops are several", hint="give -o DIR")
        return [place.file]
    title = "loop" if name == "standard input" else f"{path.stem}-loop"
    return [f"{title}.wav"] if count == 1 else [f"{title}-{number}.wav" for number in range(1, count + 1)]


def _find(reader: AudioReader, request: LoopRequest, progress: Progress) -> list[_Found]:
    """The best loops of a sound, closed; first those whose seam is not heard."""
    check_sound(reader)
    candidates: list[tuple[Loop, Tempo]] = []
    heard = NO_TEMPO
    silent = True
    for section in _hear(reader, request, progress):
        silent = silent and section.silent
        if section.tempo.confidence > heard.confidence or heard.tempo is None:
            heard = section.tempo
        for loop in section.loops:
            # Sections share a minute; what both found is one loop.
            if not any(loop.shares(other) for other, _ in candidates):
                candidates.append((loop, section.tempo))
    candidates.sort(key=lambda one: -one[0].worth)
    if not candidates:
        raise _explain_none(reader, request, heard, silent)
    found: list[_Found] = []
    for number, (loop, tempo) in enumerate(candidates[: 2 * request.count + 2]):
        progress(_WORK + (1 - _WORK) * number / (2 * request.count + 2), "closing")
        found.append(_Found(loop, tempo, _close(reader, loop.start, loop.frames)))
        if sum(not one.closed.after.audible for one in found) == request.count:
            break
    return sorted(found, key=lambda one: (one.closed.after.audible, -one.loop.worth))[: request.count]


@dataclass(frozen=True, slots=True)
class _Section:
    tempo: Tempo
    loops: tuple[Loop, ...]
    silent: bool


def _hear(reader: AudioReader, request: LoopRequest, progress: Progress) -> Iterator[_Section]:
    """Hear a sound section by section, and find the loops of each, counted from the start of the sound."""
    rate, frames = reader.info.sample_rate, reader.info.frames
    length, shared = round(_SECTION_S * rate), round(_SHARED_S * rate)
    begin = 0
    while True:
        # A rest that the sections share anyway is no section of its own.
        end = frames if frames - begin <= length + shared else begin + length
        yield _hear_section(reader, request, begin, end, lambda part: progress(_WORK * part, "listening"))
        if end == frames:
            return
        begin = end - shared


def _hear_section(
    reader: AudioReader, request: LoopRequest, begin: int, end: int, progress: Callable[[float], None]
) -> _Section:
    rate = reader.info.sample_rate
    pulse, likeness = TempoMeter(rate), LoopMeter(rate)
    silent = True
    reader.seek(begin)
    for start in range(begin, end, BLOCK_FRAMES):
        mono = mix_down(reader.read(min(BLOCK_FRAMES, end - start)).samples)
        silent = silent and not bool(mono.any())
        pulse.add(mono)
        likeness.add(mono)
        progress(start / reader.info.frames)
    tempo = _find_tempo(pulse, request, (end - begin) / rate)

    def read(start: int, frames: int) -> Audio:
        first = max(begin + start, 0)
        reader.seek(first)
        return reader.read(max(begin + start + frames - first, 0))

    bars = None if request.bars is None else [request.bars]
    exact = request.tempo is not None
    loops = likeness.find(tempo, read, bars, 2 * request.count + 2, exact)
    return _Section(tempo, tuple(replace(loop, start=loop.start + begin) for loop in loops), silent)


def _find_tempo(meter: TempoMeter, request: LoopRequest, duration_s: float) -> Tempo:
    """The tempo as measured, or the one that was given, with its beats where the sound has them."""
    if request.tempo is None:
        tempo = meter.result(request.bpm_range)
        return replace(tempo, meter=request.meter) if request.meter else tempo
    fit = meter.test(request.tempo)
    period = 60 / request.tempo
    first = fit.phase_s % period
    beats = tuple(float(time) for time in np.arange(first, duration_s, period))
    near = meter.result((request.tempo * (1 - _NEAR), min(request.tempo * (1 + _NEAR), FASTEST)))
    return replace(
        near,
        tempo=request.tempo,
        beats=beats,
        steady=True,
        meter=request.meter or near.meter,
        confidence=max(near.confidence, 0.0),
    )


def _close(reader: AudioReader, start: int, frames: int) -> Closed:
    """Read a stretch with what is around it, and close it."""
    rate = reader.info.sample_rate
    before = min(start, round(_AROUND_S * rate))
    # Enough to see that a tail is none, should the music go on.
    after = round((_TAIL_S + 0.5) * rate)
    reader.seek(start - before)
    return close_seam(reader.read(before + frames + after), before, frames)


def _explain_none(reader: AudioReader, request: LoopRequest, tempo: Tempo, silent: bool) -> Exception:
    name, duration_s = reader.name, reader.info.duration_s
    if silent:
        return AudioError(f"{name} is silent: there is nothing to loop")
    if duration_s < _LEAST_S:
        return AudioError(f"{name} is {duration_s:.3f} s long: too short to hold a bar")
    if tempo.tempo is None:
        return AudioError(
            f"{name} has no steady beat to cut whole bars by",
            hint="if you know its tempo, give it: --bpm 90",
        )
    beats = BEATS_OF_BAR.get(tempo.meter or "4/4", 4)
    fits = int(duration_s * tempo.tempo / 60 / beats)
    bars = request.bars or 1
    return AudioError(
        f"{name} holds no {bars} {'bar' if bars == 1 else 'bars'} that could be compared with what comes after: "
        f"it is {duration_s:.2f} s long, {fits} bars at {tempo.tempo:g} BPM",
        hint=f"--bars {max(1, fits // 2)}"
        if fits > 1
        else "a loop wants two bars of music at least, or a whole loop",
    )


def _tell(one: _Found, request: LoopRequest, sound: SoundFile | None) -> MadeLoop:
    loop, closed = one.loop, one.closed
    rate = closed.audio.sample_rate
    return MadeLoop(
        bars=loop.bars,
        tempo=round(loop.tempo, 4),
        meter=one.tempo.meter or "4/4",
        start_frame=loop.start,
        start_s=round(loop.start / rate, 4),
        frames=loop.frames,
        duration_s=round(loop.frames / rate, 6),
        likeness=loop.likeness,
        correlation=loop.correlation,
        method=closed.method,
        fade_s=round(closed.fade_s, 4),
        cut_seam_db=closed.before.level_db,
        seam_db=closed.after.level_db,
        audible=closed.after.audible,
        sound=sound,
    )


def _record(loop: MadeLoop, name: str, oid: str, reader: AudioReader) -> dict[str, Any]:
    """Where a loop comes from; `cut_again` needs nothing else."""
    told = ("start_frame", "frames", "method", "fade_s", "likeness", "correlation", "cut_seam_db", "seam_db")
    return {
        "kind": "loop",
        "tempo": loop.tempo,
        "bars": loop.bars,
        "meter": loop.meter,
        "parameters": {
            **{key: getattr(loop, key) for key in told},
            "sample_rate": reader.info.sample_rate,
        },
        "inputs": [{"path": name, "oid": oid}],
    }


def _summarize(
    reader: AudioReader,
    name: str,
    oid: str,
    found: Sequence[_Found],
    request: LoopRequest,
    loops: tuple[MadeLoop, ...],
    seconds: float,
) -> Looping:
    tempo = found[0].tempo
    assert tempo.tempo is not None
    return Looping(
        original=name,
        original_oid=oid,
        sample_rate=reader.info.sample_rate,
        channels=reader.info.channels,
        subtype=stem_subtype(reader.info.subtype),
        tempo=tempo.tempo,
        tempo_confidence=tempo.confidence,
        tempo_steady=tempo.steady,
        meter=tempo.meter or "4/4",
        meter_given=request.meter is not None,
        seconds=round(seconds, 3),
        loops=loops,
    )
