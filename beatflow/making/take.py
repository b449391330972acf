"""What was made: a performance with its circumstances, and a take of it with its files, for people and for JSON.

Knows figures only: it writes no file and chooses no engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.table import Choice
from beatflow.making.request import Request
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

CONFIDENT = 0.3
"""A measured tempo or key with less confidence is a mere guess."""
_SAME_TEMPO = 0.01
_OCTAVE = 1.4


@dataclass(frozen=True, slots=True)
class Source:
    """What music is made around.

    Parameters
    ----------
    melody : tuple of Note
    inputs : tuple of mapping
        The recordings as provenance names them: path and oid.
    audio : Audio or None
        The recording itself, or its beginning.
    duration_s : float
        Length of all of it.
    tempo, key : float, str or None
        Heard in it, where that is more than a guess.
    heard : mapping
        The engine that heard it: ``engine`` and ``engine_version``.
    """

    melody: tuple[Note, ...]
    inputs: tuple[Mapping[str, str], ...]
    audio: Audio | None = None
    duration_s: float | None = None
    tempo: float | None = None
    key: str | None = None
    heard: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Takes that were drawn at once, by their seeds; ``index`` is one of them."""

    seeds: tuple[int, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Made:
    """What an engine gave, for which brief, and how long it took; of a batch, a take's share of the time."""

    choice: Choice
    brief: Brief
    performance: Performance
    seconds: float
    request: Request
    source: Source | None = None
    batch: Batch | None = None

    @property
    def notes(self) -> Mapping[str, Any]:
        """The notes of each stem; the melody alone where the engine knows none."""
        if self.performance.notes or not self.source:
            return self.performance.notes
        return {"melody": self.source.melody}


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A sound that was written."""

    name: str
    path: Path
    oid: str


@dataclass(frozen=True, slots=True)
class Take:
    """One piece of music, and where it lies.

    ``tempo``, ``key`` and ``bars`` are those that the engine kept to; the ones in ``estimated`` it does not know, so
    they were measured, and are None where nothing could be. ``asked`` holds what was asked for, of ``tempo``, ``key``,
    ``bars`` and ``duration_s``.
    """

    prompt: str
    seed: int
    engine: str
    engine_version: str
    tempo: float | None
    key: str | None
    meter: str | None
    bars: int | None
    frames: int
    sample_rate: int
    duration_s: float
    seconds: float
    real_time_factor: float
    mix: SoundFile | None
    stems: tuple[SoundFile, ...] = ()
    midi: Path | None = None
    asked: Mapping[str, object] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()
    measured: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)


def measure(made: Made) -> dict[str, Any]:
    """What the mix turns out to be, whatever was asked for.

    The tempo is looked for within an octave around the one that is known or was asked for.
    """
    tempo = made.performance.tempo or made.brief.tempo
    around = (tempo / _OCTAVE, tempo * _OCTAVE) if tempo else None
    facts = analyze(made.performance.mix, around).to_json()
    names = ("tempo", "tempo_confidence", "key", "key_confidence", "loudness_lufs", "true_peak_dbtp")
    return {name: facts[name] for name in names}


def summarize(
    made: Made,
    mix: SoundFile | None,
    stems: tuple[SoundFile, ...] = (),
    measured: Mapping[str, Any] | None = None,
) -> Take:
    """Tell what was made; measured figures take the place of those that the engine does not know."""
    performance, info = made.performance, made.choice.info
    known = {"tempo": performance.tempo, "key": performance.key}
    estimated = tuple(name for name, value in known.items() if value is None)
    figures = known | {name: (measured or {}).get(name) for name in estimated}
    return Take(
        prompt=made.brief.prompt,
        seed=made.brief.seed,
        engine=info.name,
        engine_version=info.version,
        tempo=figures["tempo"],
        key=figures["key"],
        meter=performance.meter,
        bars=performance.bars,
        frames=performance.mix.frames,
        sample_rate=performance.mix.sample_rate,
        duration_s=performance.mix.duration_s,
        seconds=round(made.seconds, 3),
        real_time_factor=round(performance.mix.duration_s / max(made.seconds, 1e-6), 2),
        mix=mix,
        stems=stems,
        asked=made.request.asked,
        estimated=estimated,
        measured=measured or {},
        parameters=performance.parameters,
    )


def describe_take(take: Take) -> str:
    """A take's figures in one line; what the engine did not know is told as measured."""
    told = []
    if take.tempo is not None:
        told.append(f"measured {take.tempo:.1f} BPM" if "tempo" in take.estimated else f"{take.tempo:g} BPM")
    if take.key is not None:
        told.append(f"measured {take.key}" if "key" in take.estimated and not told else take.key)
    if take.meter is not None:
        told.append(take.meter)
    if take.bars is not None:
        told.append(f"{take.bars} {'bar' if take.bars == 1 else 'bars'}")
    told += [f"{take.duration_s:.1f} s", f"seed {take.seed}"]
    return ", ".join(told)


def find_misses(take: Take) -> list[str]:
    """Where a take is not what was asked for, each in a few words: ``asked 90 BPM, measured 91.3``.

    Only of what the engine did not promise; what it promised, it kept.
    """
    asked, misses = take.asked, []
    tempo, key, duration_s, bars = (asked.get(name) for name in ("tempo", "key", "duration_s", "bars"))
    if "tempo" in take.estimated and isinstance(tempo, int | float):
        if take.tempo is None:
            misses.append(f"asked {tempo:g} BPM, no steady beat measured")
        elif abs(take.tempo - tempo) >= 0.05:
            misses.append(f"asked {tempo:g} BPM, measured {take.tempo:.1f}")
    if "key" in take.estimated and key is not None and key != take.key:
        misses.append(f"asked {key}, measured {take.key or 'none'}")
    known = take.bars is not None
    if not known and isinstance(duration_s, int | float) and abs(take.duration_s - duration_s) >= 0.05:
        misses.append(f"asked {duration_s:g} s, made {take.duration_s:.1f}")
    if not known and bars is not None and "tempo" not in asked:
        misses.append(f"asked {bars} bars, made {take.duration_s:.1f} s")
    return misses


def find_kept_tempo(made: Made, measured: Mapping[str, Any]) -> float | None:
    """The tempo that a score may name: the engine's own, or the one asked for where the sound bears it out."""
    if made.performance.tempo is not None:
        return made.performance.tempo
    asked, found = made.brief.tempo, measured.get("tempo")
    sure = (measured.get("tempo_confidence") or 0.0) >= CONFIDENT
    return asked if asked and found and sure and abs(found / asked - 1) <= _SAME_TEMPO else None


def find_kept_key(made: Made, measured: Mapping[str, Any]) -> str | None:
    """The key that a score may name, as for `find_kept_tempo`."""
    if made.performance.key is not None:
        return made.performance.key
    return made.brief.key if made.brief.key == measured.get("key") else None
