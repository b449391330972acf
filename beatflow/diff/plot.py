"""A difference drawn in a terminal's characters: both sounds, what is left, and the regions that changed.

Text from outlines; knows no terminal, only how wide it is and whether it has blocks.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from beatflow.changetext import format_hz
from beatflow.diff.drawing import Drawing
from beatflow.picture.axis import iter_ticks
from beatflow.sound.explanation import Change, Explanation
from beatflow.sound.outline import Outline
from beatflow.timecode import Clock
from beatflow.wording import format_number

Style = Callable[[str, str], str]
Array = NDArray[np.float64]

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"
_ROWS = 2
_CURVE_ROWS = 7
_LABEL = 8
_LEFT = "    "
_RANGE_DB = 24.0  # drawn below the loudest column of both sounds
_REST_RANGE_DB = (-96.0, -12.0)


def count_columns(width: int) -> int:
    """Return how many columns a drawing has in a terminal of this width."""
    return max(10, width - len(_LEFT) - _LABEL - 1)


def plot_difference(
    drawing: Drawing, explanation: Explanation, clock: Clock, columns: int, blocks: bool, style: Style
) -> Iterator[str]:
    """Yield the lines of a drawing.

    Parameters
    ----------
    drawing : Drawing
        Columns are joined where there are more than ``columns``.
    blocks : bool
        Draw with block characters, otherwise in ASCII.
    """
    ramp = _BLOCKS if blocks else _ASCII
    drawing = _narrow(drawing, columns)
    marks = _mark(explanation, drawing.after, columns)
    loudest = max(float(side.levels_db().max(initial=-120.0)) for side in (drawing.before, drawing.after))
    scale = (loudest - _RANGE_DB, loudest)
    yield from _lane("before", drawing.before, scale, ramp, lambda text: style(text, "dim"))
    yield from _lane("after", drawing.after, scale, ramp, lambda text: _paint(text, marks, style))
    if drawing.rest is not None:
        yield from _lane(
            "left", drawing.rest, _REST_RANGE_DB, ramp, lambda text: style(text, "removed"), rows=1
        )
    if any(marks):
        bar = "▔" if blocks else "^"
        yield (
            _LEFT + " " * _LABEL + style("".join(bar if mark else " " for mark in marks).rstrip(), "warning")
        )
    yield _LEFT + " " * _LABEL + style(_rule(drawing.after, clock), "dim")
    for change in explanation.find("eq"):
        yield from _plot_curve(change["curve"], columns, ramp, style)


def _narrow(drawing: Drawing, columns: int) -> Drawing:
    count = max(1, -(-max(len(drawing.before.low), len(drawing.after.low)) // columns))
    rest = drawing.rest.join(count) if drawing.rest is not None else None
    return Drawing(drawing.before.join(count), drawing.after.join(count), rest)


def _paint(text: str, marks: Sequence[bool], style: Style) -> str:
    """Colour what changed."""
    result = ""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marks[at] != marks[start]:
            part = text[start:at]
            result += style(part, "warning" if marks[start] else "changed")
            start = at
    return result


def _lane(
    name: str,
    outline: Outline,
    scale: tuple[float, float],
    ramp: str,
    paint: Callable[[str], str],
    rows: int = _ROWS,
) -> Iterator[str]:
    """Draw levels as bars of several rows, the upper row first; silence is empty, and the least sound is not."""
    steps = len(ramp) - 1
    floor_db, top_db = scale
    heights = np.ceil(rows * steps * (outline.levels_db() - floor_db) / (top_db - floor_db))
    heights = np.where(outline.power > 0, heights.clip(1, rows * steps), 0).astype(int)
    for row in reversed(range(rows)):
        text = "".join(ramp[min(max(height - row * steps, 0), steps)] for height in heights)
        label = name if row == 0 else ""
        yield f"{_LEFT}{label:<{_LABEL}}{paint(text.rstrip())}".rstrip()


def _mark(explanation: Explanation, outline: Outline, columns: int) -> list[bool]:
    """Say for each column whether something changed there and not everywhere."""
    marks = [False] * max(columns, len(outline.low))
    for change in explanation.changes:
        if change.kind in ("region", "fade"):
            first, last = _columns_of(change, outline)
            for at in range(first, min(last, len(marks))):
                marks[at] = True
    return marks


def _columns_of(change: Change, outline: Outline) -> tuple[int, int]:
    start = change["start_frame"]
    # What was deleted has no length here: its seam is marked.
    frames = 1 if change.figures.get("action") == "deleted" else change["frames"]
    return start // outline.step, -(-(start + frames) // outline.step)


def _rule(outline: Outline, clock: Clock) -> str:
    """Write where one is: bars where they are known, else minutes and seconds."""
    width = max(1, len(outline.low))
    text = [" "] * (width + 12)
    for seconds, label in iter_ticks(clock, outline.duration_s, max(1, width // 8)):
        at = round(seconds / outline.column_s)
        label = f"b{label}" if clock.beat_s else label
        if at < width:
            text[at : at + len(label)] = label
    return "".join(text).rstrip()


def _plot_curve(curve: Sequence[Sequence[float]], columns: int, ramp: str, style: Style) -> Iterator[str]:
    """Draw an equaliser's curve over a logarithmic axis, from its lowest to its highest frequency."""
    if len(curve) < 2:
        return
    hz = np.array([point[0] for point in curve], float)
    gains = np.array([point[1] for point in curve], float)
    width = min(columns, 72)
    axis = np.geomspace(max(hz[0], 20.0), hz[-1], width)
    values = np.interp(np.log(axis), np.log(np.maximum(hz, 1e-9)), gains)
    reach = max(3.0, float(np.ceil(np.abs(values).max() / 3) * 3))
    steps = len(ramp) - 1
    heights = np.rint((values + reach) / (2 * reach) * _CURVE_ROWS * steps).astype(int).clip(1)
    for row in reversed(range(_CURVE_ROWS)):
        gain_db = reach - 2 * reach * (_CURVE_ROWS - 1 - row) / (_CURVE_ROWS - 1)
        label = f"{'+' if gain_db > 0 else ''}{format_number(gain_db, 0)} dB" if row % 3 == 0 else ""
        text = "".join(ramp[min(max(height - row * steps, 0), steps)] for height in heights)
        yield f"{_LEFT}{label:<{_LABEL}}{style(text, 'branch')}".rstrip()
    marks = [" "] * (width + 10)
    for number in (100.0, 1000.0, 10_000.0):
        at = int(np.searchsorted(axis, number))
        if 0 < at < width:
            label = format_hz(number)
            marks[at : at + len(label)] = label
    yield _LEFT + " " * _LABEL + style("".join(marks).rstrip(), "dim")
