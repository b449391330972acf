"""Twenty versions of one production, edited as a producer edits. Knows sound; knows nothing of stores.

Every edit but the plain file moves ends in a new mix, as it does in a studio. Which bars, stems and amounts are
taken is drawn from the seed.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np

from benchmarks.material import RATE, Material
from benchmarks.pcm import Pcm, decibels, to_integers, wav_bytes

Item = TypeVar("Item")

_CROSSFADE = RATE // 100
_MASTER_DB = -2.0
_FADERS_DB = (0.0, -1.5, -3.0, -2.0)


@dataclass(frozen=True)
class Project:
    """What lies in the folder. Edits make a new project; arrays are never changed."""

    stems: Mapping[str, Pcm]
    faders_db: Mapping[str, float]
    mix: Pcm
    spare: Mapping[str, Pcm] = field(default_factory=dict)
    export: Pcm | None = None
    tags: str = ""

    def files(self) -> dict[str, bytes]:
        """Return every sound of the folder."""
        sounds = {f"stems/{name}.wav": samples for name, samples in {**self.stems, **self.spare}.items()}
        found = {path: wav_bytes(samples, RATE, 16, self.tags) for path, samples in sounds.items()}
        found["mix.wav"] = wav_bytes(self.mix, RATE, 16, self.tags)
        if self.export is not None:
            found["exports/mix-24.wav"] = wav_bytes(self.export, RATE, 24)
        return found


class Version(NamedTuple):
    """One state of the folder, and what was done to come to it."""

    message: str
    files: dict[str, bytes]


def mix_down(stems: Mapping[str, Pcm], faders_db: Mapping[str, float], bits: int = 16) -> np.ndarray:
    """Return the sum with faders, not yet rounded, in steps of `bits` bits; shape (frames, 2)."""
    total = np.zeros((max(map(len, stems.values())), 2))
    for name, samples in stems.items():
        total[: len(samples)] += samples * decibels(faders_db[name] + _MASTER_DB)
    return total * (1 << (bits - 16))


def dithered(samples: np.ndarray, seed: int) -> Pcm:
    """Round with triangular dither of two steps, as a DAW does, afresh for every seed."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 1 << 16, (2, *samples.shape)).sum(axis=0) / (1 << 16) - 1.0
    return to_integers(samples + noise)


def versions(material: Material, seed: int) -> Iterator[Version]:
    """Yield the twenty versions, oldest first, each with a session file that lists what was done so far."""
    editor = _Editor(material, random.Random(seed))
    done: list[str] = []
    for message, project in editor.history():
        done.append(message)
        session = "".join(f"{number:2} {text}\n" for number, text in enumerate(done, 1))
        yield Version(message, {"session.txt": session.encode()} | project.files())


