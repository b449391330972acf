"""Mixes that are renders of their stems: recognising one, and rendering it again from other stems.

What the stems of a commit are is the caller's to know: it hands over the score and a way to open a path.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.provenance import Record
from beatflow.sound.fader import Fader
from beatflow.sound.files import AudioReader, SoundInfo, read_info
from beatflow.sound.formats import FORMATS, LOSSY
from beatflow.sound.mix import Mix
from beatflow.sound.writing import AudioWriter
from beatflow.track import Stem, Track

Opener = Callable[[str], BinaryIO]
"""Opens the file at a path of the track."""


def is_render(track: Track, open_path: Opener) -> bool:
    """Say whether the mix is, bit for bit, what the stems with their faders give. Stops at the first difference."""
    try:
        with ExitStack() as stack:
            file = stack.enter_context(open_path(track.mix_file))
            reader = stack.enter_context(AudioReader(file, track.mix_file))
            if not _can_be_rendered(reader.info):
                return False
            mix = open_mix(track, open_path, reader.info.subtype, stack)
            if (mix.sample_rate, mix.channels) != (reader.info.sample_rate, reader.info.channels):
                return False
            for block in mix:
                if not np.array_equal(block.samples, reader.read(block.frames).samples):
                    return False
            return mix.frames == reader.info.frames
    except (AudioError, UsageError):
        return False


def render(track: Track, open_path: Opener, like: BinaryIO, path: Path) -> int:
    """Write the mix of the stems in the format of an earlier one; returns how many samples clipped.

    Raises
    ------
    AudioError, UsageError
        The stems do not go together.
    """
    with like:
        info = read_info(like, track.mix_file)
    with ExitStack() as stack:
        mix = open_mix(track, open_path, info.subtype, stack)
        kind = "WAV" if info.format == "RF64" else info.format
        writer = stack.enter_context(AudioWriter(path, mix.sample_rate, mix.channels, info.subtype, kind))
        for block in mix:
            writer.write(block)
        return mix.clipped


def says_render(record: Mapping[str, Any] | None, track: Track, oids: Mapping[str, str]) -> bool:
    """Say whether a mix's record tells that it is the plain sum of these stems, name to oid, which no fader moved."""
    return bool(record) and bool(oids) and (record or {}).get("stems") == dict(oids) and not track.is_faded


def describe_render(track: Track, inputs: Iterable[tuple[str, str, str]]) -> Record:
    """Return the record of a mix that was rendered here, of stems given as name, path and oid."""
    stems = {name: (path, oid) for name, path, oid in inputs}
    record: Record = {
        "kind": "mix",
        "engine": "mix",
        "inputs": [{"path": path, "oid": oid} for path, oid in stems.values()],
    }
    if not track.is_faded:
        record["stems"] = {name: oid for name, (_, oid) in stems.items()}
    else:
        faders = {name: stem._asdict() for name, stem in track.stems.items()}
        record["score"] = {"master_db": track.master_db, "stems": faders}
    return record


def read_score(record: Mapping[str, Any], mix_file: str) -> Track | None:
    """Return the faders that a record keeps; None where it has none, or they cannot be read.

    Their values are as unproven as the record.
    """
    score = record.get("score")
    if not isinstance(score, dict) or not isinstance(stems := score.get("stems"), dict):
        return None
    try:
        return Track(
            mix_file=mix_file,
            master_db=float(score["master_db"]),
            stems={
                str(name): Stem(
                    str(one["file"]),
                    float(one["gain_db"]),
                    float(one["pan"]),
                    bool(one["mute"]),
                    bool(one["solo"]),
                    int(one["offset"]),
                )
                for name, one in stems.items()
            },
        )
    except (KeyError, TypeError, ValueError):
        return None


def _can_be_rendered(info: SoundInfo) -> bool:
    plain = info.subtype in ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "FLOAT")
    written = {name for name, _ in FORMATS.values()} - LOSSY.keys() | {"RF64"}
    return plain and info.format in written


def open_mix(track: Track, open_path: Opener, subtype: str, stack: ExitStack, start: int = 0) -> Mix:
    """Open the stems of a score for rendering; its blocks come by iterating, once.

    Parameters
    ----------
    track : Track
    open_path : callable
        Opens a stem's file by its path in the track.
    subtype : str
        What the mix will be stored as; ``FLOAT`` does not saturate.
    stack : ExitStack
        Closes the stems.
    start : int
        Frame of the mix to begin at; there is nothing to mix from its end on.

    Raises
    ------
    AudioError, UsageError
        The stems cannot be read, or do not go together.
    """
    stems, faders = {}, {}
    for name, stem in track.stems.items():
        reader = stack.enter_context(AudioReader(stack.enter_context(open_path(stem.file)), stem.file))
        begin = start - stem.offset
        reader.seek(max(begin, 0))
        stems[name] = reader.blocks()
        faders[name] = Fader(stem.gain_db, stem.pan, stem.mute, stem.solo, max(-begin, 0))
    return Mix(stems, faders, subtype, track.master_db)
