"""The grammars: what makes each genre itself, read from what is written."""

import pytest

from beatflow.ai.engine import QUARTERS
from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.composing.basslines import FIGURES
from beatflow.ai.synth.composing.chord import parse_numeral
from beatflow.ai.synth.composing.comping import COMPING
from beatflow.ai.synth.composing.feels import grammar_of
from beatflow.ai.synth.composing.fills import FILLS
from beatflow.ai.synth.composing.motifs import RHYTHMS
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.genres.genre import FEELS
from beatflow.ai.synth.words.vocabulary import ADDED
from beatflow.sound.tonality import Key
from tests.ai.synth.written import steps, written

SEEDS = range(4)
ASKED = (
    "lofi", "boom bap", "trap", "drill", "house", "deep house", "techno", "drum and bass", "dubstep", "synthwave",
    "ambient", "cinematic", "rock", "funk", "jazz", "bossa nova", "reggaeton", "afrobeat",
)  # fmt: skip


def test_all_of_the_genres_are_there() -> None:
    assert set(ASKED) <= set(GENRES)
    assert len(GENRES) >= 26


@pytest.mark.parametrize("name", sorted(GENRES))
def test_tables_are_well_formed(name: str) -> None:
    genre = GENRES[name]
    assert genre.feel in FEELS
    assert genre.fills in FILLS
    for meter in QUARTERS:
        table = grammar_of(genre, meter)
        rows = [*table.kicks, *table.snares, *table.hats, *table.open_hats]
        rows += [row for _, row in (*table.percussion, *table.lifts)]
        for row in rows:
            assert set(row) <= set("Xxog?."), row
            assert len(row) in ((16, 32) if meter == "4/4" else (12,)), row
    for mode, table in (("min", genre.minor_progressions), ("maj", genre.major_progressions)):
        for text in table:
            bars = text.split()
            assert len(bars) in (4, 8, 12), text
            chords = [parse_numeral(one, Key(9, mode), genre.tones) for bar in bars for one in bar.split(",")]
            assert any(chord.root == 9 for chord in chords), f"{text} never comes home"


def test_figures_are_well_formed() -> None:
    for style, figures in FIGURES.items():
        assert all(len(text) in (16, 32) and set(text.lower()) <= set("rtfdxsoag.-") for text in figures), (
            style
        )
    for figures in (*COMPING.values(), *RHYTHMS.values()):
        for figure in figures:
            onsets = [step for step, _ in figure]
            assert onsets == sorted(set(onsets))
            assert all(0 <= step < 32 and length > 0 for step, length in figure)
    assert all(len(row) == 16 for rows in ADDED.values() for _, row in rows)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "genre", ["rock", "funk", "disco", "house", "synthwave", "blues", "boom bap", "lofi", "pop"]
)
def test_the_backbeat_is_on_two_and_four(genre: str, seed: int) -> None:
    score, parts = written(genre, seed=seed)
    assert {4, 12} <= set(steps(score, parts["drums"], GENRES[genre].backbeat, 0))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("genre", ["house", "deep house", "techno", "trance", "disco", "reggaeton"])
def test_four_on_the_floor(genre: str, seed: int) -> None:
    score, parts = written(genre, seed=seed)
    assert {0, 4, 8, 12} <= set(steps(score, parts["drums"], drum.KICK, 0))


@pytest.mark.parametrize("seed", SEEDS)
def test_half_time(seed: int) -> None:
    for genre in ("trap", "dubstep"):
        score, parts = written(genre, seed=seed)
        low, high = GENRES[genre].tempo
        assert low <= score.grid.tempo <= high
        assert low > 130
        back = steps(score, parts["drums"], GENRES[genre].backbeat, 0)
        assert 8 in back
        assert 4 not in back


