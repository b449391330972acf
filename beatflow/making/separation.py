"""Splitting a mix into stems that sum to it exactly: the true ones where they are known, otherwise an engine's.

Joins engines, files and the track. Works block by block: memory does not grow with the length of the mix.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from beatflow.ai.engine import DEFAULT_SEPARATION, Progress, Separation, StreamSeparator, no_progress
from beatflow.ai.residual import Correction, ResidualShare
from beatflow.ai.separation import measure_moments, separate_stream, stems_of
from beatflow.ai.table import Choice
from beatflow.contract.summing import verify_sum
from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import AudioError
from beatflow.making.recipe import surroundings
from beatflow.making.splitwish import SplitWish
from beatflow.making.stemname import ONE, fill_template
from beatflow.making.take import SoundFile
from beatflow.making.truestems import TrueStems
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.files import AudioReader, SoundInfo, check_sound, read_info
from beatflow.sound.writing import AudioWriter


@dataclass(frozen=True, slots=True)
class Split:
    """The stems of a mix, and how they were come by; ``known`` stems are the very ones that it was mixed from.

    ``corrections`` tells what the exact sum took to change in each stem; ``score`` is the ``track.toml`` of a beat.
    """

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
    corrections: tuple[Correction, ...] = ()
    score: Path | None = None


def stem_subtype(subtype: str) -> str:
    """The format in which stems of a mix can sum to it: its own, or the next that holds its samples unchanged.

    32-bit integers and what lossy decoders give are read as float32, so their stems are, too.
    """
    if subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"):
        return subtype
    if subtype in ("PCM_S8", "ULAW", "ALAW", "ALAC_16"):
        return "PCM_16"
    return "PCM_24" if subtype in ("ALAC_20", "ALAC_24") else "FLOAT"


@dataclass(frozen=True, slots=True)
class Naming:
    """How the stems of a mix are called: a template, and the mix as the template sees it."""

    template: str
    path: PurePosixPath

    def fill(self, stems: Iterable[str]) -> dict[str, str]:
        """The file of each stem, below the folder that they go to."""
        return fill_template(self.template, self.path, list(stems))


_BLOCK_FRAMES = 1 << 16
ONE_BY_ONE = Naming(ONE, PurePosixPath("mix.wav"))


def split_file(
    path: Path,
    name: str,
    choice: Choice,
    handover: Handover,
    progress: Progress = no_progress,
    wanted: Separation = DEFAULT_SEPARATION,
    naming: Naming = ONE_BY_ONE,
) -> Split:
    """Split a mix into files, ``STEM.wav`` unless named otherwise.

    Parameters
    ----------
    path : Path
        The mix; a real file.
    name : str
        What to call it.
    choice : Choice
        The separator.
    handover : Handover
    progress : callable
    wanted : Separation
    naming : Naming

    Raises
    ------
    AudioError
        The mix cannot be read, holds no samples, or samples that are not numbers.
    ConflictError
        Files are in the way.
    UsageError
        The engine does not do what is wanted.
    """
    started = time.perf_counter()
    SplitWish(wanted).check(choice)
    files = naming.fill(stems_of(choice.engine, wanted))
    oid = digest(path)
    with Delivery(handover, "split", name) as delivery, AudioReader(path, name) as reader:
        delivery.check_free(*files.values())
        check_sound(reader)
        stems, corrections = separate_file(reader, choice, delivery, files, progress, wanted)
        seconds = time.perf_counter() - started
        record = describe_split(choice, reader.info, seconds, (name, oid), wanted, corrections)
        for stem in stems:
            delivery.describe(stem.oid, {**record, "stem": stem.name, "mix": oid})
        delivery.expect(path, oid)
        delivery.publish()
        return summarize_split(name, oid, reader.info, stems, seconds, choice, corrections)


def write_true_stems(
    path: Path, name: str, known: TrueStems, handover: Handover, naming: Naming = ONE_BY_ONE
) -> Split:
    """Write the stems that a mix of the track was made from, as `split_file` would others.

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
    with Delivery(handover, "split", name) as delivery:
        stems = copy_true_stems(known, handover.repository, delivery, naming.fill(sorted(known.oids)))
        seconds = time.perf_counter() - started
        delivery.publish()
        return summarize_split(name, oid, read_info(path, name), stems, seconds, None)


def summarize_split(
    name: str,
    oid: str,
    info: SoundInfo,
    stems: tuple[SoundFile, ...],
    seconds: float,
    choice: Choice | None,
    corrections: tuple[Correction, ...] = (),
    score: Path | None = None,
) -> Split:
    """Tell what came of a mix; without a choice the stems were known."""
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
        corrections=corrections,
        score=score,
    )


