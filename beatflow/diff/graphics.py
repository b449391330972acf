"""The pictures of a diff's page as SVG: two sounds on one axis of time, what is left, curves, faders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from math import log10

from beatflow.changetext import format_hz
from beatflow.diff.composition import Composition, Fader
from beatflow.diff.drawing import Drawing
from beatflow.picture.axis import iter_ticks
from beatflow.sound.explanation import Explanation
from beatflow.sound.outline import Outline
from beatflow.timecode import Clock
from beatflow.wording import format_number

WIDTH = 1200
_LANE, _GAP, _REST, _AXIS, _TOP = 96, 26, 64, 24, 18
_REST_FLOOR_DB = -96.0
_LEAST_PX = 3.0
_LEAST_PEAK = 0.01  # -40 dB: what is quieter looks quiet


def draw_time(drawing: Drawing, explanation: Explanation, clock: Clock) -> str:
    """Draw both sounds above each other, where each stretch went, what changed, and what is left."""
    span_s = max(drawing.before.duration_s, drawing.after.duration_s) or 1.0
    after_top = _TOP + _LANE + _GAP
    rest_top = after_top + _LANE + 14
    bottom = rest_top + _REST if drawing.rest is not None else after_top + _LANE

    # Both on one scale, so that a change of level is seen, and quiet ones are seen at all.
    peak = max(_LEAST_PEAK, _find_peak(drawing.before), _find_peak(drawing.after))

    def x(seconds: float) -> float:
        return WIDTH * seconds / span_s

    parts = [
        _draw_ticks(clock, span_s, x, bottom),
        _draw_links(explanation, x, _TOP + _LANE, after_top),
        _draw_wave(drawing.before, x, _TOP, "old", peak),
        _draw_marks(explanation, x, after_top),
        _draw_wave(drawing.after, x, after_top, "new", peak),
        _label("before", _TOP),
        _label("after", after_top),
    ]
    if drawing.rest is not None:
        parts += [_draw_rest(drawing.rest, x, rest_top), _label("left, in dB", rest_top)]
    beat = f' data-beat="{clock.beat_s:.9f}" data-meter="{clock.beats_per_bar}"' if clock.beat_s else ""
    return (
        f'<svg class="time" viewBox="0 0 {WIDTH} {bottom + _AXIS}" data-span="{span_s:.6f}"{beat} role="img" '
        f'aria-label="waveforms before and after">{"".join(parts)}'
        f'<line class="cursor" x1="-9" x2="-9" y1="{_TOP}" y2="{bottom}"/><text class="at" x="-99" y="12"></text></svg>'
    )


def _label(text: str, top: float) -> str:
    return f'<text class="lane" x="4" y="{top + 11:g}">{escape(text)}</text>'


def _find_peak(outline: Outline) -> float:
    return float(max(outline.high.max(initial=0.0), -outline.low.min(initial=0.0)))


def _draw_wave(outline: Outline, x: Callable[[float], float], top: float, name: str, peak: float) -> str:
    """Draw peaks, and within them the level (RMS); `peak` is as high as the lane."""
    middle, half = top + _LANE / 2, (_LANE / 2 - 1) / peak
    places = [x((column + 0.5) * outline.column_s) for column in range(len(outline.low))]
    if not places:
        return ""
    end = x(outline.duration_s)
    levels = outline.power**0.5
    peaks = _area(places, middle - half * outline.high, middle - half * outline.low)
    body = _area(places, middle - half * levels, middle + half * levels)
    return (
        f'<line class="zero" x1="0" x2="{end:.1f}" y1="{middle:g}" y2="{middle:g}"/>'
        f'<path class="{name} peak" d="{peaks}"/><path class="{name} body" d="{body}"/>'
    )


def _area(places: Sequence[float], upper: Iterable[float], lower: Iterable[float]) -> str:
    """Write the path around an area, there along its upper edge and back along its lower one."""
    there = [f"{at:.1f},{y:.1f}" for at, y in zip(places, upper, strict=True)]
    back = [f"{at:.1f},{y:.1f}" for at, y in zip(places, lower, strict=True)]
    return f"M{' '.join(there)} {' '.join(reversed(back))}Z"


def _draw_rest(outline: Outline, x: Callable[[float], float], top: float) -> str:
    """Draw the level of what is left in dB: on a linear scale it would be a line."""
    bottom = top + _REST
    lines, numbers = "", ""
    for level in (-30, -60, -90):
        y = top + _REST * level / _REST_FLOOR_DB
        lines += f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        numbers += f'<text class="scale" x="{WIDTH - 3}" y="{y - 2:.1f}">{format_number(level, 0)}</text>'
    places = [x((column + 0.5) * outline.column_s) for column in range(len(outline.power))]
    if not places:
        return lines + numbers
    heights = _REST * (1 - outline.levels_db(_REST_FLOOR_DB).clip(_REST_FLOOR_DB, 0) / _REST_FLOOR_DB)
    area = _area(places, bottom - heights, [bottom] * len(places))
    return f'{lines}<path class="rest" d="{area}"/>{numbers}'


def _draw_links(explanation: Explanation, x: Callable[[float], float], top: float, bottom: float) -> str:
    """Draw between the two sounds where each stretch of the new one comes from."""
    rate = explanation.sample_rate
    parts = []
    for piece in explanation.pieces:
        if piece.source is None:
            continue
        corners = [
            (x(piece.source / rate), top + 1),
            (x((piece.source + piece.frames) / rate), top + 1),
            (x((piece.start + piece.frames) / rate), bottom - 1),
            (x(piece.start / rate), bottom - 1),
        ]
        points = " ".join(f"{at:.1f},{y:g}" for at, y in corners)
        parts.append(f'<polygon class="link" points="{points}"/>')
    return "".join(parts)


def _draw_marks(explanation: Explanation, x: Callable[[float], float], after_top: float) -> str:
    """Mark what changed in places: on the new sound, and on the old one what is gone."""
    rate = explanation.sample_rate
    parts = []
    for change in explanation.changes:
        if change.kind not in ("region", "fade"):
            continue
        name = change.figures.get("action", "fade")
        gone = name == "deleted"
        start = change["source_frame" if gone else "start_frame"] / rate
        left, right = x(start), x(start + change["frames"] / rate)
        width = max(right - left, _LEAST_PX)
        top = _TOP if gone else after_top
        parts.append(
            f'<rect class="mark {escape(name)}" x="{left:.1f}" y="{top:g}" width="{width:.1f}" height="{_LANE}" rx="2">'
            f"<title>{escape(name)}</title></rect>"
        )
    return "".join(parts)


def _draw_ticks(clock: Clock, span_s: float, x: Callable[[float], float], bottom: float) -> str:
    parts = []
    for seconds, text in iter_ticks(clock, span_s):
        at = x(seconds)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        if at < WIDTH - 30:
            parts.append(f'<text class="tick" x="{at + 3:.1f}" y="{bottom + 15}">{text}</text>')
    return "".join(parts)


# Curves --------------------------------------------------------------------------------------------------


def draw_eq(curve: Sequence[Sequence[float]]) -> str:
    """Draw an equaliser's curve, dB over a logarithmic axis from 20 Hz to 20 kHz."""
    width, height = 560, 190
    points = [(max(hz, 1e-3), gain_db) for hz, gain_db in curve if 20 <= hz <= 22_050]
    reach = _choose_reach([gain_db for _, gain_db in points])

    def place(hz: float, gain_db: float) -> tuple[float, float]:
        return width * log10(hz / 20) / log10(22_050 / 20), _middle(gain_db, reach, height)

    parts = [_draw_levels(reach, width, height)]
    for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000):
        at = place(hz, 0)[0]
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}"/>')
        if hz in (100, 1000, 10_000):
            parts.append(f'<text class="tick" x="{at + 3:.1f}" y="{height + 14}">{format_hz(hz)}</text>')
    return _finish_curve("EQ curve", parts, [place(*point) for point in points], width, height)


