"""A radar of qualities as shapes: a web of rings and spokes, and one area for each sound. Knows no moods."""

from math import cos, pi, sin

from beatflow.picture.figure import SEPARATOR, Radar
from beatflow.picture.scene import Area, Line, Point, Rect, Scene, Text, measure_text, shorten

RADAR_HEIGHT = 344
_RADIUS = 122.0
_TEXT = 12.5
_LEAST_WIDTH = 840
"""Of a picture that has room for bars beside the radar."""


def spoke(number: int, count: int, share: float = 1.0) -> Point:
    """Return a place on a spoke, clockwise from the top, ``share`` of the way out: x to the right, y down."""
    angle = 2 * pi * number / max(count, 1)
    return share * sin(angle), -share * cos(angle)


def draw_radar(scene: Scene, radar: Radar, top: float) -> None:
    """Draw a radar on the left, and its figures beside it."""
    count = len(radar.axes)
    wide = scene.width >= _LEAST_WIDTH
    middle = scene.left + 210.0, top + _RADIUS + 54
    scene.add(Text(scene.left, top + 15, "mood", size=_TEXT, bold=True))

    def place(number: int, share: float) -> Point:
        x, y = spoke(number, count, share)
        return middle[0] + _RADIUS * x, middle[1] + _RADIUS * y

    for ring in (0.25, 0.5, 0.75, 1.0):
        corners = [place(number, ring) for number in range(count)]
        scene.add(Line([*corners, corners[0]], "line", 1.2 if ring == 1 else 1.0))
    for number, name in enumerate(radar.axes):
        tip, out = place(number, 1.0), place(number, 1.1)
        scene.add(Line([middle, tip], "line"))
        side = out[0] - middle[0]
        anchor = "middle" if abs(side) < 8 else "start" if side > 0 else "end"
        words = (
            name
            if wide or len(radar.series) != 1
            else f"{name} {_percent(radar.series[0][2].get(name, 0.0))}"
        )
        scene.add(Text(out[0], out[1] + 4 + 4 * (out[1] - middle[1]) / _RADIUS, words, "ink", 12, anchor))
    for role, _, shares in radar.series:
        corners = [
            place(number, shares.get(name, 0.0) / radar.reach) for number, name in enumerate(radar.axes)
        ]
        scene.add(Area(corners, role, 0.28), Line([*corners, corners[0]], role, 2.2))
    if wide:
        _write_shares(scene, radar, middle[0] + _RADIUS + 124, top + 44)
        return
    legend = (
        [(role, whose) for role, whose, _ in radar.series] if len(radar.series) > 1 else [("dim", radar.note)]
    )
    at = scene.left + 56
    for role, word in legend:
        word = shorten(word, scene.width - at - 10, 11.5)
        scene.add(Text(at, top + 15, word, role, 11.5))
        at += measure_text(word, 11.5) + 16


def _write_shares(scene: Scene, radar: Radar, left: float, top: float) -> None:
    """Write each share, as a bar and in percent, a column for each sound."""
    row = 24.0
    room = scene.width - 22 - left - 92
    columns = max(1, min(len(radar.series), int(room // 110)))
    wide = min(300.0, room / columns) - 56
    for number, name in enumerate(radar.axes):
        scene.add(Text(left, top + row * (number + 1) + 11, name, "ink", _TEXT))
    for column, (role, whose, shares) in enumerate(radar.series[:columns]):
        x = left + 92 + column * (wide + 56)
        scene.add(Text(x, top + 8, shorten(whose, wide + 40, 11.5), "dim", 11.5))
        for number, name in enumerate(radar.axes):
            share = shares.get(name, 0.0)
            y = top + row * (number + 1)
            scene.add(
                Rect(x, y + 2, wide, 10, "line", radius=3),
                Rect(x, y + 2, max(2.0, wide * share / radar.reach), 10, role, radius=3),
                Text(x + wide + 8, y + 11, _percent(share), "dim", 11.5),
            )
    more = len(radar.series) - columns
    note = f"{radar.note}{SEPARATOR}{more} more in the web" if more else radar.note
    scene.add(Text(left, top + row * (len(radar.axes) + 1) + 22, note, "dim", 11.5))


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
