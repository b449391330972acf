"""Lays a figure out as a scene: where lanes, axes and words go. Knows pixels, and no format of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.axis import choose_bars, iter_seconds
from beatflow.picture.figure import Curve, Figure, Lane, Shades, Wave, fit_note
from beatflow.picture.radar import RADAR_HEIGHT, draw_radar
from beatflow.picture.scene import Area, Image, Line, Point, Rect, Scene, Strip, Text, measure_text, shorten

WIDTH = 1400
LEAST_LANE = 24.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 22, 58, 14
_HEAD, _GAP, _AXIS = 22, 12, 40
_LANE = 104.0
_TICK, _SMALL, _NAME, _TITLE = 10.5, 11.5, 12.5, 19.0
_LABEL_PX = 74
_CLOSEST_PX = {"beat": 5.0, "downbeat": 11.0}
_FULL_SCALE = 0.9999
_FINE_FRAMES = 16
"""With fewer frames to a column one sees the wave itself, which has no level."""
Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels; a height of None is what the lanes take."""

    width: int = WIDTH
    height: int | None = None


def lay_out(figure: Figure, size: Size) -> Scene:
    """Draw a figure.

    Parameters
    ----------
    figure : Figure
    size : Size
        Lanes share the height that is given, but none gets lower than 24 pixels: then the picture is higher.
    """
    heights = _share(figure, size)
    radar = RADAR_HEIGHT if figure.radar else 0
    axis = _AXIS if figure.lanes else 0
    height = _TOP + sum(_HEAD + lane + _GAP for lane in heights) + axis + radar + _BOTTOM
    width = size.width
    scene = Scene(
        width, round(height), _LEFT, width - _LEFT - _RIGHT, f"{figure.title} {figure.note}".strip()
    )
    scene.add(Rect(0, 0, width, scene.height, "paper"))
    _write_title(scene, figure)
    top = float(_TOP)
    bars = choose_bars(figure, max(2, int(scene.span / _LABEL_PX)))
    seconds = list(iter_seconds(figure.start_s, figure.span_s, max(2, int(scene.span / _LABEL_PX))))
    grid = [at for at, _ in bars or seconds]
    for lane, high in zip(figure.lanes, heights, strict=True):
        _write_head(scene, lane, top)
        _draw_lane(scene, figure, lane, top + _HEAD, high, grid)
        scene.strips.append(Strip(top + _HEAD, high, lane.sound))
        top += _HEAD + high + _GAP
    if figure.lanes:
        _write_axis(scene, figure, top - _GAP, bars, seconds)
        top += _AXIS
    if figure.radar:
        draw_radar(scene, figure.radar, top)
    return scene


def _share(figure: Figure, size: Size) -> list[float]:
    weights = [lane.weight for lane in figure.lanes]
    unit = _LANE
    if size.height is not None and weights:
        fixed = _TOP + _BOTTOM + _AXIS + len(weights) * (_HEAD + _GAP) + (RADAR_HEIGHT if figure.radar else 0)
        unit = max(0.0, size.height - fixed) / sum(weights)
    return [max(LEAST_LANE, float(round(weight * unit))) for weight in weights]


def _write_title(scene: Scene, figure: Figure) -> None:
    room = scene.width - _LEFT - _RIGHT
    note = fit_note(figure.note, lambda text: measure_text(text, _NAME) <= room * 0.7)
    left = room - (measure_text(note, _NAME) + 24 if note else 0)
    scene.add(Text(_LEFT, 34, shorten(figure.title, left, _TITLE, bold=True), size=_TITLE, bold=True))
    if note:
        scene.add(Text(scene.width - _RIGHT, 34, note, "dim", _NAME, "end"))


# Lanes ---------------------------------------------------------------------------------------------------