def draw_level(curve: Sequence[Sequence[float]], span_s: float, clock: Clock) -> str:
    """Draw a gain over time, which goes from 0 to `span_s`."""
    width, height = 560, 190
    reach = _choose_reach([gain_db for _, gain_db in curve])
    parts = [_draw_levels(reach, width, height)]
    for seconds, text in iter_ticks(clock, span_s):
        at = width * seconds / span_s
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}"/>')
        if at < width - 30:
            parts.append(f'<text class="tick" x="{at + 3:.1f}" y="{height + 14}">{text}</text>')
    points = [(width * seconds / span_s, _middle(gain_db, reach, height)) for seconds, gain_db in curve]
    return _finish_curve("level over time", parts, points, width, height)


def _choose_reach(gains: Sequence[float]) -> float:
    """Return the dB at the top of a scale around 0, which has a line at its third parts."""
    most = max((abs(gain_db) for gain_db in gains), default=0.0)
    return next((reach for reach in (3.0, 6.0, 12.0, 24.0, 48.0) if most <= reach), 96.0)


def _middle(gain_db: float, reach: float, height: float) -> float:
    return height * (0.5 - 0.47 * max(-1.0, min(1.0, gain_db / reach)))


def _draw_levels(reach: float, width: float, height: float) -> str:
    parts = []
    for third in range(-3, 4):
        gain_db = reach * third / 3
        y = _middle(gain_db, reach, height)
        name = "grid" if third else "zero"
        parts.append(f'<line class="{name}" x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        sign = "+" if gain_db > 0 else ""
        parts.append(
            f'<text class="scale" x="{width - 3}" y="{y - 3:.1f}">{sign}{format_number(gain_db, 0)}</text>'
        )
    return "".join(parts)


def _finish_curve(
    name: str, parts: list[str], points: Sequence[tuple[float, float]], width: float, height: float
) -> str:
    if points:
        line = " ".join(f"{at:.1f},{y:.1f}" for at, y in points)
        zero = height / 2
        parts.append(
            f'<path class="under" d="M{points[0][0]:.1f},{zero:g} {line} {points[-1][0]:.1f},{zero:g}Z"/>'
            f'<polyline class="curve" points="{line}"/>'
        )
    return (
        f"<figure><figcaption>{escape(name)} <span>dB</span></figcaption>"
        f'<svg class="plot" viewBox="0 0 {width} {height + 20}" role="img" aria-label="{escape(name)}">'
        f"{''.join(parts)}</svg></figure>"
    )


# Faders --------------------------------------------------------------------------------------------------


def draw_faders(mix: Composition) -> str:
    """Draw the desk: for each stem where its fader stood, and where it stands now."""
    assert mix.before
    assert mix.after
    moved = {move.stem for move in mix.moves}
    stems = [
        stem
        for stem in dict.fromkeys([*mix.before.stems, *mix.after.stems])
        if stem in mix.before.faders or stem in mix.after.faders
    ]
    step, height = 92, 220
    parts = [
        _draw_strip(number * step + 34, stem, stem in moved, mix.before.faders, mix.after.faders)
        for number, stem in enumerate(stems)
    ]
    for gain_db in (12, 6, 0, -6, -12, -24, -48):
        y = _fader_y(gain_db)
        parts.insert(0, f'<text class="scale" x="24" y="{y + 3:.1f}">{format_number(gain_db, 0)}</text>')
        parts.insert(
            0, f'<line class="grid" x1="28" x2="{len(stems) * step + 28}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    width = max(len(stems) * step + 34, 240)
    return (
        f'<svg class="desk" viewBox="0 0 {width} {height}" style="max-width:{width}px" role="img" '
        f'aria-label="faders before and after">{"".join(parts)}</svg>'
    )


def _fader_y(gain_db: float | None) -> float:
    """Return where a gain is on a fader, which is finer around 0 dB, as on a desk; None is all the way down."""
    if gain_db is None:
        return 168.0
    places = ((12.0, 12.0), (0.0, 60.0), (-12.0, 100.0), (-24.0, 126.0), (-60.0, 162.0))
    gain_db = max(-60.0, min(12.0, gain_db))
    for (high, y_high), (low, y_low) in pairwise(places):
        if gain_db >= low:
            return y_high + (high - gain_db) / (high - low) * (y_low - y_high)
    return places[-1][1]


def _draw_strip(
    left: float, stem: str, moved: bool, before: Mapping[str, Fader], after: Mapping[str, Fader]
) -> str:
    middle = left + 40
    parts = [f'<line class="slot" x1="{middle}" x2="{middle}" y1="12" y2="168"/>']
    one, two = before.get(stem), after.get(stem)
    if one and (moved or not two):
        y = _fader_y(one.gain_db)
        parts.append(
            f'<rect class="cap ghost" x="{middle - 16}" y="{y - 6:.1f}" width="32" height="12" rx="3"/>'
        )
    if one and two and moved:
        parts.append(
            f'<line class="way" x1="{middle}" x2="{middle}" y1="{_fader_y(one.gain_db):.1f}" '
            f'y2="{_fader_y(two.gain_db):.1f}"/>'
        )
    if two:
        y = _fader_y(two.gain_db)
        name = "cap moved" if moved else "cap"
        parts.append(
            f'<rect class="{name}" x="{middle - 16}" y="{y - 6:.1f}" width="32" height="12" rx="3"/>'
            f'<line class="notch" x1="{middle - 13}" x2="{middle + 13}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    said = "muted" if two and two.muted else _name_gain(two) if two else "out"
    short = stem if len(stem) <= 12 else stem[:11] + "…"
    parts.append(
        f'<text class="name" x="{middle}" y="190">{escape(short)}<title>{escape(stem)}</title></text>'
        f'<text class="gain{" moved" if moved else ""}" x="{middle}" y="208">{said}</text>'
    )
    return "".join(parts)


def _name_gain(fader: Fader) -> str:
    assert fader.gain_db is not None
    sign = "+" if fader.gain_db >= 0.05 else ""
    return f"{sign}{format_number(fader.gain_db)} dB"
