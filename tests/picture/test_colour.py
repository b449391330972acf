"""Colours: maps that are even to the eye, and colours brought to what a terminal has."""

import numpy as np
import pytest

from beatflow.picture.cells import Cell, write_cells
from beatflow.picture.colour import (
    DARK,
    LIGHT,
    MAPS,
    colour_map,
    from_oklab,
    paint,
    parse_hex,
    to_oklab,
)


def test_oklab_and_back() -> None:
    colours = np.random.default_rng(1).uniform(0, 1, (100, 3))
    assert from_oklab(to_oklab(colours)) == pytest.approx(colours, abs=1e-5)
    # Ottosson's own figures: white, and a red.
    assert to_oklab(np.array([1.0, 1.0, 1.0])) == pytest.approx([1, 0, 0], abs=1e-3)
    assert to_oklab(np.array([1.0, 0.0, 0.0])) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_even_to_the_eye(name: str) -> None:
    lab = to_oklab(colour_map(name) / 255)
    assert lab.shape == (256, 3)
    # In steps of 16, over which rounding to bytes does not matter.
    steps = np.linalg.norm(np.diff(lab[::16], axis=0), axis=1)
    if not name.startswith("change"):
        assert steps.max() / steps.min() < 1.35
        assert (np.diff(lab[::8, 0]) > 0).all() or (np.diff(lab[::8, 0]) < 0).all()
    else:
        assert abs(lab[0, 0] - lab[-1, 0]) < 0.1  # as much less is as strong as as much more


def test_dark_maps_begin_dark_and_light_ones_light() -> None:
    for name in ("heat", "tone"):
        assert to_oklab(DARK.table(name)[0] / 255)[0] < 0.2
        assert to_oklab(LIGHT.table(name)[0] / 255)[0] > 0.9


def test_paint_clips_and_takes_what_is_no_number_for_nothing() -> None:
    table = colour_map("heat")
    painted = paint(np.array([-1.0, 0.0, 1.0, 9.0, np.nan]), table)
    assert (painted == table[[0, 0, 255, 255, 0]]).all()


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_words_can_be_read(theme) -> None:
    """WCAG 2: contrast of 4.5 to 1 for words on what they stand on."""

    def luminance(colour: str) -> float:
        parts = np.array(parse_hex(colour)) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for role in ("ink", "dim"):
        for ground in ("paper", "panel"):
            dark, light = sorted(luminance(theme[name]) for name in (role, ground))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (role, ground)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        ("truecolor", "\x1b[0;38;2;250;10;10mA\x1b[0m"),
        ("256", "\x1b[0;38;5;196mA\x1b[0m"),
        ("16", "\x1b[0;91mA\x1b[0m"),
        ("none", "A"),
    ],
)
def test_a_colour_is_brought_to_the_nearest(depth: str, expected: str) -> None:
    assert write_cells([Cell("A", (250, 10, 10)), Cell(), Cell()], depth) == expected


def test_a_run_of_one_colour_is_said_once() -> None:
    red, blue = Cell("x", (255, 0, 0)), Cell("y", None, (0, 0, 255))
    assert write_cells([red, red, blue], "16") == "\x1b[0;91mxx\x1b[0;44my\x1b[0m"
    assert (
        write_cells([Cell("z", None, None, swapped=True), Cell("w", bold=True)], "16")
        == "\x1b[0;7mz\x1b[0;1mw\x1b[0m"
    )
