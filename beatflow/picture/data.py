"""What a picture is drawn from, as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.tracing import Trace

_HEARD = ("tempo", "tempo_confidence", "meter", "key", "downbeat_confidence")


def describe_traces(traces: Sequence[Trace], kinds: Sequence[str], stems: Sequence[Trace]) -> dict[str, Any]:
    """Return the figures of sounds, and of stems below them."""
    return {
        "kinds": list(kinds),
        "sounds": [_describe(trace, kinds) for trace in traces],
        "stems": [_describe(trace, ("wave",)) for trace in stems],
    }


def _describe(trace: Trace, kinds: Sequence[str]) -> dict[str, Any]:
    info = trace.info
    document: dict[str, Any] = {
        "path": trace.subject.name,
        "oid": trace.subject.oid,
        "small_copy": trace.subject.small,
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "frames": info.frames,
        "start_s": trace.start_s,
        "duration_s": trace.span_s,
        "tempo": trace.clock.tempo or trace.facts.get("tempo"),
    }
    for kind in kinds:
        document[kind] = _TELL[kind](trace)
    return document


def _tell_wave(trace: Trace) -> dict[str, Any] | None:
    outline = trace.outline
    if outline is None:
        return None
    return {
        "column_s": outline.column_s,
        "low": _round(outline.low, 5),
        "high": _round(outline.high, 5),
        "level_db": _round(outline.levels_db()),
    }


def _tell_spectrum(trace: Trace) -> dict[str, Any] | None:
    spectrum = trace.spectrum
    if spectrum is None:
        return None
    levels = [_round(row, 1) for row in spectrum.levels_db]
    return {"column_s": spectrum.column_s, "hz": _round(spectrum.hz, 1), "level_db": levels}


def _tell_chroma(trace: Trace) -> dict[str, Any] | None:
    chroma = trace.chroma
    if chroma is None:
        return None
    strength = [_round(row, 3) for row in chroma.strength]
    return {"column_s": chroma.column_s, "tuning_cents": chroma.tuning_cents, "strength": strength}


def _tell_loudness(trace: Trace) -> dict[str, Any] | None:
    course, loudness = trace.course, trace.loudness
    if course is None or loudness is None:
        return None
    return {
        **loudness.to_json(),
        "hop_s": course.hop_s,
        "momentary_lufs": _round(course.momentary),
        "short_term_lufs": _round(course.short_term),
    }


def _tell_beats(trace: Trace) -> dict[str, Any] | None:
    if trace.onsets is None:
        return None
    return {
        **{name: trace.facts.get(name) for name in _HEARD},
        "beats": [round(time + trace.start_s, 4) for time in trace.times("beats")],
        "downbeats": [round(time + trace.start_s, 4) for time in trace.times("downbeats")],
        "hop_s": trace.onset_s,
        "onset_strength": _round(trace.onsets, 3),
    }


def _tell_mood(trace: Trace) -> dict[str, Any] | None:
    return dict(trace.mood.to_json()) if trace.mood else None


def _round(values: NDArray[np.floating], digits: int = 2) -> list[float | None]:
    return [round(float(value), digits) + 0.0 if np.isfinite(value) else None for value in values]


_TELL = {
    "wave": _tell_wave,
    "spectrum": _tell_spectrum,
    "chroma": _tell_chroma,
    "loudness": _tell_loudness,
    "beats": _tell_beats,
    "mood": _tell_mood,
}
