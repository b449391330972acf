"""A figure as PNG, SVG, page and text: that what it says is there, whatever the format, in light and dark."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from beatflow.picture.colour import DARK, LIGHT, parse_hex
from beatflow.picture.embedding import Clip
from beatflow.picture.figure import Curve, Lane, Radar, Shades, Wave
from beatflow.picture.layout import Size, lay_out, thin
from beatflow.picture.page import write_page
from beatflow.picture.png import encode_png, write_png
from beatflow.picture.scene import Text, measure_text, shorten
from beatflow.picture.screen import Screen
from beatflow.picture.svg import write_svg
from beatflow.picture.terminal import draw_text
from tests.picture.figures import RAMP, make_every_lane, make_figure, make_outline, make_radar

ODD = 'ä <b>&" 日本 😀 \x1b[31m \udcff.wav'
SVG = "{http://www.w3.org/2000/svg}"


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_a_png_shows_what_it_should(theme) -> None:
    figure = make_figure(*make_every_lane(), radar=make_radar())
    scene = lay_out(figure, Size(700))
    picture = pixels(write_png(scene, theme))
    assert picture.shape == (scene.height, 700, 3)
    assert tuple(picture[2, 2]) == parse_hex(theme["paper"])
    wave, shades = scene.strips[:2]
    middle = int(wave.y + wave.height / 2)
    left, right = 64, 676
    ink = np.array(parse_hex(theme["wave"]))
    # It swells: quiet on the left, at its peak on the right.
    assert (
        np.abs(picture[middle - 30, right - 20] - ink).sum()
        > np.abs(picture[middle - 4, right - 20] - ink).sum()
    )
    assert tuple(picture[middle - 30, left + 30]) == parse_hex(theme["panel"])
    row = picture[int(shades.y + shades.height / 2 + 3)]
    assert np.abs(row[left + 3] - theme.table("heat")[2]).max() <= 8
    assert np.abs(row[right - 3] - theme.table("heat")[253]).max() <= 8


def test_a_map_of_pixels_survives_a_decoder() -> None:
    image = np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)
    assert np.array_equal(pixels(encode_png(image)), image)


def test_the_same_figure_gives_the_same_bytes() -> None:
    scenes = [lay_out(make_figure(*make_every_lane(), radar=make_radar()), Size(600)) for _ in range(2)]
    assert write_png(scenes[0]) == write_png(scenes[1])
    assert write_svg(scenes[0]) == write_svg(scenes[1])


@pytest.mark.parametrize("width", [640, 900, 1400])
def test_no_words_lie_on_each_other(width: int) -> None:
    lanes = [
        replace(lane, note="a note  ·  of some length  ·  and more", name=lane.name * 9)
        for lane in make_every_lane()
    ]
    scene = lay_out(make_figure(*lanes, radar=make_radar()), Size(width))
    boxes = []
    for shape in scene.shapes:
        if isinstance(shape, Text):
            wide = measure_text(shape.text, shape.size, shape.bold)
            left = shape.x - {"start": 0, "middle": wide / 2, "end": wide}[shape.anchor]
            boxes.append((left, shape.y - shape.size * 0.75, left + wide, shape.y, shape.text))
    for number, one in enumerate(boxes):
        for two in boxes[:number]:
            apart = one[0] >= two[2] or two[0] >= one[2] or one[1] >= two[3] or two[1] >= one[3]
            assert apart, (one, two)
    assert all(box[0] >= 0 and box[2] <= width for box in boxes)


def test_an_svg_is_xml_whatever_the_names() -> None:
    figure = replace(make_figure(*make_every_lane(), radar=make_radar()), title=ODD)
    for theme in (None, DARK, LIGHT):
        root = ET.fromstring(write_svg(lay_out(figure, Size()), theme))
        words = [element.text or "" for element in root.iter(f"{SVG}text")]
        assert any('<b>&"' in word and "日本" in word for word in words)
        assert not any("\x1b" in word for word in words)
        assert len(list(root.iter(f"{SVG}image"))) == 2  # the spectrum and its scale
    assert b"prefers-color-scheme:dark" in write_svg(lay_out(figure, Size()))
    assert b"prefers-color-scheme" not in write_svg(lay_out(figure, Size()), DARK)


def test_a_png_has_a_letter_for_everything() -> None:
    figure = replace(make_figure(make_every_lane()[0]), title=ODD, note="−14.0 LUFS")
    assert pixels(write_png(lay_out(figure, Size(600)))).shape[1] == 600


def test_a_height_is_shared_and_never_too_small() -> None:
    lanes = make_every_lane()
    assert lay_out(make_figure(*lanes), Size(800, 900)).height == pytest.approx(900, abs=3)
    low = lay_out(make_figure(*lanes), Size(800, 200))
    assert min(strip.height for strip in low.strips) >= 24


def test_a_curve_is_thinned_to_what_can_be_seen() -> None:
    values = np.full(100_000, 0.1)
    values[77_777] = 0.9
    values[:5000] = np.nan
    thinned, column_s = thin(Curve(values, 0, 0.01, "wave"), 1000.0, 500)
    assert len(thinned) == 500
    assert column_s == pytest.approx(2.0)
    assert np.nanmax(thinned) == 0.9
    assert np.isnan(thinned[:25]).all()
    assert not np.isnan(thinned[25:]).any()


def test_full_scale_is_marked() -> None:
    loud = make_outline(1.0)
    scene = lay_out(make_figure(Lane("w", [Wave(loud, 1.0)])), Size())
    marks = [shape for shape in scene.shapes if getattr(shape, "role", "") == "clip"]
    assert len(marks) == 2
    quiet = lay_out(make_figure(Lane("w", [Wave(make_outline(0.9), 1.0)])), Size())
    assert not [shape for shape in quiet.shapes if getattr(shape, "role", "") == "clip"]


def test_texts_are_shortened_in_their_middle() -> None:
    text = shorten("x" * 200 + ".wav", 120, 12)
    assert measure_text(text, 12) <= 120
    assert text.endswith(".wav")
    assert "…" in text
    assert shorten("mix", 120, 12) == "mix"


# Pages ---------------------------------------------------------------------------------------------------


def test_a_page_plays_and_loads_nothing() -> None:
    figure = replace(make_figure(*make_every_lane()), title=ODD, sounds=(ODD, "two"))
    clips = [Clip(ODD, "audio/ogg", b"OggS one"), Clip("two", "audio/ogg", b"OggS two")]
    page = write_page(figure, Size(), clips).decode()
    assert page.count("<audio ") == 2
    assert page.count('class="pick"') == 2
    assert 'data-beat="0.500000000" data-meter="4"' in page
    assert 'role="group" aria-label="which sound"' in page
    assert "<h1>" in page
    assert "default-src 'none'" in page
    assert "media-src data:" in page
    assert "<b>&" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_page_tells_only_keys_that_there_are() -> None:
    clips = [Clip(str(number), "audio/ogg", b"OggS") for number in range(12)]
    page = write_page(make_figure(*make_every_lane()), Size(), clips).decode()
    assert page.count('title="key ') == 9
    assert page.count('class="pick"') == 12


def test_a_page_without_sound_has_no_player() -> None:
    page = write_page(make_figure(*make_every_lane()), Size(), [None]).decode()
    assert "<audio" not in page
    assert "currentTime" not in page
    one = write_page(make_figure(radar=make_radar()), Size(), [Clip("a", "audio/mpeg", b"x")]).decode()
    assert one.count("<audio ") == 1
    assert 'class="pick"' not in one


# Terminals -----------------------------------------------------------------------------------------------


def strip(line: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", line)


def draw_lane(lane: Lane, screen: Screen) -> list[str]:
    """The lines of one lane alone, which is called w."""
    lines = list(draw_text(make_figure(lane, tempo=None), screen))
    first = next(number for number, line in enumerate(lines) if strip(line) == "w") + 1
    return lines[first:-1]


@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "none"])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [24, 80, 200])
def test_a_terminal_shows_it_in_whatever_it_has(depth: str, unicode: bool, width: int) -> None:
    figure = make_figure(*make_every_lane(), radar=make_radar())
    lines = list(draw_text(figure, Screen(width, None, depth, unicode, DARK)))
    text = "\n".join(lines)
    assert all(len(strip(line)) < width for line in lines)
    assert ("\x1b[" in text) == (depth != "none")
    assert "waveform" in text
    assert "happy" in text
    assert ("38;2;" in text) == (depth == "truecolor")
    assert ("38;5;" in text) == (depth == "256")
    if not unicode:
        plain = text.replace("·", "").replace("−", "").replace("…", "")
        assert plain.isascii()


def test_a_wave_grows_from_its_middle_in_eighths() -> None:
    lane = Lane("w", [Wave(make_outline(0.5), 0.5)])
    lines = draw_lane(lane, Screen(28, None, "truecolor", True, DARK))
    assert len(lines) == 6
    right = [strip(line).ljust(27)[-1] for line in lines]
    assert " " not in right
    # There are no blocks that hang from above: in the lower half what is left out is drawn, and turned round.
    assert "\x1b[0;7;38;2;" in "".join(lines[3:])
    assert "\x1b[0;7" not in "".join(lines[:3])
    dots = draw_lane(lane, Screen(28, None, "none", True, DARK))
    assert all(len(line) < 9 or line[7] != "⣿" for line in dots)
    assert dots[2].rstrip()[-1] == "⣿"


def test_shades_are_two_rows_to_a_line() -> None:
    values = np.zeros((2, 10))
    values[1] = 1.0
    (line,) = draw_lane(Lane("w", [Shades(values, "heat", 1.0)]), Screen(28, None, "truecolor", True, DARK))
    top, bottom = (";".join(map(str, DARK.table("heat")[at])) for at in (255, 0))
    assert f"38;2;{top};48;2;{bottom}m▀" in line


def test_a_stretch_without_sound_stays_empty() -> None:
    lines = draw_lane(Lane("w", [Shades(RAMP[:, :50], "heat", 0.1)]), Screen(48, None, "none", False, DARK))
    assert all(len(line) <= 7 + 21 for line in lines)
    assert any(line[20:].strip() for line in lines)


def test_names_cannot_steer_the_terminal() -> None:
    figure = replace(make_figure(*make_every_lane()), title=ODD)
    lines = list(draw_text(figure, Screen(80, None, "none", True, DARK)))
    assert "\x1b" not in "".join(lines)


def test_lines_are_shared_where_a_height_is_given() -> None:
    figure = make_figure(*make_every_lane())
    lines = [len(list(draw_text(figure, Screen(80, high, "none", True, DARK)))) for high in (20, 40, 80)]
    assert lines[0] < lines[1] < lines[2]
    assert lines[2] == pytest.approx(80, abs=8)


def test_hatching_tells_levels_apart_that_are_10_db_apart() -> None:
    levels = np.linspace(0.5, 1.0, 5)[None].repeat(4, axis=0)  # 40 dB below the loudest place up to it
    lines = list(draw_text(make_figure(Lane("mel", [Shades(levels, "heat", 0.2)])), Screen(width=48)))
    signs = {sign for line in lines for sign in line if sign in "░▒▓█"}
    assert len(signs) >= 4


def test_no_sound_of_a_radar_is_left_out_of_a_narrow_terminal() -> None:
    shares = {"happy": 0.75, "sad": 0.25}
    series = [("wave", f"sound {number}", shares) for number in range(5)]
    lines = list(draw_text(make_figure(radar=Radar(list(shares), series)), Screen(width=60)))
    text = "\n".join(lines)
    assert [word for word in re.findall(r"sound \d", text) if word] == [
        f"sound {number}" for number in range(5)
    ]
    assert text.count("75 %") == 5
