"""Bars and beats as steps of tempo."""

from itertools import pairwise

import pytest

from beatflow.daw.tempomap import FASTEST, make_map, read_meter

BAR_S = 240 / 90


def heard(**more: object) -> dict[str, object]:
    return {"tempo": 90.0, "meter": "4/4", "downbeat_confidence": 0.9} | more


def test_a_tempo_of_the_score_holds_from_the_start() -> None:
    tempo_map = make_map(87.5, "3/4", heard(downbeats=[0.4 + BAR_S * n for n in range(9)]))
    assert [(p.start_s, p.tempo, p.meter) for p in tempo_map.points] == [(0.0, 87.5, (3, 4))]
    assert tempo_map.known
    assert tempo_map.quarters_at(60) == pytest.approx(87.5)


def test_nothing_known_is_120_and_says_so() -> None:
    for facts in ({}, {"tempo": 90.0, "tempo_confidence": 0.1}):
        tempo_map = make_map(None, None, facts)
        assert not tempo_map.known
        assert (tempo_map.tempo, tempo_map.meter) == (120.0, (4, 4))


def test_a_tempo_without_bars_is_a_tempo() -> None:
    assert make_map(None, None, heard(downbeats=[0.5, 3.0])).points[0].tempo == 90.0
    assert (
        make_map(None, None, heard(downbeats=[0.5, 3.0, 5.5], downbeat_confidence=0.1)).points[0].start_s == 0
    )
    # Bars of another meter than the one that is declared are of no use.
    assert len(make_map(None, "3/4", heard(downbeats=[0.5, 3.0, 5.5])).points) == 1


@pytest.mark.parametrize("first_s", [0.0, 0.02, 0.1, 0.3, 0.5, 1.0, 2.0, 2.65])
@pytest.mark.parametrize("steady", [True, False])
def test_bar_lines_lie_on_downbeats(first_s: float, steady: bool) -> None:
    lines = [first_s + BAR_S * number for number in range(12)]
    tempo_map = make_map(None, None, heard(downbeats=lines, tempo_steady=steady))
    counts = [tempo_map.quarters_at(line) for line in lines]
    gaps = [after - before for before, after in pairwise(counts[1:])]
    assert gaps == pytest.approx([4.0] * len(gaps), abs=1e-6)
    # From the second one on at the latest each is on a bar line: the lead-in is whole beats of a bar of its own.
    lead = tempo_map.points[0].meter[0] if tempo_map.points[0].meter != (4, 4) else 0
    assert (counts[1] - lead) % 4 == pytest.approx(0, abs=0.05) or (counts[1] - lead) % 4 > 3.95
    assert all(30 < point.tempo < 200 for point in tempo_map.points)
    if steady:
        assert tempo_map.tempo == pytest.approx(90)


def test_a_drifting_tempo_has_a_step_for_each_bar() -> None:
    lines = [0.0, 2.6, 5.3, 7.5, 12.6]  # the last but one was missed
    tempo_map = make_map(None, None, heard(downbeats=lines, tempo_steady=False))
    assert [tempo_map.quarters_at(line) for line in lines] == pytest.approx([0, 4, 8, 12, 20])
    assert tempo_map.points[0].tempo == pytest.approx(240 / 2.6)


def test_a_late_start_has_a_short_bar_and_whole_ones() -> None:
    tempo_map = make_map(None, None, heard(downbeats=[7.0, 9.5, 12.0], tempo_steady=False))
    assert [point.meter for point in tempo_map.points] == [(3, 4), (4, 4), (4, 4), (4, 4)]
    assert [tempo_map.quarters_at(line) for line in (7.0, 9.5, 12.0)] == pytest.approx([11, 15, 19])


def test_the_tempo_that_holds_longest_is_told() -> None:
    lines = [0.0, 2.0, 4.0, 6.0, 9.0, 11.0]
    assert make_map(None, None, heard(downbeats=lines, tempo_steady=False)).tempo == pytest.approx(120)


def test_a_tempo_that_no_program_takes_is_cut() -> None:
    tempo_map = make_map(None, "32/1", heard(meter="32/1", downbeats=[0.0, 1.0, 2.0, 3.0]))
    assert tempo_map.tempo == FASTEST


def test_what_is_no_meter_is_four_quarters() -> None:
    assert read_meter("6/8") == (6, 8)
    assert [read_meter(text) for text in (None, "", "4/5", "x")] == [(4, 4)] * 4
