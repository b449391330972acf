"""Puts what was measured of sounds into a picture: which lanes there are, on which scales, and what is written on them.

Figures to figures; draws nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.axis import list_amplitudes, list_frequencies, list_levels, round_reach
from beatflow.picture.colour import SERIES
from beatflow.picture.figure import SEPARATOR, Content, Curve, Figure, Lane, Radar, Shades, Wave
from beatflow.picture.subject import tell_fader
from beatflow.picture.tracing import Trace
from beatflow.sound.mood.rating import MOODS
from beatflow.sound.outline import Outline
from beatflow.sound.tonality import NOTE_NAMES
from beatflow.wording import format_duration, format_loudness, format_number, format_tempo, plural, short_name

RANGE_DB = 80.0
"""What the colours of a spectrum span, below its loudest place."""
CHANGE_DB = 18.0
"""A difference of spectra this large has the strongest colour."""
_QUIETEST_DB = -40.0  # a spectrum whose loudest place is below is shown as dark as it is
NO_MOOD = "silent, too short, or with neither a key nor a beat"
_LEAST_LU, _MOST_LU = 18.0, 42.0
_STEM_WEIGHT = 0.55
_WEIGHTS = {"wave": 1.0, "spectrum": 2.0, "chroma": 1.45, "loudness": 1.15, "beats": 0.8}
_SURE = 0.3


def compose(traces: Sequence[Trace], kinds: Sequence[str], stems: Sequence[Trace] = ()) -> Figure:
    """Return the picture of sounds, in lanes of the kinds that are wanted, in that order, and stems below.

    Parameters
    ----------
    traces : sequence of Trace
        At least one, unless there are stems.
    kinds : sequence of str
        Of `tracing.KINDS`.
    stems : sequence of Trace
        All with outlines.
    """
    everything = [*traces, *stems]
    reach = _find_reach([trace.outline for trace in everything if trace.outline])
    lanes: list[Lane] = []
    for kind in kinds:
        if kind == "wave":
            lanes += _draw_waves(traces, reach, stacked=len(traces) > 2, mix=bool(stems))
        elif kind == "spectrum":
            lanes += _draw_spectra(traces)
        elif kind == "chroma":
            lanes += [_draw_chroma(trace, number, traces) for number, trace in enumerate(traces)]
        elif kind == "loudness":
            lanes.append(_draw_loudness(traces))
        elif kind == "beats":
            lanes += [_draw_beats(trace, number, traces) for number, trace in enumerate(traces)]
    lanes += [_draw_stem(trace, reach, len(traces) + number, stems) for number, trace in enumerate(stems)]
    first = everything[0]
    downbeats = first.times("downbeats") if not first.clock.beat_s and _is_sure_of_bars(first) else []
    earlier = [time for time in first.facts.get("downbeats") or () if time < first.start_s]
    return Figure(
        title=_title(traces or stems),
        note=_describe(first) if len(traces) == 1 else "",
        start_s=first.start_s,
        span_s=max(trace.span_s for trace in everything),
        clock=first.clock,
        lanes=lanes,
        radar=_draw_radar(traces) if "mood" in kinds else None,
        downbeats=downbeats,
        first_bar=len(earlier) + 1,
        sounds=[trace.subject.name for trace in everything],
    )


def _title(traces: Sequence[Trace]) -> str:
    names = [trace.subject.name for trace in traces]
    if len(names) <= 2:
        return SEPARATOR.join(names)
    return f"{plural(len(names), 'sound')}: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"


def _describe(trace: Trace) -> str:
    """The figures of a sound that are known, in one line."""
    info, facts = trace.info, trace.facts
    channels = {1: "mono", 2: "stereo"}.get(info.channels, f"{info.channels} channels")
    parts = [f"{info.sample_rate / 1000:g} kHz {channels}", format_duration(info.duration_s)]
    if trace.frames < info.frames:
        parts[-1] = " – ".join(format_duration(at) for at in (trace.start_s, trace.start_s + trace.span_s))
        parts[-1] += f" of {format_duration(info.duration_s)}"
    tempo = trace.clock.tempo or facts.get("tempo")
    parts += [format_tempo(tempo)] if tempo else []
    parts += [str(facts["key"])] if facts.get("key") else []
    if facts.get("loudness_lufs") is not None:
        parts.append(format_loudness(facts["loudness_lufs"]))
    parts += ["from its small copy"] if trace.subject.small else []
    return SEPARATOR.join(parts)


def _name(kind: str, number: int, traces: Sequence[Trace]) -> str:
    """What a lane is called: by its kind, and whose it is where there are several."""
    return kind if len(traces) == 1 else f"{kind}  {_short(traces[number], traces)}"


def _short(trace: Trace, traces: Sequence[Trace]) -> str:
    short = [short_name(other.subject.name) for other in traces]
    name = short_name(trace.subject.name)
    return name if short.count(name) == 1 else trace.subject.name


# Waveforms -----------------------------------------------------------------------------------------------


def _find_reach(outlines: Sequence[Outline]) -> float:
    peaks = [max(float(one.high.max(initial=0.0)), -float(one.low.min(initial=0.0))) for one in outlines]
    return round_reach(max(peaks, default=1.0))


def _draw_waves(traces: Sequence[Trace], reach: float, stacked: bool, mix: bool) -> list[Lane]:
    lanes = []
    for number, trace in enumerate(traces):
        assert trace.outline is not None
        role = SERIES[0] if len(traces) == 1 else SERIES[number % len(SERIES)]
        lanes.append(
            Lane(
                _short(trace, traces) if stacked else _name("mix" if mix else "waveform", number, traces),
                [Wave(trace.outline, reach, role)],
                note=_tell_peak(trace.outline),
                weight=_STEM_WEIGHT if stacked else _WEIGHTS["wave"],
                ticks=list_amplitudes(reach),
                sound=number,
            )
        )
    return lanes


def _draw_stem(trace: Trace, reach: float, number: int, stems: Sequence[Trace]) -> Lane:
    assert trace.outline is not None
    stem = trace.subject.stem
    others = [other.subject.stem for other in stems]
    solo = any(other.solo for other in others if other)
    heard = stem is None or (not stem.mute and (stem.solo or not solo))
    role = SERIES[(stems.index(trace) + 1) % len(SERIES)]
    parts = [part for part in (tell_fader(trace.subject.stem), _tell_peak(trace.outline)) if part]
    return Lane(
        trace.subject.name,
        [Wave(trace.outline, reach, role, faint=not heard)],
        note=SEPARATOR.join(parts),
        weight=_STEM_WEIGHT,
        ticks=list_amplitudes(reach),
        sound=number,
    )


def _tell_peak(outline: Outline) -> str:
    peak = max(float(outline.high.max(initial=0.0)), -float(outline.low.min(initial=0.0)))
    if peak <= 0:
        return "silent"
    return f"peak {format_number(20 * float(np.log10(peak)))} dBFS"


# Spectra -------------------------------------------------------------------------------------------------


def _draw_spectra(traces: Sequence[Trace]) -> list[Lane]:
    spectra = [trace.spectrum for trace in traces]
    loudest = max(float(one.levels_db.max(initial=-np.inf)) for one in spectra if one)
    top_db = max(loudest, _QUIETEST_DB)
    lanes = []
    for number, spectrum in enumerate(spectra):
        assert spectrum is not None
        shades = 1 + (spectrum.levels_db - top_db) / RANGE_DB
        lanes.append(
            Lane(
                _name("mel spectrogram", number, traces),
                [Shades(np.clip(shades, 0, 1), "heat", spectrum.column_s)],
                weight=_WEIGHTS["spectrum"] if len(traces) < 3 else 1.0,
                ticks=list_frequencies(spectrum.hz.tolist()),
                scale=("heat", f"{format_number(top_db - RANGE_DB, 0)} dB", f"{format_number(top_db, 0)} dB"),
                sound=number,
            )
        )
    if len(traces) == 2:
        lanes += _draw_change(traces, top_db)
    return lanes


def _draw_change(traces: Sequence[Trace], top_db: float) -> list[Lane]:
    """What the second of two spectra has more or less than the first, where they can be laid over each other."""
    before, after = (trace.spectrum for trace in traces)
    assert before is not None
    assert after is not None
    if before.column_s != after.column_s or not np.allclose(before.hz, after.hz):
        return []
    columns = min(before.levels_db.shape[1], after.levels_db.shape[1])
    # What neither of them lets see does not count.
    floor = top_db - RANGE_DB
    one, two = (np.maximum(each.levels_db[:, :columns], floor) for each in (before, after))
    name = _short(traces[1], traces)
    return [
        Lane(
            f"{name} against {_short(traces[0], traces)}",
            [Shades(np.clip(0.5 + (two - one) / (2 * CHANGE_DB), 0, 1), "change", before.column_s)],
            weight=_WEIGHTS["spectrum"],
            ticks=list_frequencies(before.hz.tolist()),
            scale=("change", f"{format_number(-CHANGE_DB, 0)} dB", f"+{CHANGE_DB:.0f} dB"),
            sound=1,
        )
    ]


def _draw_chroma(trace: Trace, number: int, traces: Sequence[Trace]) -> Lane:
    chroma = trace.chroma
    assert chroma is not None
    cents = chroma.tuning_cents
    off = (
        f"{format_number(abs(cents), 0)} cents {'sharp' if cents > 0 else 'flat'}" if abs(cents) >= 3 else ""
    )
    key = str(trace.facts.get("key") or "")
    return Lane(
        _name("chromagram", number, traces),
        [Shades(chroma.strength, "tone", chroma.column_s)],
        note=SEPARATOR.join(part for part in (key, off) if part),
        weight=_WEIGHTS["chroma"],
        ticks=[((place + 0.5) / 12, name) for place, name in enumerate(NOTE_NAMES)],
        scale=("tone", "none", "strongest"),
        sound=number,
    )


# Curves --------------------------------------------------------------------------------------------------


def _draw_loudness(traces: Sequence[Trace]) -> Lane:
    levels = np.concatenate([trace.course.momentary for trace in traces if trace.course])
    levels = levels[np.isfinite(levels)]
    loudest = float(levels.max(initial=-70.0)) if len(levels) else -20.0
    quiet = float(np.percentile(levels, 3)) if len(levels) else loudest
    top = float(np.ceil((loudest + 1) / 3) * 3)
    span = min(max(float(np.ceil((top - quiet + 2) / 6) * 6), _LEAST_LU), _MOST_LU)
    low = top - span

    def place(levels: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(levels > low, (levels - low) / span, np.nan)

    contents: list[Content] = []
    for number, trace in enumerate(traces):
        course = trace.course
        assert course is not None
        role = SERIES[number % len(SERIES)]
        if len(traces) <= 2:
            word = "momentary (0.4 s)" if len(traces) == 1 else None
            values = place(course.momentary)
            contents.append(Curve(values, 0.2, course.hop_s, "dim" if word else role, word, thick=False))
        values = place(course.short_term)
        name = "short-term (3 s)" if len(traces) == 1 else _short(trace, traces)
        contents.append(Curve(values, 1.5, course.hop_s, role, name))
    note = SEPARATOR.join(filter(None, (_tell_loudness(trace, traces) for trace in traces[:4])))
    legend = [(item.role, item.name) for item in contents if isinstance(item, Curve) and item.name]
    return Lane(
        "loudness in LUFS",
        contents,
        note=note,
        weight=_WEIGHTS["loudness"],
        ticks=list_levels(low, top, 7),
        legend=legend[:6],
        sound=0,
    )


def _tell_loudness(trace: Trace, traces: Sequence[Trace]) -> str:
    loudness = trace.loudness
    if loudness is None:
        return ""
    if len(traces) > 1:
        return f"{_short(trace, traces)} {format_loudness(loudness.integrated_lufs)}"
    if loudness.integrated_lufs is None:
        return "too short or too quiet to tell" if loudness.sample_peak_dbfs is not None else "silent"
    parts = [format_loudness(loudness.integrated_lufs)]
    parts += [f"range {format_number(loudness.range_lu)} LU"] if loudness.range_lu is not None else []
    if loudness.true_peak_dbtp is not None:
        parts.append(f"true peak {format_number(loudness.true_peak_dbtp)} dBTP")
    return SEPARATOR.join(parts)


def _draw_beats(trace: Trace, number: int, traces: Sequence[Trace]) -> Lane:
    assert trace.onsets is not None
    # The strongest few would press all others down.
    top = float(np.percentile(trace.onsets, 99.5)) if len(trace.onsets) else 0.0
    values = np.clip(trace.onsets / max(top, 1e-9), 0, 1) * 0.94
    tempo = trace.facts.get("tempo")
    parts = [format_tempo(tempo) if tempo else "no steady beat"]
    downbeats = trace.times("downbeats") if _is_sure_of_bars(trace) else []
    parts += [str(trace.facts["meter"])] if downbeats else []
    role = SERIES[number % len(SERIES)]
    return Lane(
        _name("onsets and beats", number, traces),
        [Curve(values, 0.0, trace.onset_s, role, thick=False, filled=True)],
        note=SEPARATOR.join(parts),
        weight=_WEIGHTS["beats"],
        beats=trace.times("beats"),
        downbeats=downbeats,
        legend=[("beat", "beat")] * bool(tempo) + [("downbeat", "bar")] * bool(downbeats),
        sound=number,
    )


def _is_sure_of_bars(trace: Trace) -> bool:
    confidence = trace.facts.get("downbeat_confidence")
    return isinstance(confidence, int | float) and confidence >= _SURE


# Moods ---------------------------------------------------------------------------------------------------


def _draw_radar(traces: Sequence[Trace]) -> Radar:
    told = [(number, trace) for number, trace in enumerate(traces) if trace.mood]
    axes = list(MOODS)
    for _, trace in told:
        axes += [name for name in trace.mood.scores if name not in axes] if trace.mood else []
    series = [
        (SERIES[number % len(SERIES)], _short(trace, traces), dict(trace.mood.scores))
        for number, trace in told
        if trace.mood
    ]
    notes = []
    for _, trace in told[:2]:
        mood = trace.mood
        if mood and mood.valence is not None and mood.arousal is not None:
            whose = "" if len(traces) == 1 else f"{_short(trace, traces)}: "
            notes.append(
                f"{whose}valence {format_number(mood.valence, 2)}, arousal {format_number(mood.arousal, 2)}"
            )
    return Radar(axes, series, SEPARATOR.join(notes) if told else NO_MOOD)
