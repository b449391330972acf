"""What is written: bass under chords, phrases that answer, ghosts, swing, endings, comparisons; every genre."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.engine import QUARTERS, Brief
from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.composing.bass import STYLES as BASS_STYLES
from beatflow.ai.synth.composing.bass import compose_bass
from beatflow.ai.synth.composing.chords import compose_chords
from beatflow.ai.synth.composing.comping import STYLES as COMPING_STYLES
from beatflow.ai.synth.composing.fitting import guess_key, harmonise
from beatflow.ai.synth.composing.melody import compose_melody
from beatflow.ai.synth.composing.motifs import STYLES as MELODY_STYLES
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.exactmath import RATE
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import STEP, TICKS, Event, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.words.moods import MOODS
from beatflow.sound.tonality import Key, parse_key
from tests.ai.synth.written import played, steps, write, written

BAR = 4 * TICKS
C_MAJOR = Key(0, "maj")


def fits(score: Score, event: Event) -> bool:
    """In the key, in the chord, or a step from a root that follows within two quarters (a walk leads there)."""
    near = {score.chord_at(event.tick + quarter * STEP).root for quarter in range(9)}
    leading = {(root + step) % 12 for root in near for step in (-2, -1, 1, 2)}
    return event.midi % 12 in leading | {*score.key.pitch_classes, *score.chord_at(event.tick).pitch_classes}


@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.58, 0.667, 0.75]), st.sampled_from([1, 2]))
def test_swing_moves_off_beats_late_and_keeps_the_order(tick: int, swing: float, unit: int) -> None:
    grid = Grid(Fraction(90), "4/4", 500, swing, unit)
    pair = 2 * unit * STEP
    assert grid.swung(tick) <= grid.swung(tick + 1)
    assert grid.swung(tick // pair * pair) == tick // pair * pair
    assert grid.swung(unit * STEP) == round(swing * pair)


def test_genres_swing_as_they_do() -> None:
    assert written("lofi")[0].grid.swing > 0.56
    assert written("techno")[0].grid.swing < 0.53
    assert written("lofi", meter="6/8")[0].grid.swing == 0.5
    jazz = written("jazz")[0].grid
    assert (jazz.unit, jazz.swing > 0.6) == (2, True)
    # Ding, ding-a: the ride's third stroke lies late in the second quarter.
    rides = [
        event.tick % BAR for event in written("jazz", humanize=0.0)[1]["drums"] if event.midi == drum.RIDE
    ]
    assert round((1 + jazz.swing) * TICKS) in rides


@pytest.mark.parametrize("swing", [50.0, 58.0, 66.0, 75.0])
@pytest.mark.parametrize("genre", ["house", "boom bap", "jazz"])
def test_swing_asked_for_is_exact(genre: str, swing: float) -> None:
    score, parts = written(genre, swing=swing, humanize=0.0)
    pair = 2 * score.grid.unit * STEP
    late = {
        event.tick % pair
        for event in parts["drums"]
        if event.midi in (drum.CLOSED_HAT, drum.SHAKER, drum.RIDE)
    }
    assert round(swing / 100 * pair) in late
    assert all(event.shift == 0 for events in parts.values() for event in events)


@pytest.mark.parametrize("genre", sorted(GENRES))
def test_a_machine_plays_on_the_grid_and_people_beside_it(genre: str) -> None:
    score, machine = written(genre, humanize=0.0, swing=50.0)
    assert all(event.shift == 0 for events in machine.values() for event in events)
    for part in ("bass", "melody"):
        assert all(event.tick % STEP == 0 for event in machine[part]), part
    loose = written(genre, humanize=2.0, swing=50.0)[1]
    for part, events in machine.items():
        assert [event.midi for event in loose[part]] == [event.midi for event in events]
    reach = max(abs(event.shift) for events in loose.values() for event in events)
    assert (reach > 0) == (score.genre.humanise_s > 0)
    assert reach <= 0.06 * RATE


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("meter", sorted(QUARTERS))
def test_every_genre_in_every_meter_and_mood(genre: str, meter: str) -> None:
    """Every mood once, loops and endings in turn: notes fit, lie within the piece, everybody plays."""
    for seed, mood in enumerate(("", *MOODS)):
        if (seed + len(genre)) % 3 != ("4/4", "3/4", "6/8").index(meter):
            continue
        score, parts = write(Brief(f"{genre} {mood}", bars=5, seed=seed, meter=meter, loop=seed % 2 == 0))
        for part in ("bass", "chords", "melody"):
            assert parts[part], (genre, mood, part)
            for event in parts[part]:
                assert fits(score, event), (genre, mood, part, event)
                assert 0 <= event.tick < score.grid.end
                assert event.tick + event.length <= score.grid.end
                assert 24 <= event.midi <= 110
        assert all(1 <= event.velocity <= 127 for events in parts.values() for event in events)


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("seed", range(3))
def test_bass_lies_under_the_chords(genre: str, seed: int) -> None:
    score, parts = written(genre, seed=seed)
    assert max(event.midi for event in parts["bass"]) <= 60
    assert min(event.midi for event in parts["bass"]) >= 26
    for event in parts["bass"]:
        if event.tick % score.grid.bar == 0:
            assert event.midi % 12 == score.chord_at(event.tick).root
    for one, two in pairwise(parts["bass"]):
        assert one.tick + one.length <= two.tick
    assert max(event.midi for event in parts["chords"]) <= 101


@pytest.mark.parametrize("genre", ["trap", "drill"])
def test_the_808_follows_the_kick(genre: str) -> None:
    score, parts = written(genre, seed=2)
    kicks = {event.tick // STEP for event in parts["drums"] if event.midi == drum.KICK}
    starts = {event.tick // STEP for event in parts["bass"] if not event.glide}
    assert starts <= kicks | {bar * 16 for bar in range(score.grid.bars)}


def test_drill_slides() -> None:
    glides = [event for seed in range(3) for event in written("drill", seed=seed)[1]["bass"] if event.glide]
    assert len(glides) >= 6
    assert {abs(event.glide) for event in glides} >= {12}


def test_walking_bass_walks() -> None:
    for seed in range(4):
        score, parts = written("jazz", seed=seed, humanize=0.0)
        beats = [event for event in parts["bass"] if event.tick % TICKS == 0]
        assert len(beats) == 4 * score.grid.bars
        assert all(abs(a.midi - b.midi) <= 12 for a, b in pairwise(beats))
        lead = [abs(a.midi - b.midi) for a, b in pairwise(beats) if b.tick % BAR == 0]
        assert sum(step <= 2 or step == 12 for step in lead) >= len(lead) - 1


def test_dubstep_wobbles_in_time() -> None:
    wobbles = {event.wobble for seed in range(4) for event in written("dubstep", seed=seed)[1]["bass"]}
    assert wobbles <= {TICKS, TICKS // 2, TICKS // 3, TICKS // 4}
    assert len(wobbles) >= 2


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("genre", ["synthwave", "pop", "lofi", "bossa nova"])
def test_the_melody_repeats_its_motif_and_comes_home(genre: str, seed: int) -> None:
    score, parts = written(genre, seed=seed, humanize=0.0, swing=50.0)
    bars = [played(score, parts["melody"], bar) for bar in range(8)]
    rhythm = [[tick for tick, _ in bar] for bar in bars]
    assert rhythm[0] == rhythm[2] == rhythm[4]
    last = parts["melody"][-1]
    assert last.midi % 12 == score.chord_at(last.tick).root
    # The question of bar 4 stays open (or hangs in the air); the answer of bar 8 does not.
    for event in [event for event in parts["melody"] if event.tick // BAR == 3][-1:]:
        assert event.midi % 12 != score.chord_at(event.tick).root
    assert all(abs(a.midi - b.midi) <= 16 for a, b in pairwise(parts["melody"]))


@pytest.mark.parametrize("genre", sorted(GENRES))
def test_a_phrase_and_its_answer_are_kin_and_strong_beats_are_chord_tones(genre: str) -> None:
    moves = []
    for seed in range(4):
        tune = written(genre, bars=16, seed=seed, humanize=0.0, swing=50.0)[1]["melody"]
        moves += [b.midi - a.midi for a, b in pairwise(tune)]
    assert sum(abs(move) <= 5 for move in moves) > 0.65 * len(moves)
    assert sum(abs(move) > 9 for move in moves) < 0.05 * len(moves)
    score, parts = written(genre, bars=16, seed=3, humanize=0.0, swing=50.0)
    strong = [event for event in parts["melody"] if event.tick % TICKS == 0]
    inside = [event for event in strong if event.midi % 12 in score.chord_at(event.tick).pitch_classes]
    assert len(inside) == len(strong)
    calls, answers = (
        [played(score, parts["melody"], bar) for bar in range(start, start + 3)] for start in (0, 4)
    )
    same = sum(
        a == b
        for one, two in zip(calls, answers, strict=True)
        for (a, _), (b, _) in zip(one, two, strict=False)
    )
    assert same >= 0.7 * sum(len(bar) for bar in calls)


@pytest.mark.parametrize("genre", ["lofi", "drum and bass", "hip hop", "funk"])
def test_drums_have_ghosts_fills_and_variation(genre: str) -> None:
    score, parts = written(genre, seed=1)
    snares = [event for event in parts["drums"] if event.midi == drum.SNARE]
    assert min(event.velocity for event in snares) < 60 < 100 < max(event.velocity for event in snares)
    bars = [tuple(played(score, parts["drums"], bar)) for bar in range(8)]
    assert len(set(bars)) >= 4
    assert bars[7] != bars[3] != bars[1]


def test_an_ending_lands_on_the_tonic() -> None:
    for genre in GENRES:
        score, parts = written(genre, loop=False, key="D:min")
        assert score.spans[-1].chord.root == 2, genre
        assert {event.midi % 12 for event in parts["bass"] if event.tick >= 7 * BAR} == {2}, genre
        assert parts["melody"][-1].midi % 12 == 2, genre


def test_comparisons_change_one_part_the_way_they_say() -> None:
    plain = written("funk", seed=3)[1]
    busier, simpler = (written(f"{word} drums funk", seed=3)[1] for word in ("busier", "simpler"))
    assert len(simpler["drums"]) < len(plain["drums"]) < len(busier["drums"])
    assert [event.midi for event in busier["chords"]] == [event.midi for event in plain["chords"]]
    hats = [sum(event.midi in drum.HATS for event in parts["drums"]) for parts in (
        written("boom bap fewer hats", seed=3)[1], written("boom bap", seed=3)[1], written("boom bap more hats",
        seed=3)[1],
    )]  # fmt: skip
    assert hats[0] < hats[1] < hats[2]
    assert not [event for event in written("boom bap no hats", seed=3)[1]["drums"] if event.midi in drum.HATS]
    assert len(written("simpler bass house", seed=1)[1]["bass"]) <= len(written("house", seed=1)[1]["bass"])
    softer = written("softer drums house", seed=1)[1]["drums"]
    mean = [
        sum(event.velocity for event in drums) / len(drums)
        for drums in (softer, written("house", seed=1)[1]["drums"])
    ]
    assert mean[0] < 0.95 * mean[1]
    high, low = written("higher melody house")[1]["melody"], written("lower melody house")[1]["melody"]
    assert sum(e.midi for e in high) / len(high) > sum(e.midi for e in low) / len(low) + 4


@pytest.mark.parametrize(
    ("word", "number"),
    [("congas", drum.CONGA), ("shaker", drum.SHAKER), ("claves", drum.CLAVES), ("tambourine", drum.TAMBOURINE),
    ("bongos", drum.BONGO_HIGH)],
)  # fmt: skip
def test_a_drum_asked_for_is_played(word: str, number: int) -> None:
    for meter in QUARTERS:
        assert number in {event.midi for event in written(f"techno {word}", meter=meter)[1]["drums"]}


def _tune(*midis: int) -> list[Event]:
    return [Event(i * TICKS, TICKS, midi, 90) for i, midi in enumerate(midis)]


@pytest.mark.parametrize(
    ("midis", "key"),
    [
        ((60, 62, 64, 65, 67, 69, 71, 72), "C:maj"),
        ((69, 71, 72, 74, 76, 74, 72, 69), "A:min"),
        ((67, 71, 74, 78, 79, 74, 71, 67), "G:maj"),
    ],
)
def test_a_key_is_guessed_from_a_tune(midis: tuple[int, ...], key: str) -> None:
    assert guess_key(_tune(*midis)) == parse_key(key)


def test_chords_follow_a_tune() -> None:
    grid = Grid(Fraction(100), "4/4", 4)
    tune = _tune(60, 64, 67, 64, 65, 69, 72, 69, 67, 71, 74, 71, 72, 67, 64, 60)
    assert [span.chord.name for span in harmonise(grid, C_MAJOR, tune, 3)] == ["C", "F", "G", "C"]


@pytest.mark.parametrize("meter", sorted(QUARTERS))
def test_every_style_of_every_player_plays_in_every_meter(meter: str) -> None:
    score, parts = written("lofi", meter=meter, seed=9)
    lines = {
        style: compose_bass(score, parts["drums"], style, Stream("bass", style)) for style in BASS_STYLES
    }
    lines |= {style: compose_chords(score, style, 0, True, Stream(style)) for style in COMPING_STYLES}
    lines |= {style: compose_melody(score, style, 0, "flute", Stream(style)) for style in MELODY_STYLES}
    for style, events in lines.items():
        assert events, style
        assert all(fits(score, event) and event.tick + event.length <= score.grid.end for event in events), (
            style
        )


def test_parts_do_not_move_one_another() -> None:
    whole, without = (write(Brief(prompt, bars=8)) for prompt in ("rock", "rock no melody no drums"))
    assert whole[1]["bass"] == without[1]["bass"]
    assert whole[1]["chords"] == without[1]["chords"]


def test_steps_reads_swing_back() -> None:
    score, parts = written("boom bap", seed=1, swing=66.0)
    assert steps(score, parts["drums"], drum.SNARE, 0)[0] == 4