def separate_file(
    reader: AudioReader,
    choice: Choice,
    delivery: Delivery,
    names: Mapping[str, str],
    progress: Progress,
    wanted: Separation,
) -> tuple[tuple[SoundFile, ...], tuple[Correction, ...]]:
    """Have an engine separate a sound into files, stem to name; and what the exact sum changed in each."""
    info = reader.info
    subtype = stem_subtype(info.subtype)
    files = {stem: delivery.new_file(name) for stem, name in names.items()}
    moments, residual = None, ResidualShare()
    if isinstance(choice.engine, StreamSeparator):
        moments = measure_moments(reader.blocks())
        reader.seek(0)
    with ExitStack() as stack:
        writers = {
            stem: stack.enter_context(AudioWriter(file, info.sample_rate, info.channels, subtype))
            for stem, file in files.items()
        }
        for part in separate_stream(
            reader.blocks(), choice.engine, subtype, progress, info.frames, wanted, moments, residual
        ):
            for stem, audio in part.items():
                writers[stem].write(audio)
    stems = tuple(_add(delivery, stem, names[stem], file) for stem, file in files.items())
    return stems, residual.corrections


def copy_true_stems(
    known: TrueStems, repository: Repository, delivery: Delivery, names: Mapping[str, str]
) -> tuple[SoundFile, ...]:
    """Put known stems into a delivery: their very files, or the stretch of them that the sound is."""
    stems = []
    for stem, oid in sorted(known.oids.items()):
        file = delivery.new_file(names[stem])
        if known.whole:
            with file.open("wb") as out:
                for block in repository.audio.iter_bytes(oid):
                    out.write(block)
        else:
            _cut(repository, oid, known, file)
        stems.append(_add(delivery, stem, names[stem], file))
        if not known.whole:
            inputs = [{"path": f"{stem}.wav", "oid": oid}]
            cut = {"kind": "cut", "stem": stem, "start_frame": known.start, "frames": known.frames}
            delivery.describe(stems[-1].oid, {**cut, "inputs": inputs})
    return tuple(stems)


def _cut(repository: Repository, oid: str, known: TrueStems, file: Path) -> None:
    with repository.audio.open(oid) as source, AudioReader(source) as reader:
        info, left = reader.info, known.frames
        reader.seek(known.start)
        with AudioWriter(file, info.sample_rate, info.channels, info.subtype) as writer:
            while left and (block := reader.read(min(left, _BLOCK_FRAMES))).frames:
                writer.write(block)
                left -= block.frames


def _add(delivery: Delivery, stem: str, name: str, file: Path) -> SoundFile:
    return SoundFile(stem, delivery.folder / name, delivery.add(name, file))


def describe_split(
    choice: Choice,
    info: SoundInfo,
    seconds: float,
    mix: tuple[str, str],
    wanted: Separation,
    corrections: tuple[Correction, ...],
) -> dict[str, Any]:
    """The record that the stems of a mix, its name and oid, share."""
    engine = choice.info
    return {
        "kind": "split",
        "engine": engine.name,
        "engine_version": engine.version,
        "licence": engine.licence,
        "weights": list(engine.weights),
        "separation": asdict(wanted),
        "parameters": {
            "segment_s": choice.engine.segment_s,
            "overlap_s": choice.engine.overlap_s,
            "corrections": [asdict(correction) for correction in corrections],
        },
        "inputs": [{"path": mix[0], "oid": mix[1]}],
        **surroundings(choice, seconds, info.duration_s),
    }


def read_wanted(record: Mapping[str, Any]) -> Separation:
    """What a split was asked for, from its record; what is malformed in it is left to the engine."""
    given = record.get("separation")
    if not isinstance(given, dict):
        return DEFAULT_SEPARATION
    kinds: dict[str, tuple[type, ...]] = {
        "shifts": (int,), "seed": (int,), "overlap": (int, float), "two_stems": (str,)
    }  # fmt: skip
    names = given.get("names")
    pairs = [pair for pair in names if _is_pair(pair)] if isinstance(names, list) else []
    return Separation(
        names=tuple((stem, name) for stem, name in pairs),
        **{name: given[name] for name, kind in kinds.items() if isinstance(given.get(name), kind)},
    )


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair)


def is_split(
    path: Path, targets: Mapping[str, Path], repository: Repository | None, choice: Choice, wanted: Separation
) -> bool:
    """Say whether stems of a mix are there already and need not be made again.

    In a track their records tell: same mix, engine, weights and wishes. Elsewhere it is proven: they are there, shaped
    like the mix, and sum to it.
    """
    if not all(target.is_file() for target in targets.values()):
        return False
    inside = repository is not None and all(
        target.resolve().is_relative_to(repository.root.resolve()) for target in targets.values()
    )
    if repository is not None and inside:
        return _is_recorded(digest(path), targets, repository, choice, wanted)
    try:
        stems = list(targets.values())
        alike = {read_info(stem).subtype for stem in stems} == {stem_subtype(read_info(path).subtype)}
        return alike and verify_sum(path, stems).held
    except (AudioError, OSError):
        return False


def _is_recorded(
    oid: str, targets: Mapping[str, Path], repository: Repository, choice: Choice, wanted: Separation
) -> bool:
    info = choice.info
    for stem, target in targets.items():
        record = find_record(repository, digest(target)) or {}
        same = (
            record.get("kind") == "split"
            and record.get("mix") == oid
            and record.get("stem") == stem
            and (record.get("engine"), record.get("engine_version")) == (info.name, info.version)
            and read_wanted(record) == wanted
        )
        if not same:
            return False
    return True
