"""Stems of the track at hand: making one anew, and finding the true stems of a mix that BeatFlow made.

Joins the engines, the score and the files; the sum of the stems stays the mix, sample for sample.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, digest
from beatflow.errors import AudioError, NotFoundError, UsageError
from beatflow.production import (
    Made,
    Take,
    compose,
    describe,
    summarize,
    write_sound,
)
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.request import Request
from beatflow.sound.audio import Audio
from beatflow.sound.exact import from_integers, get_bits, to_integers
from beatflow.sound.files import read_audio, read_info
from beatflow.track import TRACK_FILE, Track, parse_track

_STEP_DB = -1.0
_MAX_CLIPPED = 1e-4


def remake_stem(
    choice: Choice,
    request: Request,
    stem: str,
    repository: Repository,
    message: str | None = None,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> Take:
    """Have an engine make one stem of the track anew, in the track's tempo, key, meter and length.

    The other stems stay as they are; the new one is brought to the old one's level, and the mix becomes the exact sum.

    Raises
    ------
    NotFoundError
        There is no ``track.toml`` with stems, or a file that it names is not there.
    UsageError
        The request asks for another tempo, key or length, or the track's faders are not all at zero.
    """
    track = _read_score(repository)
    if stem not in track.stems:
        raise UsageError(f"the track has no stem {stem!r}", hint=f"it has {', '.join(track.stems)}")
    if any(value is not None for value in (request.tempo, request.key, request.bars, request.duration_s)):
        raise UsageError("--stem keeps the track's tempo, key and length", hint="leave those options out")
    files = {name: repository.root / item.file for name, item in track.stems.items()}
    expected = {path: digest(path) for path in files.values()}
    info = read_info(files[stem])
    request = replace(
        request,
        tempo=track.tempo,
        key=track.key,
        meter=track.meter or request.meter,
        duration_s=info.duration_s,
        stems=(stem,),
    )
    made = compose(choice, request, progress)
    new = made.performance.stems.get(stem)
    if new is None:
        raise UsageError(
            f"engine {choice.info.name} made no stem {stem!r}", hint=f"it makes {_made_names(made)}"
        )
    bits = get_bits(info.subtype)
    if bits is None or bits > 24 or new.sample_rate != info.sample_rate or new.channels != info.channels:
        raise AudioError(
            f"{track.stems[stem].file} is {info.subtype}, {info.sample_rate} Hz; the engine gives "
            f"{made.performance.subtype}, {new.sample_rate} Hz"
        )
    others = sum_others(files, stem, bits)
    level = read_audio(files[stem])
    fitted = fit_stem(_to_length(new, others.shape[0]), level, others, bits)
    mix = from_integers((others + fitted).astype(np.int32), bits, info.sample_rate)
    sound = from_integers(fitted, bits, info.sample_rate)
    return _deliver(made, repository, track, stem, sound, mix, info.subtype, message, expected, dry_run)


def _read_score(repository: Repository) -> Track:
    path = repository.root / TRACK_FILE
    track = parse_track(path.read_bytes()) if path.is_file() else Track()
    if not track.stems:
        raise NotFoundError(f"no stems in {TRACK_FILE}", hint='bf generate "lofi" makes some')
    moved = [
        name
        for name, item in track.stems.items()
        if item.gain_db or item.pan or item.mute or item.solo or item.offset
    ]
    if moved or track.master_db:
        raise UsageError(
            f"the faders of {', '.join(moved) or 'the master'} are not at zero, so the mix is not the sum of its stems",
            hint=f"set them to zero in {TRACK_FILE}, or bf mix",
        )
    for item in track.stems.values():
        if not (repository.root / item.file).is_file():
            raise NotFoundError(f"{item.file} is not here", hint=f"bf restore {item.file}")
    return track


def sum_others(files: Mapping[str, Path], stem: str, bits: int) -> NDArray[np.int32]:
    """The integer sum of all stems but one, in that one's shape.

    Raises
    ------
    AudioError
        The stems differ in rate or channels.
    """
    info = read_info(files[stem])
    total = np.zeros((info.frames, info.channels), np.int32)
    for name, path in files.items():
        audio = read_audio(path)
        if (audio.sample_rate, audio.channels) != (info.sample_rate, info.channels):
            raise AudioError(f"stem {name} has another sample rate or number of channels than {stem}")
        if name != stem:
            total += to_integers(_to_length(audio, info.frames), bits)
    return total


def fit_stem(new: Audio, old: Audio, others: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
    """Bring a stem to the level (RMS) of the one that it replaces, and further down until the sum has room for it.

    Parameters
    ----------
    new, old : Audio
    others : ndarray of int32, shape (frames, channels)
        Sum of the other stems; ``new`` has the same shape.
    bits : int
        Of the integers.

    Returns
    -------
    ndarray of int32
        Integers that, added to ``others``, stay inside the range. At most one sample in 10,000 was held at the edge.
    """
    scale = 1 << (bits - 1)
    rms_new, rms_old = _rms(new), _rms(old)
    gain = rms_old / rms_new if rms_new > 0 and rms_old > 0 else 1.0
    low, high = -scale - others, scale - 1 - others
    while True:
        wanted = np.rint(new.samples.astype(np.float64) * gain * scale).astype(np.int64)
        fitted = np.clip(wanted, np.maximum(low, -scale), np.minimum(high, scale - 1))
        if np.count_nonzero(fitted != wanted) <= _MAX_CLIPPED * wanted.size or gain < 1e-4:
            return fitted.astype(np.int32)
        gain *= 10 ** (_STEP_DB / 20)


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio.samples.astype(np.float64) ** 2))) if audio.frames else 0.0


def _to_length(audio: Audio, frames: int) -> Audio:
    if audio.frames == frames:
        return audio
    samples = np.zeros((frames, audio.channels), np.float32)
    samples[: min(frames, audio.frames)] = audio.samples[:frames]
    return Audio(samples, audio.sample_rate)


def _made_names(made: Made) -> str:
    return ", ".join(made.performance.stems) or "none"


def _deliver(
    made: Made,
    repository: Repository,
    track: Track,
    stem: str,
    sound: Audio,
    mix: Audio,
    subtype: str,
    message: str | None,
    expected: Mapping[Path, str],
    dry_run: bool,
) -> Take:
    """Write the stem and the mix, with their records."""
    description = f"{stem}: {made.brief.prompt}"
    with Delivery(
        repository.root, repository, "generate", description, message=message, dry_run=dry_run
    ) as delivery:
        for path, oid in expected.items():
            delivery.expect(path, oid)
        written = write_sound(delivery, stem, track.stems[stem].file, sound, subtype)
        mixed = write_sound(delivery, "mix", track.mix_file, mix, subtype)
        oids = {stem: written.oid}
        inputs = []
        for name, item in track.stems.items():
            if name != stem:
                oids[name] = expected[repository.root / item.file]
                inputs.append({"path": item.file, "oid": oids[name]})
        record = describe(made)
        delivery.describe(written.oid, {**record, "stem": stem, "mix": mixed.oid})
        inputs.append({"path": track.stems[stem].file, "oid": written.oid})
        delivery.describe(mixed.oid, {**record, "kind": "mix", "inputs": inputs, "stems": oids})
        delivery.publish()
    return replace(summarize(made, mixed, (written,)), frames=mix.frames, duration_s=mix.duration_s)


def find_known_stems(repository: Repository, oid: str) -> dict[str, str] | None:
    """The true stems of a mix, name to oid, where its record names them and all of them are at hand."""
    record: dict[str, Any] = find_record(repository, oid) or {}
    stems = record.get("stems")
    if not isinstance(stems, dict) or not stems:
        return None
    return stems if all(found in repository.audio for found in stems.values()) else None
