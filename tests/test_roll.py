"""Piano rolls and drum grids as they are drawn."""

import pytest

from beatflow.making.roll import draw_beat, draw_melody, name_note
from beatflow.sound.note import Note

NAMES = {36: "kick", 42: "hat"}


def test_a_row_for_each_pitch_and_a_place_for_each_sixteenth() -> None:
    notes = [Note(0.0, 0.5, 60), Note(0.5, 0.25, 64), Note(0.75, 0.05, 60)]
    assert list(draw_melody(notes, [0, 4, 6], 120.0, 80)) == [
        "    1",
        "E4  ····●━··········",
        "C4  ●━━━··●·········",
    ]


@pytest.mark.parametrize(("columns", "systems"), [(200, 1), (72, 1), (60, 2), (24, 4), (1, 4)])
def test_what_is_too_long_for_a_line_goes_on_below(columns: int, systems: int) -> None:
    notes = [Note(n * 2.0, 0.2, 48) for n in range(4)]
    lines = list(draw_melody(notes, [0, 16, 32, 48], 120.0, columns))
    assert len(lines) == 2 * systems
    assert sum(line.count("●") for line in lines) == 4
    assert [number for line in lines[::2] for number in line.split()] == ["1", "2", "3", "4"]
    assert max(map(len, lines)) <= max(columns, 5 + 16)


def test_loud_hits_are_capitals_and_drums_that_rest_are_left_out() -> None:
    notes = [Note(0.0, 0.1, 36, 110), Note(0.5, 0.1, 36, 60)]
    assert list(draw_beat(notes, [0, 4], NAMES, 80)) == ["      1", "kick  X···x···········"]


def test_nothing_is_drawn_as_nothing() -> None:
    assert list(draw_beat([], [], NAMES, 80)) == ["  1"]
    assert [name_note(midi) for midi in (60, 61, 21, 0)] == ["C4", "C#4", "A0", "C-1"]
