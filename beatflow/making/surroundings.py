"""What is there already, for music that has to fit to it: tempo, key, bars, chords and level, known or heard.

What the score or a record of provenance says goes before what is heard. Knows no engine in particular, and reads no
files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from beatflow.ai.engine import QUARTERS, Context
from beatflow.errors import UsageError
from beatflow.making.take import CONFIDENT
from beatflow.sound.audio import Audio
from beatflow.sound.chords import hear_chords
from beatflow.sound.key import measure_key
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.tempo import NO_TEMPO, Tempo, measure_tempo
from beatflow.sound.tonality import parse_key

_USUAL = "4/4"
_RANGE_DB = 24.0
"""A bar that is this much softer than the loudest one has no energy left."""
_LONGEST_S = 86_400.0
_NEAR = 0.02
"""Closer to a downbeat than this share of a bar is on it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What needs no ears: from options, from the score or from a record; None is to be heard.

    ``parameters`` are those of the engine that made it; where it is ``exact``, their bars begin where the sound does.
    """

    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What new music has to fit to; ``key`` is None where nothing has a pitch."""

    tempo: float
    key: str | None
    meter: str
    context: Context


def read_known(record: Mapping[str, Any] | None, engine: str) -> Known:
    """What the record of a mix tells; its parameters only where the same engine made it.

    A record may have been written by anybody: what makes no sense in it is to be heard.
    """
    record = record or {}
    tempo, key, meter = (record.get(name) for name in ("tempo", "key", "meter"))
    parameters = record.get("parameters") if record.get("engine") == engine else None
    whole = record.get("kind") in ("generate", "hum", "mix") and isinstance(parameters, dict)
    return Known(
        float(tempo) if isinstance(tempo, int | float) and 1 < tempo <= 1000 else None,
        _read_key(key),
        meter if meter in QUARTERS else None,
        parameters if isinstance(parameters, dict) else {},
        whole,
    )


def _read_key(text: object) -> str | None:
    try:
        return str(parse_key(text)) if isinstance(text, str) else None
    except UsageError:
        return None


def listen(audio: Audio, known: Known, name: str, before_s: float | None = None) -> Surroundings:
    """Find out what new music has to fit to.

    Parameters
    ----------
    audio : Audio
        What is there, or the last minute of what comes before.
    known : Known
    name : str
        What to call it.
    before_s : float, optional
        The new music does not run beside it, but after this many seconds.

    Raises
    ------
    UsageError
        The tempo is not known, and nothing has a steady beat.
    """
    around = (known.tempo * 0.9, known.tempo * 1.1) if known.tempo else None
    heard = NO_TEMPO if known.exact and known.tempo else measure_tempo(audio, around)
    tempo = known.tempo or (heard.tempo if heard.confidence >= CONFIDENT else None)
    if tempo is None:
        raise _explain_no_tempo(name, heard)
    key = known.key or measure_key(audio).key
    meter = known.meter or (heard.meter if heard.meter in QUARTERS else None) or _USUAL
    bar_s = QUARTERS[meter] * 60 / tempo
    start_s = 0.0 if before_s is None else -(before_s if known.exact else audio.duration_s)
    downbeat_s = heard.downbeats[0] % bar_s if heard.downbeats else 0.0
    phase = -(start_s + downbeat_s) / bar_s % 1
    phase = 0.0 if min(phase, 1 - phase) < _NEAR else phase
    starts = _lay_bars(audio.duration_s, bar_s, downbeat_s)
    context = Context(
        _read_chords(known, start_s) or _hear_chords(audio, starts, key, before_s is not None),
        _measure_energy(audio, starts) if before_s is None else (),
        round(phase * QUARTERS[meter], 4),
        measure_loudness(audio).integrated_lufs,
        known.parameters,
    )
    return Surroundings(tempo, key, meter, context)


def _explain_no_tempo(name: str, heard: Tempo) -> UsageError:
    """What is missing; a tempo that may be the right one is named."""
    if heard.tempo is None:
        return UsageError(f"{name} has no steady beat to play to", hint="give its tempo: --bpm 90")
    wanders = "" if heard.steady else ", and wanders"
    return UsageError(
        f"the tempo of {name} is a guess{wanders}: {heard.tempo:.2f} BPM",
        hint=f"--bpm {heard.tempo:.6g} takes it, --bpm 90 another",
    )


def _lay_bars(duration_s: float, bar_s: float, downbeat_s: float) -> list[float]:
    """Where the bars begin; the first one may be a part of a bar."""
    first = 0.0 if downbeat_s < _NEAR * bar_s else downbeat_s - bar_s
    count = max(1, int(np.ceil((duration_s - first) / bar_s - _NEAR)))
    return [max(0.0, first + bar * bar_s) for bar in range(count)]


def _read_chords(known: Known, start_s: float) -> tuple[tuple[float, str], ...]:
    """The chords that the engine wrote down."""
    names, times = known.parameters.get("chords"), known.parameters.get("chord_start_s")
    if not (known.exact and isinstance(names, list) and isinstance(times, list) and len(names) == len(times)):
        return ()
    if not all(isinstance(time, int | float) and 0 <= time < _LONGEST_S for time in times):
        return ()
    return tuple((float(time) + start_s, str(chord)) for time, chord in zip(times, names, strict=True))


def _hear_chords(
    audio: Audio, starts: Sequence[float], key: str | None, before: bool
) -> tuple[tuple[float, str], ...]:
    start_s = -audio.duration_s if before else 0.0
    heard = hear_chords(audio, starts, parse_key(key) if key else None)
    return tuple((time + start_s, chord) for time, chord in zip(starts, heard, strict=True) if chord)


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
