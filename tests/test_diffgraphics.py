"""The pictures of a diff, on a page and in a terminal: that they say what the figures say."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.diff.composition import Composition, Desk, Fader, Move
from beatflow.diff.drawing import Drawing
from beatflow.diff.graphics import draw_eq, draw_faders, draw_level, draw_time
from beatflow.diff.plot import plot_difference
from beatflow.picture.axis import iter_ticks
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.sound.outline import Outline
from beatflow.timecode import Clock
from tests.conftest import Bf
from tests.world import wav_bytes

RATE = 1000
EQ = [[20.0, 0.0], [100.0, 6.0], [1000.0, 0.0], [10_000.0, -6.0], [20_000.0, 0.0]]


def outline(seconds: float, level: float = 0.5) -> Outline:
    columns = int(seconds * 10)
    flat = np.full(columns, level)
    return Outline(-flat, flat, flat**2 / 2, RATE // 10, int(seconds * RATE), RATE)


def explain(*changes: tuple[str, dict[str, Any]]) -> Explanation:
    pieces = (Piece(0, 2000, 0), Piece(2000, 1000, None), Piece(3000, 3000, 2000))
    told = tuple(Change(kind, figures) for kind, figures in changes)
    return Explanation(told, pieces, RATE, 6000, 6000, -80.0, 1.0)


INSERTED = ("region", {"action": "inserted", "start_frame": 2000, "frames": 1000})
DELETED = ("region", {"action": "deleted", "start_frame": 4000, "frames": 500, "source_frame": 5000})


def test_what_changed_is_marked_where_it_is() -> None:
    drawing = Drawing(outline(6), outline(6), outline(6, 0.001))
    picture = draw_time(drawing, explain(INSERTED, DELETED), Clock(RATE, 120.0))
    inserted = re.search(r'class="mark inserted" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', picture)
    assert inserted
    assert (float(inserted[1]), float(inserted[3])) == (400.0, 200.0)  # of 1200, 6 s long
    deleted = re.search(r'class="mark deleted" x="([\d.]+)" y="([\d.]+)"', picture)
    assert deleted
    assert float(deleted[1]) == 1000.0
    assert float(deleted[2]) < float(inserted[2])  # on the old sound, which is above
    # Two stretches come from the old sound.
    assert picture.count('class="link"') == 2
    assert 'data-beat="0.500000000" data-meter="4"' in picture


def test_a_sound_of_no_length_is_drawn_as_nothing() -> None:
    drawing = Drawing(outline(0), outline(0), outline(0))
    picture = draw_time(drawing, explain(), Clock(RATE))
    assert "<path" not in picture
    assert "data-beat" not in picture


@pytest.mark.parametrize(
    ("tempo", "span_s", "first"),
    [
        (120.0, 8.0, [(0.0, "1"), (2.0, "2")]),
        (120.0, 180.0, [(0.0, "1"), (16.0, "9")]),
        (None, 180.0, [(0.0, "0:00"), (15.0, "0:15")]),
        (None, 3600.0, [(0.0, "0:00"), (300.0, "5:00")]),
        (None, 0.05, [(0.0, "0:00.00"), (0.01, "0:00.01")]),
    ],
)
def test_ticks_are_round_numbers(tempo: float | None, span_s: float, first: list[tuple[float, str]]) -> None:
    ticks = list(iter_ticks(Clock(RATE, tempo), span_s))
    assert ticks[:2] == first
    assert len(ticks) <= 14


def test_an_equaliser_is_drawn_around_zero() -> None:
    points = re.search(r'polyline class="curve" points="([^"]+)"', draw_eq(EQ))
    assert points
    places = [tuple(map(float, point.split(","))) for point in points[1].split()]
    assert len(places) == 5
    assert places[0][1] == places[2][1] == 95
    assert places[1][1] < 95 < places[3][1]
    assert "+6" in draw_eq(EQ)
    assert "polyline" not in draw_eq([])


def test_a_level_is_drawn_over_time() -> None:
    points = re.search(
        r'polyline class="curve" points="([^"]+)"', draw_level([[0.0, 0.0], [5.0, -12.0]], 10.0, Clock(RATE))
    )
    assert points
    assert points[1].split()[1].startswith("280.0,")


def fader(gain_db: float | None, **figures: Any) -> Fader:
    return Fader(gain_db, 0.0, gain_db is None, False, 0.0, **figures)


def test_a_desk_shows_what_moved() -> None:
    before = Desk(
        {"drums": fader(0.0), "pads": fader(-6.0), "old": fader(3.0)}, ("drums", "pads", "old"), True, -80, 1
    )
    after = Desk({"drums": fader(1.0), "pads": fader(None)}, ("drums", "pads"), True, -80, 1)
    moves = (
        Move("drums", fader(0.0), fader(1.0)),
        Move("pads", fader(-6.0), fader(None)),
        Move("old", fader(3.0), None),
    )
    picture = draw_faders(Composition("mix.wav", before, after, moves))
    assert picture.count('class="cap moved"') == 2
    assert picture.count('class="cap ghost"') == 3
    for said in (">+1.0 dB<", ">muted<", ">out<"):
        assert said in picture


@pytest.mark.parametrize("blocks", [True, False])
def test_curves_in_a_terminal(blocks: bool) -> None:
    drawing = Drawing(outline(6), outline(6), None)
    explanation = explain(("eq", {"bands": [], "curve": EQ}))
    lines = list(plot_difference(drawing, explanation, Clock(RATE), 60, blocks, lambda text, name: text))
    curve = lines[-8:-1]
    assert curve[0].lstrip().startswith("+6 dB")
    assert curve[-1].lstrip().startswith("−6 dB")
    assert "100 Hz" in lines[-1]
    # The boost is on the left, the cut on the right of it.
    assert curve[1].rstrip() != curve[1][:12]
    assert len(curve[1].rstrip()) < 45
    assert all(line.isascii() for line in lines[:-8]) or blocks


def test_a_curve_of_one_point_is_not_drawn() -> None:
    drawing = Drawing(outline(6), outline(6), None)
    explanation = explain(("eq", {"bands": [], "curve": EQ[:1]}))
    lines = list(plot_difference(drawing, explanation, Clock(RATE), 60, True, lambda text, name: text))
    assert len(lines) == 5


def test_an_equalised_sound_has_its_curve_on_the_page_and_in_numbers(bf: Bf, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    dry = random.normal(0, 0.1, (6 * 44100, 2))
    # A gentle shelf: the mean of neighbouring frames takes the highs down.
    wet = dry.copy()
    wet[1:] = 0.7 * dry[1:] + 0.3 * dry[:-1]
    for name, samples in (("a.wav", dry), ("b.wav", wet)):
        (bf.directory / name).write_bytes(wav_bytes(np.rint(samples * 32767).clip(-32768, 32767)))
    said = bf("diff", "a.wav", "b.wav", "--curve").stdout
    assert "EQ " in said
    rows = [line.split() for line in said.splitlines() if re.fullmatch(r" +\d+  [+−]?\d+\.\d\d", line)]
    highs = [float(gain_db.replace("−", "-")) for hz, gain_db in rows if 14_000 < float(hz) < 18_000]
    assert highs
    # |0.7 + 0.3 exp(-jw)| at 16 kHz is -5.3 dB.
    assert np.mean(highs) == pytest.approx(-5.3, abs=1)
    page = bf("diff", "a.wav", "b.wav", "--html", "-").stdout
    assert "<figcaption>EQ curve" in page
