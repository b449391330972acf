"""What was made: a performance with its circumstances, and a take of it with its files, for people and for JSON.

Knows figures only: it writes no file and chooses no engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.table import Choice
from beatflow.contract.measuring import CONFIDENT, Measurement
from beatflow.contract.terms import Contract
from beatflow.making.request import Request
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

__all__ = ["CONFIDENT", "Batch", "Made", "SoundFile", "Source", "Take", "describe_take", "summarize"]


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
        The engine that heard it: ``engine`` and ``engine_version``; and how it was to listen.
    part : str
        Which part the notes are: ``melody``, ``bass`` or ``drums``.
    """

    melody: tuple[Note, ...]
    inputs: tuple[Mapping[str, str], ...]
    audio: Audio | None = None
    duration_s: float | None = None
    tempo: float | None = None
    key: str | None = None
    heard: Mapping[str, object] = field(default_factory=dict)
    part: str = "melody"


@dataclass(frozen=True, slots=True)
class Batch:
    """Takes that were drawn at once, by their seeds; ``index`` is one of them."""

    seeds: tuple[int, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Made:
    """What an engine gave, for which brief, and how long it took; of a batch, a take's share of the time.

    The request has the seed that the take goes by, the brief the one of the try that was taken. ``contract`` and
    ``measured`` are None where nothing was measured.
    """

    choice: Choice
    brief: Brief
    performance: Performance
    seconds: float
    request: Request
    source: Source | None = None
    batch: Batch | None = None
    contract: Contract | None = None
    measured: Measurement | None = None

    @property
    def notes(self) -> Mapping[str, Any]:
        """The notes of each stem; the melody alone where the engine knows none."""
        if self.performance.notes or not self.source:
            return self.performance.notes
        return {self.source.part: self.source.melody}


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
    they were measured, and are None where nothing could be. ``asked`` holds what was asked for, under the names of the
    glossary; ``contract`` what became of it (docs/contract.md).
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
    contract: Contract | None = None


def summarize(
    made: Made,
    mix: SoundFile | None,
    stems: tuple[SoundFile, ...] = (),
) -> Take:
    """Tell what was made; measured figures take the place of those that the engine does not know."""
    performance, info = made.performance, made.choice.info
    known = {"tempo": performance.tempo, "key": performance.key}
    estimated = tuple(name for name, value in known.items() if value is None)
    measured = made.measured.to_json() if made.measured else {}
    figures = known | {name: measured.get(name) for name in estimated}
    return Take(
        prompt=made.brief.prompt,
        seed=made.brief.seed if made.request.seed is None else made.request.seed,
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
        measured=measured,
        parameters=performance.parameters,
        contract=made.contract,
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