class _Editor:
    """The producer: knows the material, and draws what to do from one stream of random numbers."""

    def __init__(self, material: Material, rng: random.Random) -> None:
        self._material = material
        self._rng = rng
        self._bar = material.bar
        # Four bars in a song; a bar in the few seconds of a test.
        bars = len(next(iter(material.stems.values()))) // material.bar
        self._phrase = min(4, max(1, bars // 8)) * material.bar

    def history(self) -> Iterator[tuple[str, Project]]:
        drums, bass, chords, melody = self._material.stems
        faders = dict(zip(self._material.stems, _FADERS_DB, strict=True))
        stems = dict(self._material.stems)
        project = Project(stems, faders, to_integers(mix_down(stems, faders)))
        yield "first bounce", project
        for edit, name in ((self.take, melody), (self.silence, bass), (self.gain, drums)):
            message, project = edit(project, name)
            yield message, project
        yield self.mute(project, chords)
        yield "back to how it was before the mute", project
        project = replace(project, spare={f"{melody}-double": project.stems[melody]})
        yield f"{melody} copied", project
        keys = "keys"
        project = replace(
            project,
            stems=_renamed(project.stems, chords, keys),
            faders_db=_renamed(project.faders_db, chords, keys),
        )
        yield f"{chords} renamed to {keys}", project
        for step in (self.append, self.cut, self.export, self.fade, self.tag, self.dither):
            message, project = step(project)
            yield message, project
        later = [self.take, self.silence, self.gain, self.mute, self.filter, self.shorten, self.take]
        for one in self._rng.sample(later, 6):
            message, project = one(project, self._rng.choice(list(project.stems)))
            yield message, project

    # Edits of one stem; the mix follows.

    def take(self, project: Project, name: str) -> tuple[str, Project]:
        old = project.stems[name]
        start, stop = self._phrase_in(old)
        source = list(self._material.takes.values())[list(project.stems).index(name)]
        new = np.resize(source, old.shape)[start:stop]
        return f"{name}: new take of a phrase", _with(project, name, _spliced(old, new, start))

    def silence(self, project: Project, name: str) -> tuple[str, Project]:
        old = project.stems[name]
        at, _ = self._phrase_in(old)
        parts = [old[:at], np.zeros((self._bar, 2), np.int32), old[at:]]
        return f"{name}: a bar of silence", _with(project, name, np.concatenate(parts))

    def gain(self, project: Project, name: str) -> tuple[str, Project]:
        gain_db = self._rng.choice([-2.5, -1.5, -0.8, 0.6, 1.2])
        new = to_integers(project.stems[name] * decibels(gain_db))
        return f"{name}: {gain_db:+} dB", _with(project, name, new)

    def mute(self, project: Project, name: str) -> tuple[str, Project]:
        new = project.stems[name].copy()
        start, stop = self._phrase_in(new)
        new[start:stop] = 0
        return f"{name}: a phrase muted", _with(project, name, new)

    def filter(self, project: Project, name: str) -> tuple[str, Project]:
        from benchmarks.filters import high_shelf

        gain_db = self._rng.choice([-4.0, -2.0, 3.0])
        new = to_integers(high_shelf(project.stems[name], 5000.0, gain_db, RATE))
        return f"{name}: {gain_db:+} dB above 5 kHz", _with(project, name, new)

    def shorten(self, project: Project, name: str) -> tuple[str, Project]:
        start, stop = self._phrase_in(project.stems[name])
        return f"{name}: a phrase cut", _with(project, name, _without(project.stems[name], start, stop))

    # Edits of everything, or of the mix alone.

    def append(self, project: Project) -> tuple[str, Project]:
        takes = dict(zip(project.stems, self._material.takes.values(), strict=True))
        length = 2 * self._phrase
        stems = {name: np.concatenate([old, takes[name][-length:]]) for name, old in project.stems.items()}
        spare = {name: np.pad(old, ((0, length), (0, 0))) for name, old in project.spare.items()}
        return "an outro in all files", _mixed(replace(project, stems=stems, spare=spare))

    def cut(self, project: Project) -> tuple[str, Project]:
        start, stop = self._phrase_in(min(project.stems.values(), key=len))

        def shorter(old: Pcm) -> Pcm:
            return _without(old, start, stop)

        return "a phrase cut out of all files", _mapped(project, shorter)

    def export(self, project: Project) -> tuple[str, Project]:
        fine = to_integers(mix_down(project.stems, project.faders_db, 24), 24)
        return "mix exported at 24 bits", replace(project, export=fine)

    def fade(self, project: Project) -> tuple[str, Project]:
        length = min(10 * RATE, len(project.mix) // 2)
        curve = np.ones((len(project.mix), 1))
        curve[-length:, 0] = np.linspace(1.0, 0.0, length)
        return "mix faded out", replace(project, mix=to_integers(project.mix * curve))

    def tag(self, project: Project) -> tuple[str, Project]:
        return "tags in all files", replace(project, tags="night drive, all rights with the band")

    def dither(self, project: Project) -> tuple[str, Project]:
        faders = {name: db + self._rng.choice([-1.5, -0.7, 0.4]) for name, db in project.faders_db.items()}
        mix = dithered(mix_down(project.stems, faders), self._rng.randrange(1 << 30))
        return "faders moved, mix rendered with dither", replace(project, faders_db=faders, mix=mix)

    def _phrase_in(self, samples: Pcm) -> tuple[int, int]:
        """Draw a phrase that begins on a bar, as frames."""
        last = (len(samples) - self._phrase) // self._bar
        start = self._rng.randrange(last // 4, last + 1) * self._bar
        return start, start + self._phrase


def _with(project: Project, name: str, samples: Pcm) -> Project:
    return _mixed(replace(project, stems={**project.stems, name: samples}))


def _mixed(project: Project) -> Project:
    return replace(project, mix=to_integers(mix_down(project.stems, project.faders_db)))


def _mapped(project: Project, edit: Callable[[Pcm], Pcm]) -> Project:
    """Do the same to every file, the mix included."""
    stems = {name: edit(old) for name, old in project.stems.items()}
    spare = {name: edit(old) for name, old in project.spare.items()}
    return replace(project, stems=stems, spare=spare, mix=edit(project.mix))


def _renamed(items: Mapping[str, Item], old: str, new: str) -> dict[str, Item]:
    return {new if name == old else name: item for name, item in items.items()}


def _without(samples: Pcm, start: int, stop: int) -> Pcm:
    return np.concatenate([samples[:start], samples[stop:]])


def _spliced(old: Pcm, new: Pcm, start: int) -> Pcm:
    """Put `new` in from frame `start` on, with a short crossfade at both ends."""
    share = np.ones((len(new), 1))
    ramp = np.linspace(0.0, 1.0, min(_CROSSFADE, len(new) // 2))
    share[: len(ramp), 0], share[len(new) - len(ramp) :, 0] = ramp, ramp[::-1]
    out = old.copy()
    stop = start + len(new)
    out[start:stop] = to_integers(old[start:stop] * (1.0 - share) + new * share)
    return out
