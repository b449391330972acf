"""Stems of the track at hand: making one anew, and finding the true stems of a mix that BeatFlow made.

Joins the engines, the score and the files; the sum of the stems stays the mix, sample for sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import AudioError, NotFoundError, UsageError
from beatflow.making.production import check_fit, compose, write_sound
from beatflow.making.recipe import describe
from beatflow.making.request import Request, shorten
from beatflow.making.take import Made, Take, summarize
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.exact import from_integers, get_bits, to_integers
from beatflow.sound.files import SoundInfo, read_audio, read_info
from beatflow.track import TRACK_FILE, Track, parse_track

_STEP_DB = -1.0
_MAX_CLIPPED = 1e-4


@dataclass(frozen=True, slots=True)
class _Old:
    """The stem that is to be replaced, among the stems of the track; ``oids`` and ``score`` are what they and
    ``track.toml`` are now.
    """

    repository: Repository
    track: Track
    stem: str
    oids: Mapping[str, str]
    score: str
    info: SoundInfo

    @property
    def files(self) -> dict[str, Path]:
        """Where each stem lies."""
        return {name: self.repository.root / item.file for name, item in self.track.stems.items()}

    @property
    def file(self) -> str:
        """The stem's name in the track."""
        return self.track.stems[self.stem].file


def remake_stem(
    choice: Choice, request: Request, stem: str, handover: Handover, progress: Progress = no_progress
) -> Take:
    """Have an engine make one stem of the track anew, in the track's tempo, key, meter and length.

    The other stems stay as they are; the new one is brought to the old one's level, and the mix becomes the exact sum.
    The handover has a track, and leaves the place open.

    Raises
    ------
    NotFoundError
        There is no ``track.toml`` with stems, or a file that it names is not there.
    UsageError
        The request asks for another tempo, key or length, or the track's faders are not all at zero.
    """
    assert handover.repository is not None
    score = _find_score(handover.repository)
    track = _read_score(handover.repository)
    if stem not in track.stems:
        raise UsageError(f"the track has no stem {stem!r}", hint=f"it has {', '.join(track.stems)}")
    if any(value is not None for value in (request.tempo, request.key, request.bars, request.duration_s)):
        raise UsageError("--stem keeps the track's tempo, key and length", hint="leave those options out")
    old = _read_old(handover.repository, track, stem, score)
    request = replace(
        request,
        tempo=track.tempo,
        key=track.key,
        meter=track.meter or request.meter,
        duration_s=old.info.duration_s,
        stems=(stem,),
    )
    check_fit(choice, request)
    made = compose(choice, request, progress)
    sound, mix = fit_among(made, stem, old.files)
    take = _deliver(made, old, sound, mix, handover)
    choice.settle()
    return take


def _read_old(repository: Repository, track: Track, stem: str, score: str) -> _Old:
    files = {name: repository.root / item.file for name, item in track.stems.items()}
    oids = {name: digest(path) for name, path in files.items()}
    return _Old(repository, track, stem, oids, score, read_info(files[stem]))


def fit_among(made: Made, stem: str, files: Mapping[str, Path]) -> tuple[Audio, Audio]:
    """Fit a new stem to the old one's place among the others; gives it, and the new mix.

    Parameters
    ----------
    made : Made
        A performance with that stem.
    files : mapping of str to Path
        Every stem's name to its file; ``stem`` is the one that is replaced.

    Raises
    ------
    UsageError
        The engine made no such stem.
    AudioError
        The stems' format is not the engine's, or the stems differ in shape.
    """
    new = made.performance.stems.get(stem)
    if new is None:
        names = ", ".join(made.performance.stems) or "none"
        raise UsageError(f"engine {made.choice.info.name} made no stem {stem!r}", hint=f"it makes {names}")
    info = read_info(files[stem])
    bits = get_bits(info.subtype)
    if bits is None or bits > 24 or new.sample_rate != info.sample_rate or new.channels != info.channels:
        raise AudioError(
            f"{files[stem].name} is {info.subtype}, {info.sample_rate} Hz; the engine gives "
            f"{made.performance.subtype}, {new.sample_rate} Hz"
        )
    others = sum_others(files, stem, bits)
    fitted = fit_stem(_to_length(new, others.shape[0]), read_audio(files[stem]), others, bits)
    mix = from_integers((others + fitted).astype(np.int32), bits, info.sample_rate)
    return from_integers(fitted, bits, info.sample_rate), mix


def _find_score(repository: Repository) -> str:
    path = repository.root / TRACK_FILE
    return digest(path) if path.is_file() else ""


def _read_score(repository: Repository) -> Track:
    path = repository.root / TRACK_FILE
    track = parse_track(path.read_bytes()) if path.is_file() else Track()
    if not track.stems:
        raise NotFoundError(
            f"no stems in {TRACK_FILE}",
            hint=f'bf split {track.mix_file} finds some, bf generate "lofi" --engine synth makes some',
        )
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
        The stems differ in rate, channels, depth or length, so that the mix could not be their exact sum.
    """
    info = read_info(files[stem])
    total = np.zeros((info.frames, info.channels), np.int32)
    for name, path in files.items():
        other = read_info(path)
        if replace(other, format=info.format, truncated=info.truncated) != info:
            raise AudioError(
                f"stem {name} has another rate, depth, length or number of channels than {stem}",
                hint="bounce all stems alike, or take a new mix: bf generate",
            )
        if name != stem:
            total += to_integers(read_audio(path), bits)
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
    if (low > scale - 1).any() or (high < -scale).any():
        raise AudioError(
            "the other stems are too loud together: no mix has room for them", hint="turn them down"
        )
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


def _deliver(made: Made, old: _Old, sound: Audio, mix: Audio, handover: Handover) -> Take:
    """Write the stem and the mix, with their records."""
    with Delivery(handover, "generate", shorten(f"{old.stem}: {made.brief.prompt}")) as delivery:
        delivery.expect(old.repository.root / TRACK_FILE, old.score)
        for name, path in old.files.items():
            delivery.expect(path, old.oids[name])
        written = write_sound(delivery, old.stem, old.file, sound, old.info.subtype)
        mixed = write_sound(delivery, "mix", old.track.mix_file, mix, old.info.subtype)
        others = {name: item for name, item in old.track.stems.items() if name != old.stem}
        inputs = [{"path": item.file, "oid": old.oids[name]} for name, item in others.items()]
        inputs.append({"path": old.file, "oid": written.oid})
        oids = {old.stem: written.oid, **{name: old.oids[name] for name in others}}
        record = describe(made)
        remade = {
            "replaced": {"path": old.file, "oid": old.oids[old.stem]},
            "beside": {name: old.oids[name] for name in others},
        }
        delivery.describe(written.oid, {**record, "stem": old.stem, "mix": mixed.oid, "remade": remade})
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