def _write_head(scene: Scene, lane: Lane, top: float) -> None:
    """Write what a lane is, what its colours mean, and its figures."""
    base = top + 15
    right = scene.left + scene.span
    if lane.scale:
        right = _draw_scale(scene, lane.scale, right, base)
    legend = sum(measure_text(name, _SMALL) + 34 for _, name in lane.legend)
    room = right - scene.left - legend - 24
    name = shorten(lane.name, room * (0.5 if lane.note else 1.0), _NAME, bold=True)
    scene.add(Text(scene.left, base, name, size=_NAME, bold=True))
    at = scene.left + measure_text(name, _NAME, bold=True) + 20
    for role, what in lane.legend:
        scene.add(
            Line([(at, base - 4), (at + 14, base - 4)], role, 2.4), Text(at + 19, base, what, "dim", _SMALL)
        )
        at += measure_text(what, _SMALL) + 34
    note = fit_note(lane.note, lambda text: measure_text(text, _SMALL) <= right - at)
    if note:
        scene.add(Text(right, base, note, "dim", _SMALL, "end"))


def _draw_scale(scene: Scene, scale: tuple[str, str, str], right: float, base: float) -> float:
    """Draw what the colours mean, and return where there is room again."""
    name, low, high = scale
    at = right - measure_text(high, _TICK) - 5
    scene.add(Text(right, base, high, "dim", _TICK, "end"))
    ramp = np.linspace(0, 1, 64)[None]
    scene.add(Image(at - 102, base - 8, 96, 8, ramp, name), Text(at - 108, base, low, "dim", _TICK, "end"))
    return at - 108 - measure_text(low, _TICK) - 22


def _draw_lane(
    scene: Scene, figure: Figure, lane: Lane, top: float, height: float, grid: Sequence[float]
) -> None:
    scene.add(Rect(scene.left, top, scene.span, height, "panel"))
    pictured = any(isinstance(content, Shades) for content in lane.contents)
    per_s = scene.span / figure.span_s if figure.span_s else 0.0
    lines = [
        Line([(x, top), (x, top + height)], "ink" if pictured else "line", 1.0, 0.16 if pictured else 1.0)
        for x in (scene.left + at * per_s for at in grid)
    ]
    if not pictured:
        scene.add(*lines, *_draw_levels(scene, lane, top, height))
    for content in lane.contents:
        if isinstance(content, Wave):
            _draw_wave(scene, content, top, height, per_s)
        elif isinstance(content, Shades):
            wide = min(content.values.shape[1] * content.column_s * per_s, scene.span)
            values = content.values[::-1]
            scene.add(Image(scene.left, top, wide, height, values, content.map))
        else:
            _draw_curve(scene, content, top, height, per_s)
    if pictured:
        scene.add(*lines)
    _draw_beats(scene, lane, top, height, per_s)
    last = -99.0
    for place, word in lane.ticks:
        y = top + height * (1 - place)
        if abs(y - last) >= _TICK + 0.5 and top + 3 <= y <= top + height - 2:
            scene.add(Text(scene.left - 8, y + 3.7, word, "dim", _TICK, "end"))
            last = y


def _draw_levels(scene: Scene, lane: Lane, top: float, height: float) -> list[Line]:
    if any(isinstance(content, Wave) for content in lane.contents):
        return []
    heights = [top + height * (1 - place) for place, _ in lane.ticks]
    return [Line([(scene.left, y), (scene.left + scene.span, y)], "line") for y in heights]


