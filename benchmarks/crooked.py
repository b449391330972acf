"""A band that plays what it is asked for, but never quite: an engine to prove the contract with.

Off tempo, in another key, after a late start, past the last bar, too quiet: each fault can be
switched on by itself. Drums on the beat, a bass and chords of a cadence in the key, so that all of it can be
measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import QUARTERS, Brief, EngineInfo, Guide, Performance, Progress, no_progress
from beatflow.sound.exact import from_integers
from beatflow.sound.tonality import Key, parse_key

RATE = 22_050
_BITS = 24
_CADENCES = {
    "maj": ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)),
    "min": ((0, 3, 7), (8, 12, 15), (5, 8, 12), (7, 11, 14)),
}


@dataclass(frozen=True, slots=True)
class Faults:
    """What the band does wrong.

    Parameters
    ----------
    tempo : float
        Part of the tempo that it is off by, at most; drawn anew from each seed, in either direction.
    semitones : int
        How far above the key it plays.
    late_s : float
        Silence before the first downbeat.
    gain : float
        Of all of it.
    drift : float
        By which part the tempo changes from the start to the end.
    wrong : float
        In which part of the seeds it plays nothing but noise.
    """

    tempo: float = 0.0
    semitones: int = 0
    late_s: float = 0.0
    gain: float = 0.5
    drift: float = 0.0
    wrong: float = 0.0


class CrookedBand:
    """Plays with faults; ``stems`` gives its parts as well, of which the mix is the exact sum."""

    def __init__(self, faults: Faults, stems: bool = False, name: str = "crooked") -> None:
        self.faults, self._stems = faults, stems
        self.seeds: list[int] = []
        promises = frozenset({"duration", *(("stems",) if stems else ())})
        self.info = EngineInfo(name, "1", frozenset({"generate"}), "CC0-1.0", RATE, promises=promises)

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Play."""
        self.seeds.append(brief.seed)
        progress(0.5, "playing")
        rng = np.random.default_rng(brief.seed)
        faults = self.faults
        tempo = (brief.tempo or 100.0) * (
            1 + faults.tempo * (1 if rng.random() < 0.5 else -1) * rng.uniform(0.3, 1)
        )
        length_s = brief.duration_s or 10.0
        if brief.bars is not None:
            length_s = brief.bars * QUARTERS[brief.meter] * 60 / tempo
        frames = round(length_s * RATE)
        if rng.random() < faults.wrong:
            parts = {"other": rng.normal(0, 0.1, frames)}
        else:
            key = parse_key(brief.key or "C:maj")
            shifted = Key((key.tonic + faults.semitones) % 12, key.mode)
            parts = _play(shifted, tempo, brief.meter, frames, faults, rng)
        return self._perform({name: part * faults.gain for name, part in parts.items()})

    def _perform(self, parts: Mapping[str, NDArray[np.float64]]) -> Performance:
        scale = 1 << (_BITS - 1)
        whole = {
            name: np.rint(np.clip(np.stack([part, part * 0.9], 1), -0.33, 0.33) * scale).astype(np.int32)
            for name, part in parts.items()
        }
        mix = from_integers(sum(whole.values(), np.zeros(1, np.int32)), _BITS, RATE)
        stems = (
            {name: from_integers(part, _BITS, RATE) for name, part in whole.items()} if self._stems else {}
        )
        return Performance(stems, mix, "PCM_24", None, None, None, None, {}, {})


class CrookedBatch(CrookedBand):
    """The same, several takes at once."""

    def generate_batch(
        self, briefs: Sequence[Brief], guide: Guide | None = None, progress: Progress = no_progress
    ) -> list[Performance]:
        """Play each."""
        return [self.generate(brief, progress) for brief in briefs]


def _play(
    key: Key, tempo: float, meter: str, frames: int, faults: Faults, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Drums, bass and chords from a late first downbeat to the very end."""
    beats = QUARTERS[meter]
    drums, bass, chords = (np.zeros(frames) for _ in range(3))
    beat, at = 0, faults.late_s
    while at * RATE < frames:
        drift = 1 + faults.drift * at * RATE / frames
        step = 60 / (tempo * drift)
        bar, place = divmod(beat, beats)
        chord = [48 + key.tonic + note for note in _CADENCES[key.mode][bar % 4]]
        _add(drums, at, _kick() if place == 0 or (beats == 4 and place == 2) else _snare(rng))
        _add(drums, at, _hat(rng))
        _add(drums, at + step / 2, _hat(rng) * 0.6)
        _add(bass, at, _tone(chord[0] - 12, step * 0.9, 4, 0.2))
        if place == 0:
            for note in chord:
                _add(chords, at, _tone(note + 12, step * beats * 0.95, 6, 0.07))
        beat, at = beat + 1, at + step
    return {"drums": drums, "bass": bass, "chords": chords}


def _add(track: NDArray[np.float64], start_s: float, sound: NDArray[np.float64]) -> None:
    first = round(start_s * RATE)
    count = min(len(sound), len(track) - first)
    if count > 0:
        track[first : first + count] += sound[:count]


def _kick() -> NDArray[np.float64]:
    time = np.arange(round(0.2 * RATE)) / RATE
    return np.asarray(
        0.3 * np.sin(2 * np.pi * (50 * time + 8 * (1 - np.exp(-time * 30)))) * np.exp(-time * 18)
    )


def _snare(rng: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(0.15 * RATE)) / RATE
    return np.asarray(rng.normal(0, 0.1, len(time)) * np.exp(-time * 25))


def _hat(rng: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(0.05 * RATE)) / RATE
    return np.asarray(np.diff(rng.normal(0, 0.04, len(time)), prepend=0.0) * np.exp(-time * 90))


def _tone(midi: int, length_s: float, partials: int, level: float) -> NDArray[np.float64]:
    time = np.arange(round(length_s * RATE)) / RATE
    hz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum((np.sin(2 * np.pi * hz * n * time) / n for n in range(1, partials + 1)), np.zeros(len(time)))
    edge = np.minimum(1, np.minimum(time, time[-1] - time) / 0.01)
    return np.asarray(level * wave * edge * np.exp(-time * 0.8))
