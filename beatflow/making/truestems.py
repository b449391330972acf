"""The stems that a mix was made from, where the track's history knows them: found by its record, proven by their sum.

A mix is known by its bytes or, when it was packed as FLAC or cut out of one, by its samples. Whatever a record
says, the stems count only when they sum to the sound at hand in every sample.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beatflow.delivery import digest
from beatflow.errors import BeatFlowError
from beatflow.objects.ids import is_oid
from beatflow.provenance import Record, RecordFinder
from beatflow.repository import Repository
from beatflow.sound.audio import Samples
from beatflow.sound.exact import BITS, FLOATS
from beatflow.sound.files import AudioReader, SoundInfo, read_info

_BLOCK_FRAMES = 1 << 16
_PATTERN_FRAMES = 256
_MOST_PLACES = 32
_MOST_CUT = 16
_SURE_PEAK = 1e-4


@dataclass(frozen=True, slots=True)
class TrueStems:
    """The stems of a mix, name to oid; the sound at hand is ``frames`` of them from ``start`` on."""

    oids: Mapping[str, str]
    start: int
    frames: int
    whole: bool


class TrueStemFinder:
    """Looks for the true stems of sounds; goes through history once."""

    def __init__(self, repository: Repository | None) -> None:
        self._repository = repository
        self._known: dict[str, dict[str, str]] | None = None

    def find(self, path: Path) -> TrueStems | None:
        """The stems that a sound was mixed from, proven; None where none are known, or at hand, or sum to it."""
        if self._repository is None:
            return None
        finder = RecordFinder(self._repository)
        oid = digest(path)
        stems = _read_stems(finder([oid]).get(oid) or {})
        try:
            if stems and (found := self._prove(path, stems)):
                return found
            if not _may_be_copy(path):
                return None
            others = [other for other in self._others() if other != stems]
            for other in others:
                if found := self._prove(path, other):
                    return found
            # Looking for a place takes reading a whole mix, so only the latest ones are gone through.
            for other in others[:_MOST_CUT]:
                if found := self._prove(path, other, cut=True):
                    return found
        except BeatFlowError:  # what cannot be read here is told of where it is split
            return None
        return None

    def _others(self) -> Iterator[dict[str, str]]:
        """The stems of every mix whose record names some, each set of them once."""
        assert self._repository is not None
        if self._known is None:
            sets = (_read_stems(record) for _, record in RecordFinder(self._repository).all())
            self._known = {" ".join(sorted(stems.values())): stems for stems in sets if stems}
        yield from self._known.values()

    def _prove(self, path: Path, stems: Mapping[str, str], cut: bool = False) -> TrueStems | None:
        """See whether these stems sum to the sound; or, if it may be ``cut`` out, a stretch of them."""
        assert self._repository is not None
        store = self._repository.audio
        if not all(oid in store for oid in stems.values()):
            return None
        with ExitStack() as stack:
            sound = stack.enter_context(AudioReader(path))
            readers = [
                stack.enter_context(AudioReader(stack.enter_context(store.open(oid)), name))
                for name, oid in stems.items()
            ]
            info, shapes = sound.info, {_shape(reader.info) for reader in readers}
            if len(shapes) != 1 or not info.frames:
                return None
            sample_rate, channels, frames = shapes.pop()
            if (sample_rate, channels) != (info.sample_rate, info.channels):
                return None
            if info.frames > frames or (info.frames < frames) != cut:
                return None
            places = list(_find_places(sound, readers, frames)) if cut else [0]
            for start in places:
                if _sums_to(sound, readers, start):
                    return TrueStems(dict(stems), start, info.frames, info.frames == frames)
        return None


def _may_be_copy(path: Path) -> bool:
    """Whether the samples can be those of another file: what a lossy decoder gives are no one else's."""
    subtype = read_info(path).subtype
    return subtype in BITS or subtype in FLOATS


def _read_stems(record: Record | Mapping[str, Any]) -> dict[str, str]:
    """The stems that a record names; what is malformed names none. A split's estimates are no true stems."""
    stems = record.get("stems")
    if not isinstance(stems, dict) or record.get("kind") == "split":
        return {}
    good = all(isinstance(name, str) and isinstance(oid, str) and is_oid(oid) for name, oid in stems.items())
    return dict(stems) if good else {}


def _shape(info: SoundInfo) -> tuple[int, int, int]:
    return info.sample_rate, info.channels, info.frames


def _iter_sum(readers: list[AudioReader], start: int, frames: int) -> Iterator[Samples]:
    """The sum of stems from a frame on, rounded to float32: integers of up to 24 bits are exact."""
    for reader in readers:
        reader.seek(start)
    for first in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - first)
        parts = [reader.read(count).samples.astype(np.float64) for reader in readers]
        if any(len(part) != count for part in parts):
            return
        yield np.asarray(sum(parts[1:], parts[0]), dtype=np.float32)


def _sums_to(sound: AudioReader, readers: list[AudioReader], start: int) -> bool:
    sound.seek(0)
    done = 0
    for total in _iter_sum(readers, start, sound.info.frames):
        if not np.array_equal(sound.read(len(total)).samples, total):
            return False
        done += len(total)
    return done == sound.info.frames


def _find_places(sound: AudioReader, readers: list[AudioReader], frames: int) -> Iterator[int]:
    """Where in a mix a sound may have been cut out: everywhere that a short stretch of it occurs."""
    sound.seek(0)
    before = 0
    for block in sound.blocks(_BLOCK_FRAMES):
        loud = np.flatnonzero(np.abs(block.samples).max(axis=1) > _SURE_PEAK)
        if loud.size:
            break
        before += block.frames
    else:
        return
    anchor = before + int(loud[0])
    length = min(_PATTERN_FRAMES, sound.info.frames - anchor)
    sound.seek(anchor)
    pattern = sound.read(length).samples
    held = np.zeros((0, pattern.shape[1]), np.float32)
    first, found = 0, 0
    for total in _iter_sum(readers, 0, frames):
        held = np.concatenate([held, total])
        count = len(held) - length + 1
        for at in np.flatnonzero((held[: max(0, count)] == pattern[0]).all(axis=1)):
            start = first + int(at) - anchor
            inside = 0 <= start <= frames - sound.info.frames
            if inside and np.array_equal(held[at : at + length], pattern):
                found += 1
                yield start
                if found == _MOST_PLACES:
                    return
        keep = max(0, len(held) - length + 1)
        first, held = first + keep, held[keep:]
