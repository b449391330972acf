"""Loops out of any music: handed over as files, to a stream, and cut again from a record.

Joins files and the track; where the loops are, `beatflow.making.loopfinding` finds out.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.ai.engine import Progress, no_progress
from beatflow.delivery import Delivery, Handover, Place, digest
from beatflow.errors import UsageError
from beatflow.making.loopfinding import Found, LoopRequest, close_stretch, find_closed
from beatflow.making.separation import stem_subtype
from beatflow.making.surroundings import read_known
from beatflow.making.take import SoundFile
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader
from beatflow.sound.formats import get_format
from beatflow.sound.writing import AudioWriter


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
    tempo_given: bool
    meter: str
    meter_given: bool
    seconds: float
    loops: tuple[MadeLoop, ...]


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
    request = _heed_record(request, handover.repository, oid)
    with Delivery(handover, "loop", name) as delivery, AudioReader(path, name) as reader:
        targets = _name_files(handover.place, path, name, request.count)
        delivery.check_free(*targets[: 1 if request.count == 1 else 0])
        found = find_closed(reader, request, progress)
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
        found = find_closed(reader, replace(request, count=1), progress)
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
        closed = close_stretch(reader, int(parameters["start_frame"]), int(parameters["frames"]))
        with target.open("wb") as out:
            write_loop(closed.audio, reader.info.subtype, out, target.name)


def write_loop(audio: Audio, subtype: str, out: BinaryIO, name: str) -> None:
    """Write a loop at the depth of the sound that it is from; the suffix of a name chooses the format."""
    format, kept = get_format(name, stem_subtype(subtype))
    with AudioWriter(out, audio.sample_rate, audio.channels, kept, format, audio.frames) as writer:
        writer.write(audio)


def _heed_record(request: LoopRequest, repository: Repository | None, oid: str) -> LoopRequest:
    """Cut a sound that an engine made by the tempo and the meter that it was made in, where nothing else is said."""
    if repository is None or request.tempo is not None or request.bpm_range is not None:
        return request
    known = read_known(find_record(repository, oid), "")
    return replace(request, tempo=known.tempo, meter=request.meter or known.meter)


def _name_files(place: Place, path: Path, name: str, count: int) -> list[str]:
    if place.file is not None:
        if count > 1:
            raise UsageError(f"{place.file} is one file, and {count} loops are several", hint="give -o DIR")
        return [place.file]
    title = "loop" if name == "standard input" else f"{path.stem}-loop"
    return [f"{title}.wav"] if count == 1 else [f"{title}-{number}.wav" for number in range(1, count + 1)]


def _tell(one: Found, request: LoopRequest, sound: SoundFile | None) -> MadeLoop:
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
    found: Sequence[Found],
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
        tempo_given=request.tempo is not None,
        meter=tempo.meter or "4/4",
        meter_given=request.meter is not None,
        seconds=round(seconds, 3),
        loops=loops,
    )