@pytest.mark.parametrize("seed", SEEDS)
def test_dembow(seed: int) -> None:
    score, parts = written("reggaeton", seed=seed)
    for bar in range(3):
        assert steps(score, parts["drums"], drum.SNARE, bar) == [3, 6, 11, 14]
    bass = sorted({event.tick // 240 for event in parts["bass"] if event.tick < score.grid.bar})
    assert bass[:2] in ([0, 3], [0, 6])


def test_drill_displaces_snare_and_hats() -> None:
    score, parts = written("drill", seed=1)
    assert 8 in steps(score, parts["drums"], drum.SNARE, 0)
    assert not set(steps(score, parts["drums"], drum.SNARE, 1)) & {4, 8}
    assert {0, 3, 6} <= set(steps(score, parts["drums"], drum.CLOSED_HAT, 0))


def test_bossa_has_its_clave_and_its_pulse() -> None:
    for seed in SEEDS:
        score, parts = written("bossa nova", seed=seed)
        bars = [steps(score, parts["drums"], drum.RIM, bar) for bar in (0, 1)]
        assert bars in ([[0, 6, 12], [4, 10]], [[4, 10], [0, 6, 12]])
        assert {0, 6, 8} <= set(steps(score, parts["drums"], drum.KICK, 0))


def test_spang_a_lang() -> None:
    for seed in SEEDS:
        score, parts = written("jazz", seed=seed)
        assert {0, 4, 6, 8, 12, 14} <= set(steps(score, parts["drums"], drum.RIDE, 0))
        assert steps(score, parts["drums"], drum.PEDAL_HAT, 0) in ([4, 12], [])


def test_one_drop_leaves_the_one() -> None:
    for seed in SEEDS:
        score, parts = written("reggae", seed=seed)
        assert steps(score, parts["drums"], drum.KICK, 1)[0] == 8


def test_funk_is_on_the_one_with_ghosts_around_the_backbeat() -> None:
    for seed in SEEDS:
        score, parts = written("funk", seed=seed)
        assert steps(score, parts["drums"], drum.KICK, 0)[0] == 0
        assert parts["bass"][0].tick == 0
        assert parts["bass"][0].velocity > 90
        snares = [event.velocity for event in parts["drums"] if event.midi == drum.SNARE]
        assert sum(velocity < 60 for velocity in snares) >= 8


def test_rock_has_power_chords() -> None:
    _, parts = written("rock", seed=3)
    first = sorted(event.midi for event in parts["chords"] if event.tick == parts["chords"][0].tick)
    assert [midi - first[0] for midi in first] == [0, 7, 12]
    assert written("rock piano", seed=3)[0].genre.voicing == "close"


def test_cinematic_has_taikos_and_ostinatos() -> None:
    styles = set()
    for seed in range(6):
        score, parts = written("cinematic spiccato", seed=seed)
        assert drum.LOW_TOM in {event.midi for event in parts["drums"]}
        onsets = [event.tick for event in parts["chords"] if event.tick < score.grid.bar]
        styles.add(len(onsets) >= 6)
    assert styles == {True}


def test_afrobeat_keeps_shaker_and_bell() -> None:
    played = set()
    for seed in SEEDS:
        played |= {event.midi for event in written("afrobeat", seed=seed)[1]["drums"]}
    assert {drum.SHAKER, drum.CLAVES, drum.AGOGO_HIGH, drum.CONGA} <= played


def test_deep_house_has_minor_ninths() -> None:
    score, _ = written("deep house", key="A:min")
    assert score.spans[0].chord.name in ("Am9", "Dm9")


@pytest.mark.parametrize("genre", sorted(GENRES))
def test_threes_are_threes(genre: str) -> None:
    """In 3/4 nothing falls outside of twelve sixteenths; in 6/8 what the bass plays lies on eighths."""
    score, parts = written(genre, meter="6/8", seed=2, humanize=0.0, swing=50.0)
    assert {event.tick % score.grid.bar % 240 for event in parts["bass"]} <= {0, 80, 160}
    if GENRES[genre].feel in ("backbeat", "half") and any(row.strip(".") for row in GENRES[genre].snares):
        assert 6 in steps(score, parts["drums"], GENRES[genre].backbeat, 0)
