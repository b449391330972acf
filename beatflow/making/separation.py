"""Splitting a mix into stems that sum to it exactly: the true ones where they are known, otherwise an engine's.

Joins engines, files and the track. Works block by block: memory does not grow with the length of the mix.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from beatflow.ai.engine import DEFAULT_SEPARATION, Progress, Separation, StreamSeparator, no_progress
from beatflow.ai.separation import measure_moments, separate_stream, stems_of
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import AudioError, UsageError
from beatflow.making.recipe import surroundings
from beatflow.making.stem import find_known_stems
from beatflow.making.stemname import ONE, fill_template
from beatflow.making.take import SoundFile
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.exact import measure_sum
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


@dataclass(frozen=True, slots=True)
class Naming:
    """How the stems of a mix are called: a template, and the mix as the template sees it."""

    template: str
    path: PurePosixPath

    def fill(self, stems: Iterable[str]) -> dict[str, str]:
        """The file of each stem, below the folder that they go to."""
        return fill_template(self.template, self.path, list(stems))


ONE_BY_ONE = Naming(ONE, PurePosixPath("mix.wav"))


def check_wanted(choice: Choice, wanted: Separation) -> None:
    """Refuse what the engine does not heed.

    Raises
    ------
    UsageError
        An option that it has not, or a stem that it does not make.
    """
    info = choice.info
    for option in ("shifts", "overlap"):
        if getattr(wanted, option) is not None and option not in info.options:
            raise UsageError(f"engine {info.name} has no --{option}", hint="--engine htdemucs has it")
    stems = choice.engine.stems
    if wanted.two_stems is not None and wanted.two_stems not in stems:
        raise UsageError(
            f"engine {info.name} makes no stem {wanted.two_stems!r}", hint=f"it makes {', '.join(stems)}"
        )


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
    check_wanted(choice, wanted)
    files = naming.fill(stems_of(choice.engine, wanted))
    oid = digest(path)
    with Delivery(handover, "split", name) as delivery, AudioReader(path, name) as reader:
        delivery.check_free(*files.values())
        check_sound(reader)
        stems = _separate(reader, choice, delivery, files, progress, wanted)
        seconds = time.perf_counter() - started
        record = _describe(choice, reader.info, seconds, name, oid, wanted)
        for stem in stems:
            delivery.describe(stem.oid, {**record, "stem": stem.name, "mix": oid})
        delivery.expect(path, oid)
        delivery.publish()
        return _summarize(name, oid, reader.info, stems, seconds, choice)


def write_true_stems(
    path: Path, name: str, known: Mapping[str, str], handover: Handover, naming: Naming = ONE_BY_ONE
) -> Split:
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
        stems = _copy_known(known, handover.repository, delivery, naming.fill(known))
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
    reader: AudioReader,
    choice: Choice,
    delivery: Delivery,
    names: Mapping[str, str],
    progress: Progress,
    wanted: Separation,
) -> tuple[SoundFile, ...]:
    info = reader.info
    subtype = stem_subtype(info.subtype)
    files = {stem: delivery.new_file(name) for stem, name in names.items()}
    moments = None
    if isinstance(choice.engine, StreamSeparator):
        moments = measure_moments(reader.blocks())
        reader.seek(0)
    with ExitStack() as stack:
        writers = {
            stem: stack.enter_context(
                AudioWriter(file, info.sample_rate, info.channels, subtype, frames=info.frames)
            )
            for stem, file in files.items()
        }
        for part in separate_stream(
            reader.blocks(), choice.engine, subtype, progress, info.frames, wanted, moments
        ):
            for stem, audio in part.items():
                writers[stem].write(audio)
    return tuple(_add(delivery, stem, names[stem], file) for stem, file in files.items())


def _copy_known(
    known: Mapping[str, str], repository: Repository, delivery: Delivery, names: Mapping[str, str]
) -> tuple[SoundFile, ...]:
    stems = []
    for stem, oid in sorted(known.items()):
        file = delivery.new_file(names[stem])
        with file.open("wb") as out:
            for block in repository.audio.iter_bytes(oid):
                out.write(block)
        stems.append(_add(delivery, stem, names[stem], file))
    return tuple(stems)


def _add(delivery: Delivery, stem: str, name: str, file: Path) -> SoundFile:
    return SoundFile(stem, delivery.folder / name, delivery.add(name, file))


def _describe(
    choice: Choice, info: SoundInfo, seconds: float, name: str, oid: str, wanted: Separation
) -> dict[str, Any]:
    engine = choice.info
    return {
        "kind": "split",
        "engine": engine.name,
        "engine_version": engine.version,
        "licence": engine.licence,
        "weights": list(engine.weights),
        "separation": asdict(wanted),
        "parameters": {"segment_s": choice.engine.segment_s, "overlap_s": choice.engine.overlap_s},
        "inputs": [{"path": name, "oid": oid}],
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
    return Separation(
        **{name: given[name] for name, kind in kinds.items() if isinstance(given.get(name), kind)}
    )


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
        return _sums_up(path, targets)
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


def _sums_up(path: Path, targets: Mapping[str, Path]) -> bool:
    with ExitStack() as stack:
        mix = stack.enter_context(AudioReader(path))
        stems = {name: stack.enter_context(AudioReader(target)) for name, target in targets.items()}
        subtype = stem_subtype(mix.info.subtype)
        shape = (mix.info.frames, mix.info.channels, mix.info.sample_rate, subtype)
        for stem in stems.values():
            info = stem.info
            if (info.frames, info.channels, info.sample_rate, info.subtype) != shape:
                return False
        for block in mix.blocks():
            parts = dict(_read_beside(stems, block))
            if any(part.frames != block.frames for part in parts.values()):
                return False
            if measure_sum(parts, block, subtype).differing:
                return False
        return bool(mix.info.frames)


def _read_beside(stems: Mapping[str, AudioReader], block: Audio) -> Iterator[tuple[str, Audio]]:
    for name, reader in stems.items():
        yield name, reader.read(block.frames)
