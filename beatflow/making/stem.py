"""Stems of the track at hand: making one anew beside the others, and finding the true stems of a mix of BeatFlow's.

Joins the engines, the score and the files; the sum of the stems stays the mix, sample for sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from beatflow.ai.engine import QUARTERS, Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import NotFoundError, UsageError
from beatflow.making.production import check_fit, compose_part, write_sound
from beatflow.making.recipe import describe
from beatflow.making.request import Request, shorten
from beatflow.making.stemfit import Signal, fit_stem, read_like, shape_like, sum_others
from beatflow.making.surroundings import Known, listen, read_known
from beatflow.making.take import Made, Take, summarize
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import SoundInfo, read_audio
from beatflow.sound.tonality import parse_key
from beatflow.track import TRACK_FILE, Track, edit_track, parse_track


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a stem among those of the track; ``oids`` and ``score`` are what they and ``track.toml`` are now."""

    repository: Repository
    track: Track
    stem: str
    oids: Mapping[str, str]
    score: bytes
    like: SoundInfo

    @property
    def files(self) -> dict[str, Path]:
        """Where each stem lies that is there."""
        return _files_of(self.repository, self.track)

    @property
    def replaces(self) -> bool:
        """There is a stem of that name already."""
        return self.stem in self.track.stems

    @property
    def file(self) -> str:
        """The stem's name in the track."""
        return self.track.stems[self.stem].file if self.replaces else f"stems/{self.stem}.wav"


def remake_stem(
    choice: Choice, request: Request, stem: str, handover: Handover, progress: Progress = no_progress
) -> Take:
    """Have an engine make one stem of the track, new or anew, after listening to the others.

    It comes in the track's tempo, key, meter and length, over the others' chords; they stay as they are, and the mix
    becomes the exact sum. The handover has a track, and leaves the place open.

    Raises
    ------
    NotFoundError
        There is no ``track.toml`` with stems, or a file that it names is not there.
    UsageError
        The request asks for a length, or another tempo or key than the track's; the others have no steady beat and
        no tempo is given; or the track's faders are not all at zero.
    """
    assert handover.repository is not None
    place = _find_place(handover.repository, stem)
    if request.bars is not None or request.duration_s is not None:
        raise UsageError("--stem keeps the track's length", hint="leave out --bars and --duration")
    progress(0.0, "listening")
    others = sum_others(place.files, stem, place.like)
    request = _fit_request(request, place, others, choice)
    check_fit(choice, request)
    made = compose_part(choice, request, progress)
    sound, mix = _fit(made, stem, place.files, place.like, others)
    take = _deliver(made, place, sound, mix, handover)
    choice.settle()
    return take


def fit_among(made: Made, stem: str, files: Mapping[str, Path]) -> tuple[Audio, Audio]:
    """Fit a new stem to its place among the others; gives it, and the new mix.

    Parameters
    ----------
    made : Made
        A performance with that stem.
    files : mapping of str to Path
        Every stem's name to its file; ``stem`` may be among them, and is replaced.

    Raises
    ------
    UsageError
        The engine made no such stem.
    AudioError
        The stems differ in shape, or have no exact sum.
    """
    like = read_like(files, stem)
    return _fit(made, stem, files, like, sum_others(files, stem, like))


def _fit(
    made: Made, stem: str, files: Mapping[str, Path], like: SoundInfo, others: Signal
) -> tuple[Audio, Audio]:
    new = made.performance.stems.get(stem)
    if new is None:
        names = ", ".join(made.performance.stems) or "none"
        raise UsageError(f"engine {made.choice.info.name} made no stem {stem!r}", hint=f"it makes {names}")
    old = read_audio(files[stem]) if stem in files else None
    return fit_stem(shape_like(new, like), old, others, like.subtype)


def _find_place(repository: Repository, stem: str) -> _Place:
    path = repository.root / TRACK_FILE
    score = path.read_bytes() if path.is_file() else b""
    track = parse_track(score)
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
    files = _files_of(repository, track)
    oids = {name: digest(file) for name, file in files.items()}
    return _Place(repository, track, stem, oids, score, read_like(files, stem))