def _draw_wave(scene: Scene, wave: Wave, top: float, height: float, per_s: float) -> None:
    outline = wave.outline
    middle, half = top + height / 2, height / 2 / wave.reach
    if not len(outline.low):
        return
    fine = outline.step < _FINE_FRAMES
    x = scene.left + (np.arange(len(outline.low)) + 0.5) * outline.column_s * per_s
    end = scene.left + outline.duration_s * per_s
    scene.add(Line([(scene.left, middle), (end, middle)], wave.role, 1.0, 0.5))
    faint = 0.3 if wave.faint else 1.0
    # At least a line: of a sound seen frame by frame the peaks have no height.
    thick = 0.9 if fine else 0.5
    upper, lower = middle - half * outline.high - thick, middle - half * outline.low + thick
    scene.add(Area(_around(x, upper, lower, scene.left, end), wave.role, faint * (1.0 if fine else 0.45)))
    if not fine:
        # The level is that of all channels, the peaks lie where they lie: never beyond them.
        level = np.sqrt(outline.power)
        above, below = (np.minimum(level, np.maximum(side, 0)) for side in (outline.high, -outline.low))
        body = _around(x, middle - half * above, middle + half * below, scene.left, end)
        scene.add(Area(body, wave.role, faint))
    clipped = np.maximum(outline.high, -outline.low) >= _FULL_SCALE
    edges = np.flatnonzero(np.diff(np.concatenate([[False], clipped, [False]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        width = max(2.0, (last - first) * outline.column_s * per_s)
        at = scene.left + first * outline.column_s * per_s
        scene.add(Rect(at, top, width, 3, "clip"), Rect(at, top + height - 3, width, 3, "clip"))


def _around(x: Array, upper: Array, lower: Array, left: float, right: float) -> list[Point]:
    """Return the corners of an area: there along its upper edge, back along its lower one."""
    there = [*zip(x.tolist(), upper.tolist(), strict=True), (right, float(upper[-1]))]
    back = [*zip(x.tolist(), lower.tolist(), strict=True), (right, float(lower[-1]))]
    return [(left, float(upper[0])), *there, *back[::-1], (left, float(lower[0]))]


def _draw_curve(scene: Scene, curve: Curve, top: float, height: float, per_s: float) -> None:
    values, column_s = thin(curve, scene.span / per_s if per_s else 1.0, int(scene.span))
    bottom = top + height
    x = (
        scene.left
        + (curve.start_s + (np.arange(len(values)) + 0.5 * (column_s > curve.column_s)) * column_s) * per_s
    )
    y = bottom - height * np.clip(values, 0, 1)
    known = np.isfinite(values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        points = list(zip(x[first:last].tolist(), y[first:last].tolist(), strict=True))
        if curve.filled:
            scene.add(Area([(points[0][0], bottom), *points, (points[-1][0], bottom)], curve.role, 0.55))
        scene.add(Line(points, curve.role, 2.2 if curve.thick else 1.1))


def thin(curve: Curve, span_s: float, most: int) -> tuple[Array, float]:
    """Join values, the largest of each group, so that at most so many lie in a span of time."""
    count = max(1, int(np.ceil(span_s / curve.column_s / max(most, 1))))
    if count == 1:
        return curve.values, curve.column_s
    short = np.concatenate([curve.values, np.full(-len(curve.values) % count, np.nan)]).reshape(-1, count)
    # A group without any value stays a gap.
    filled = np.where(np.isfinite(short), short, -np.inf).max(axis=1)
    return np.where(np.isfinite(filled), filled, np.nan), curve.column_s * count


def _draw_beats(scene: Scene, lane: Lane, top: float, height: float, per_s: float) -> None:
    """Draw where beats and bars are, unless they lie too close to be told apart."""
    for times, role, width in ((lane.beats, "beat", 1.0), (lane.downbeats, "downbeat", 1.6)):
        if len(times) > 1 and (times[-1] - times[0]) / (len(times) - 1) * per_s < _CLOSEST_PX[role]:
            continue
        for time in times:
            x = scene.left + time * per_s
            scene.add(Line([(x, top), (x, top + height)], role, width, 0.85 if role == "downbeat" else 0.6))


def _write_axis(
    scene: Scene,
    figure: Figure,
    top: float,
    bars: Sequence[tuple[float, str]],
    seconds: Sequence[tuple[float, str]],
) -> None:
    """Write bars, where they are known, and below them the time."""
    per_s = scene.span / figure.span_s if figure.span_s else 0.0
    base = top + 15.0
    for name, ticks, role in (("bar", bars, "ink"), ("time", seconds, "dim")):
        if not ticks:
            continue
        scene.add(Text(scene.left - 8, base, name, "dim", _TICK, "end"))
        for at, word in ticks:
            x = scene.left + at * per_s
            if x + measure_text(word, _TICK) + 3 <= scene.width - 4:
                scene.add(Text(x + 3, base, word, role, _TICK))
                if base < top + 20:
                    scene.add(Line([(x, base - 15), (x, base - 8)], "dim", 1.0, 0.7))
        base += 15
