"""A finished song made a beat to remix: its stems by a beat's names, the mix that they sum to, and the score.

What comes of it is what `beatflow.making.production` makes of words: ``mix.wav``, ``stems/`` and ``track.toml``, so
that every command for a track's stems works on it. Joins engines, files and the track.
"""

import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from beatflow.ai.engine import Progress, no_progress
from beatflow.ai.residual import Correction
from beatflow.ai.separation import stems_of
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, Place, digest
from beatflow.making.separation import (
    Split,
    copy_true_stems,
    describe_split,
    separate_file,
    summarize_split,
)
from beatflow.making.splitwish import SplitWish
from beatflow.making.take import CONFIDENT, SoundFile
from beatflow.making.truestems import TrueStems
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.exact import BITS
from beatflow.sound.files import AudioReader, check_sound
from beatflow.sound.writing import AudioWriter
from beatflow.track import DEFAULT_MIX, TRACK_FILE, edit_track, parse_track

_SUBTYPE = "PCM_24"
_EXACT_BITS = 24
_LISTENING = 0.15
"""Share of the time that hearing tempo and key takes."""


def place_beat(handover: Handover, title: str) -> Handover:
    """Where a beat goes if nobody says: the track itself, or outside one a new folder."""
    if handover.place:
        return handover
    if handover.repository:
        return replace(handover, place=Place(handover.repository.root))
    return replace(handover, place=Place(handover.directory / f"{title}-beat"))


def split_to_beat(
    path: Path,
    name: str,
    choice: Choice | None,
    known: TrueStems | None,
    handover: Handover,
    progress: Progress = no_progress,
    wish: SplitWish | None = None,
) -> Split:
    """Split a mix into the stems of a beat, and write its mix and its score beside them.

    Integers keep their depth. A floating-point or lossy source becomes 24 bits, turned down where it is louder than
    these can hold; `Split.corrections` is of that mix.

    Parameters
    ----------
    path : Path
        The mix; a real file.
    name : str
        What to call it.
    choice : Choice or None
        The separator; not needed where the stems are known.
    known : TrueStems or None
    handover : Handover
        With its place.
    progress : callable
    wish : SplitWish, optional
        A beat.

    Raises
    ------
    AudioError
        The mix cannot be read, or holds no samples or such that are not numbers.
    ConflictError
        Files are in the way.
    """
    started = time.perf_counter()
    wish = wish or SplitWish(beat=True)
    with Delivery(handover, "split", name) as delivery, ExitStack() as stack:
        delivery.check_free(DEFAULT_MIX, TRACK_FILE)
        mix = _bring_mix(path, name, delivery)
        reader = stack.enter_context(AudioReader(mix.path, name))
        if known:
            assert handover.repository is not None
            names = {stem: f"stems/{stem}.wav" for stem in sorted(known.oids)}
            stems = copy_true_stems(known, handover.repository, delivery, names)
            corrections: tuple[Correction, ...] = ()
        else:
            assert choice is not None
            wish.check(choice)
            made = stems_of(choice.engine, wish.separation)
            names = {stem: f"stems/{stem}.wav" for stem in made}
            delivery.check_free(*names.values())

            def report(fraction: float, what: str) -> None:
                progress((1 - _LISTENING) * fraction, what)

            stems, corrections = separate_file(reader, choice, delivery, names, report, wish.separation)
            seconds = time.perf_counter() - started
            source = (name if mix.oid == digest(path) else DEFAULT_MIX, mix.oid)
            record = describe_split(choice, reader.info, seconds, source, wish.separation, corrections)
            for stem in stems:
                delivery.describe(stem.oid, {**record, "stem": stem.name, "mix": mix.oid})
        progress(1 - _LISTENING, "hearing tempo and key")
        reader.seek(0)
        _write_score(reader, PurePosixPath(name).stem, names, delivery)
        delivery.expect(path, digest(path))
        delivery.publish()
        progress(1.0, "split")
        seconds = time.perf_counter() - started
        score = delivery.folder / TRACK_FILE
        return summarize_split(
            name, mix.oid, reader.info, stems, seconds, None if known else choice, corrections, score
        )


def _bring_mix(path: Path, name: str, delivery: Delivery) -> SoundFile:
    """Have the mix lie beside its stems: the very file where it can be, otherwise the same integers as WAV."""
    target = delivery.folder / DEFAULT_MIX
    with AudioReader(path, name) as reader:
        check_sound(reader)
        info = reader.info
        bits = BITS.get(info.subtype)
        plain = bits is not None and bits <= _EXACT_BITS
        if plain and info.format == "WAV":
            if target.exists() and target.samefile(path):
                return SoundFile("mix", path, digest(path))
            file = delivery.new_file(DEFAULT_MIX)
            shutil.copyfile(path, file)
        else:
            file = delivery.new_file(DEFAULT_MIX)
            gain = 1.0 if plain else _find_room(reader)
            subtype = info.subtype if plain and info.subtype != "PCM_S8" else _SUBTYPE
            with AudioWriter(file, info.sample_rate, info.channels, subtype) as writer:
                for block in reader.blocks():
                    writer.write(Audio(block.samples * np.float32(gain), block.sample_rate))
    oid = delivery.add(DEFAULT_MIX, file)
    source = digest(path)
    if oid != source:
        delivery.describe(oid, {"kind": "convert", "inputs": [{"path": name, "oid": source}]})
    return SoundFile("mix", file, oid)


def _find_room(reader: AudioReader) -> float:
    """By what to turn a sound down for integers to hold it; leaves it at its start."""
    peak = max(float(np.abs(block.samples).max(initial=0.0)) for block in reader.blocks())
    reader.seek(0)
    most = 1.0 - 2.0 ** (1 - _EXACT_BITS)
    return min(1.0, most / peak) if peak else 1.0


def _write_score(reader: AudioReader, title: str, names: dict[str, str], delivery: Delivery) -> None:
    """Have ``track.toml`` name the mix and the stems; tempo and key only where they are more than a guess."""
    path = delivery.folder / TRACK_FILE
    before = path.read_bytes() if path.is_file() else None
    former = parse_track(before or b"")
    heard = analyze(reader.blocks())
    changes: dict[Any, Any] = {("stems", name): None for name in former.stems}
    if former.title is None:
        changes["title"] = title
    if heard.tempo is not None and heard.tempo_confidence >= CONFIDENT:
        changes["tempo"] = round(heard.tempo, 2)
    if heard.key is not None and heard.key_confidence >= CONFIDENT:
        changes["key"] = heard.key
    changes |= {"mix.file": DEFAULT_MIX, "mix.master_db": None}
    changes |= {("stems", stem, "file"): file for stem, file in names.items()}
    file = delivery.new_file(TRACK_FILE)
    file.write_bytes(edit_track(before, changes))
    delivery.add(TRACK_FILE, file)
