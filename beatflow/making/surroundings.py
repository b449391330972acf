"""What is there already, for music that has to fit to it: tempo, key, bars, chords and level, known or heard.

What the score or a record of provenance says goes before what is heard. Knows no engine in particular, and reads no
files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beatflow.ai.engine import Context
from beatflow.errors import UsageError
from beatflow.making.take import CONFIDENT
from beatflow.sound.audio import Audio
from beatflow.sound.chords import hear_chords
from beatflow.sound.key import measure_key
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.tempo import measure_tempo
from beatflow.sound.tonality import Key, parse_key

QUARTERS = {"4/4": 4, "3/4": 3, "6/8": 3}
"""Quarter notes in a bar, by which a tempo counts in every meter."""
_USUAL = "4/4"
_RANGE_DB = 24.0
"""A bar that is this much softer than the loudest one has no energy left."""
_NEAR = 0.02
"""Closer to a downbeat than this share of a bar is on it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What needs no ears: from options, from the score or from a record; None is to be heard."""

    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What new music has to fit to. ``key`` is None where nothing has a pitch, ``phase`` counts quarter notes."""

    tempo: float
    key: str | None
    meter: str
    phase: float
    context: Context


def read_known(record: Mapping[str, Any] | None, engine: str) -> Known:
    """What the record of a mix tells; its parameters only where the same engine made it."""
    record = record or {}
    parameters = record.get("parameters") if record.get("engine") == engine else None
    tempo, key, meter = (record.get(name) for name in ("tempo", "key", "meter"))
    return Known(
        float(tempo)
        if isinstance(tempo, int | float) and not isinstance(tempo, bool) and tempo > 0
        else None,
        key if isinstance(key, str) else None,
        meter if meter in QUARTERS else None,
        parameters if isinstance(parameters, dict) else None,
    )


def listen(audio: Audio, known: Known, before: bool, name: str) -> Surroundings:
    """Find out what new music has to fit to.

    Parameters
    ----------
    audio : Audio
        What is there.
    known : Known
    before : bool
        The new music comes after it, and does not run beside it.
    name : str
        What to call it.

    Raises
    ------
    UsageError
        The tempo is not known, and nothing has a steady beat.
    """
    around = (known.tempo * 0.9, known.tempo * 1.1) if known.tempo else None
    heard = measure_tempo(audio, around) if known.parameters is None or known.tempo is None else None
    tempo = known.tempo
    if tempo is None and heard and heard.tempo is not None and heard.confidence >= CONFIDENT:
        tempo = heard.tempo
    if tempo is None:
        raise UsageError(f"{name} has no steady beat to play to", hint="give its tempo: --bpm 90")
    measured = measure_key(audio) if known.key is None else None
    key = known.key or (measured.key if measured else None)
    meter = known.meter or (heard.meter if heard and heard.meter in QUARTERS else None) or _USUAL
    bar_s = QUARTERS[meter] * 60 / tempo
    # What the engine made itself begins on a downbeat.
    downbeat_s = heard.downbeats[0] % bar_s if heard and heard.downbeats else 0.0
    starts = _lay_bars(audio.duration_s, bar_s, downbeat_s)
    shift = audio.duration_s if before else 0.0
    phase = ((shift - downbeat_s) / bar_s) % 1
    phase = 0.0 if min(phase, 1 - phase) < _NEAR else phase
    context = Context(
        _find_chords(audio, starts, key, known.parameters or {}, shift),
        () if before else _measure_energy(audio, starts),
        round(phase * QUARTERS[meter], 4),
        measure_loudness(audio).integrated_lufs,
        known.parameters or {},
    )
    return Surroundings(tempo, key, meter, context.phase, context)


def _lay_bars(duration_s: float, bar_s: float, downbeat_s: float) -> list[float]:
    """Where the bars begin; the first one may be a part of a bar."""
    first = 0.0 if downbeat_s < _NEAR * bar_s else downbeat_s - bar_s
    count = max(1, int(np.ceil((duration_s - first) / bar_s - _NEAR)))
    return [max(0.0, first + bar * bar_s) for bar in range(count)]


def _find_chords(
    audio: Audio, starts: Sequence[float], key: str | None, parameters: Mapping[str, Any], shift: float
) -> tuple[tuple[float, str], ...]:
    names, times = parameters.get("chords"), parameters.get("chord_start_s")
    if isinstance(names, list) and isinstance(times, list) and len(names) == len(times):
        return tuple((float(time) - shift, str(chord)) for time, chord in zip(times, names, strict=True))
    scale: Key | None = parse_key(key) if key else None
    heard = hear_chords(audio, starts, scale)
    return tuple(
        (time - shift, chord) for time, chord in zip(starts, heard, strict=True) if chord is not None
    )


def _measure_energy(audio: Audio, starts: Sequence[float]) -> tuple[float, ...]:
    edges = [round(start * audio.sample_rate) for start in starts]
    power = [
        float(np.mean(np.square(part, dtype=np.float64))) if part.size else 0.0
        for part in np.split(audio.samples, edges[1:])
    ]
    loudest = max(power)
    if loudest == 0:
        return tuple(0.0 for _ in power)
    return tuple(
        round(max(0.0, 1 + 10 * float(np.log10(max(one / loudest, 1e-12))) / _RANGE_DB), 3) for one in power
    )