def _files_of(repository: Repository, track: Track) -> dict[str, Path]:
    return {name: repository.root / item.file for name, item in track.stems.items()}


def _fit_request(request: Request, place: _Place, others: Signal, choice: Choice) -> Request:
    """Ask for what fits to the others: the score goes before the mix's record, and that before what is heard."""
    track, like = place.track, place.like
    mix = place.repository.root / track.mix_file
    record = find_record(place.repository, digest(mix)) if mix.is_file() else None
    known = read_known(record, choice.info.name)
    same = track.tempo in (None, known.tempo) and track.meter in (None, known.meter)
    known = replace(
        known,
        tempo=track.tempo or known.tempo,
        key=track.key or known.key,
        meter=track.meter if track.meter in QUARTERS else known.meter,
        exact=known.exact and same,
    )
    known = _heed(request, known)
    beside = Audio(others.astype(np.float32), like.sample_rate)
    if not beside.samples.any():
        # A stem on its own is listened to itself.
        beside = read_audio(place.files[place.stem])
    around = listen(beside, known, "what is beside it")
    # Whole bars, of which what is too much is cut off.
    bars = max(1, ceil(like.duration_s * around.tempo / 60 / QUARTERS[around.meter] - 0.01))
    counts = "bars" in choice.info.promises
    return replace(
        request,
        tempo=around.tempo,
        key=around.key,
        bars=bars if counts else None,
        duration_s=None if counts else like.duration_s,
        meter=around.meter,
        stems=(place.stem,),
        context=around.context,
    )


def _heed(request: Request, known: Known) -> Known:
    """Take a tempo or a key from the request where the track tells none."""
    key = str(parse_key(request.key)) if request.key else None
    if known.tempo and request.tempo not in (None, known.tempo):
        raise UsageError(f"--stem keeps the track's tempo, {known.tempo:g} BPM", hint="leave out --bpm")
    if known.key and key not in (None, known.key):
        raise UsageError(f"--stem keeps the track's key, {known.key}", hint="leave out --key")
    return replace(known, tempo=known.tempo or request.tempo, key=known.key or key)


def _deliver(made: Made, place: _Place, sound: Audio, mix: Audio, handover: Handover) -> Take:
    """Write the stem and the mix, with their records, and name a new stem in the score."""
    with Delivery(handover, "generate", shorten(f"{place.stem}: {made.brief.prompt}")) as delivery:
        _expect(place, delivery)
        written = write_sound(delivery, place.stem, place.file, sound, place.like.subtype)
        mixed = write_sound(delivery, "mix", place.track.mix_file, mix, place.like.subtype)
        others = {name: item for name, item in place.track.stems.items() if name != place.stem}
        inputs = [{"path": item.file, "oid": place.oids[name]} for name, item in others.items()]
        inputs.append({"path": place.file, "oid": written.oid})
        beside = {name: place.oids[name] for name in others}
        record = describe(made)
        remade: dict[str, Any] = {"beside": beside}
        if place.replaces:
            remade["replaced"] = {"path": place.file, "oid": place.oids[place.stem]}
        else:
            _name_stem(place, delivery)
        delivery.describe(written.oid, {**record, "stem": place.stem, "mix": mixed.oid, "remade": remade})
        stems = {place.stem: written.oid, **beside}
        delivery.describe(mixed.oid, {**record, "kind": "mix", "inputs": inputs, "stems": stems})
        delivery.publish()
    return replace(summarize(made, mixed, (written,)), frames=mix.frames, duration_s=mix.duration_s)


def _expect(place: _Place, delivery: Delivery) -> None:
    """Have the delivery refuse where what was listened to has changed meanwhile."""
    delivery.expect(place.repository.root / TRACK_FILE, sha256(place.score).hexdigest())
    for name, path in place.files.items():
        delivery.expect(path, place.oids[name])


def _name_stem(place: _Place, delivery: Delivery) -> None:
    delivery.check_free(place.file)
    score = delivery.new_file(TRACK_FILE)
    score.write_bytes(edit_track(place.score, {f"stems.{place.stem}.file": place.file}))
    delivery.add(TRACK_FILE, score)
