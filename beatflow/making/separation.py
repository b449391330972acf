"""Splitting a mix into stems that sum to it exactly: the true ones where they are known, otherwise an engine's.

Joins engines, files and the track. Works block by block: memory does not grow with the length of the mix.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beatflow.ai.engine import Progress, no_progress
from beatflow.ai.separation import separate_stream
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, digest
from beatflow.making.recipe import surroundings
from beatflow.making.stem import find_known_stems
from beatflow.making.take import SoundFile
from beatflow.repository import Repository
from beatflow.sound.files import AudioReader, SoundInfo, check_sound
from beatflow.sound.writing import AudioWriter


@dataclass(frozen=True, slots=True)
class Split:
    """The stems of a mix, and how they were come by; ``known`` stems are the very ones that it was mixed from."""

    mix: str
    mix_oid: str
    engine: str | None
    engine_version: str | None
    known: bool
    frames: int
    sample_rate: int
    channels: int
    subtype: str
    stems: tuple[SoundFile, ...]
    seconds: float
    real_time_factor: float


def stem_subtype(subtype: str) -> str:
    """The format in which stems of a mix can sum to it: its own, or the next that holds its samples unchanged.

    32-bit integers and what lossy decoders give are read as float32, so their stems are, too.
    """
    if subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"):
        return subtype
    if subtype in ("PCM_S8", "ULAW", "ALAW", "ALAC_16"):
        return "PCM_16"
    return "PCM_24" if subtype in ("ALAC_20", "ALAC_24") else "FLOAT"


def find_true_stems(path: Path, repository: Repository | None) -> dict[str, str] | None:
    """The known stems of a mix, name to oid, or None."""
    return find_known_stems(repository, digest(path)) if repository else None


def split_file(
    path: Path, name: str, choice: Choice, handover: Handover, progress: Progress = no_progress
) -> Split:
    """Split a mix into ``STEM.wav`` files.

    Parameters
    ----------
    path : Path
        The mix; a real file.
    name : str
        What to call it.
    choice : Choice
        The separator.
    handover : Handover

    Raises
    ------
    AudioError
        The mix cannot be read, holds no samples, or samples that are not numbers.
    ConflictError
        Files are in the way.
    """
    started = time.perf_counter()
    oid = digest(path)
    with Delivery(handover, "split", name) as delivery, AudioReader(path, name) as reader:
        delivery.check_free(*(f"{stem}.wav" for stem in choice.engine.stems))
        check_sound(reader)
        stems = _separate(reader, choice, delivery, progress)
        seconds = time.perf_counter() - started
        record = _describe(choice, reader.info, seconds, name, oid)
        for stem in stems:
            delivery.describe(stem.oid, {**record, "stem": stem.name, "mix": oid})
        delivery.expect(path, oid)
        delivery.publish()
        return _summarize(name, oid, reader.info, stems, seconds, choice)


def write_true_stems(path: Path, name: str, known: Mapping[str, str], handover: Handover) -> Split:
    """Write the stems that a mix of the track was made from, name to oid, as `split_file` would others.

    Raises
    ------
    AudioError
        The mix cannot be read.
    ConflictError
        Files are in the way.
    """
    started = time.perf_counter()
    oid = digest(path)
    assert handover.repository is not None
    with Delivery(handover, "split", name) as delivery, AudioReader(path, name) as reader:
        stems = _copy_known(known, handover.repository, delivery)
        seconds = time.perf_counter() - started
        delivery.publish()
        return _summarize(name, oid, reader.info, stems, seconds, None)


def _summarize(
    name: str,
    oid: str,
    info: SoundInfo,
    stems: tuple[SoundFile, ...],
    seconds: float,
    choice: Choice | None,
) -> Split:
    return Split(
        mix=name,
        mix_oid=oid,
        engine=choice.info.name if choice else None,
        engine_version=choice.info.version if choice else None,
        known=choice is None,
        frames=info.frames,
        sample_rate=info.sample_rate,
        channels=info.channels,
        subtype=stem_subtype(info.subtype),
        stems=stems,
        seconds=round(seconds, 3),
        real_time_factor=round(info.duration_s / max(seconds, 1e-6), 2),
    )


def _separate(
    reader: AudioReader, choice: Choice, delivery: Delivery, progress: Progress
) -> tuple[SoundFile, ...]:
    info = reader.info
    subtype = stem_subtype(info.subtype)
    files = {stem: delivery.new_file(f"{stem}.wav") for stem in choice.engine.stems}
    with ExitStack() as stack:
        writers = {
            stem: stack.enter_context(
                AudioWriter(file, info.sample_rate, info.channels, subtype, frames=info.frames)
            )
            for stem, file in files.items()
        }
        for part in separate_stream(reader.blocks(), choice.engine, subtype, progress, info.frames):
            for stem, audio in part.items():
                writers[stem].write(audio)
    return tuple(_add(delivery, stem, file) for stem, file in files.items())


def _copy_known(
    known: Mapping[str, str], repository: Repository, delivery: Delivery
) -> tuple[SoundFile, ...]:
    stems = []
    for stem, oid in sorted(known.items()):
        file = delivery.new_file(f"{stem}.wav")
        with file.open("wb") as out:
            for block in repository.audio.iter_bytes(oid):
                out.write(block)
        stems.append(_add(delivery, stem, file))
    return tuple(stems)


def _add(delivery: Delivery, stem: str, file: Path) -> SoundFile:
    path = f"{stem}.wav"
    return SoundFile(stem, delivery.folder / path, delivery.add(path, file))


def _describe(choice: Choice, info: SoundInfo, seconds: float, name: str, oid: str) -> dict[str, Any]:
    engine = choice.info
    return {
        "kind": "split",
        "engine": engine.name,
        "engine_version": engine.version,
        "licence": engine.licence,
        "weights": list(engine.weights),
        "parameters": {"segment_s": choice.engine.segment_s, "overlap_s": choice.engine.overlap_s},
        "inputs": [{"path": name, "oid": oid}],
        **surroundings(choice, seconds, info.duration_s),
    }
