"""What is written: chords, voice leading, phrases, ghost notes, fills, swing, the bass with the kick."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.engine import Brief
from beatflow.ai.synth.bass import compose_bass
from beatflow.ai.synth.choices import choose
from beatflow.ai.synth.drumkit import KICK, SNARE
from beatflow.ai.synth.engine import _compose, _score
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import STEP, TICKS, Event, Grid
from beatflow.ai.synth.harmony import Span, guess_key, harmonise, scale_chord, voice_lead
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.score import Score, plan_bars
from beatflow.sound.tonality import Key, parse_key

BAR = 4 * TICKS
C_MAJOR, A_MINOR = Key(0, "maj"), Key(9, "min")


def written(prompt: str, bars: int = 8, **wanted: object) -> tuple[Score, dict[str, list[Event]]]:
    brief = Brief(prompt, bars=bars, **wanted)
    choices = choose(brief)
    score = _score(choices, brief.loop, None)
    return score, _compose(choices, score)


def test_chords_are_spelled_and_named() -> None:
    names = [scale_chord(C_MAJOR, degree, 4).name for degree in range(7)]
    assert names == ["Cmaj7", "Dm7", "Em7", "Fmaj7", "G7", "Am7", "Bm7b5"]
    assert scale_chord(A_MINOR, 0, 5).name == "Am9"
    assert scale_chord(A_MINOR, 4, 5).name == "Em7"  # its ninth would be flat
    assert scale_chord(C_MAJOR, 0, 3, "sus2").name == "Csus2"
    assert scale_chord(C_MAJOR, 0, 3, "add9").name == "Cadd9"
    assert scale_chord(C_MAJOR, 6, 3, "sus4").name == "Bdim"  # never a suspension over a tritone


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("mode", ["maj", "min"])
def test_voices_move_little_and_hold_the_chord(genre: str, mode: str) -> None:
    table = GENRES[genre].minor_progressions if mode == "min" else GENRES[genre].major_progressions
    for tonic in range(12):
        for degrees in table:
            chords = [scale_chord(Key(tonic, mode), degree, GENRES[genre].tones) for degree in degrees]
            spans = [Span(i * BAR, BAR, chord) for i, chord in enumerate(chords)]
            voices = voice_lead(spans)
            for span, notes in zip(spans, voices, strict=True):
                assert {note % 12 for note in notes} <= set(span.chord.pitch_classes)
                assert 45 <= min(notes) <= max(notes) <= 80
            assert all(abs(a[-1] - b[-1]) <= 7 for a, b in pairwise(voices))


@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.58, 0.667]))
def test_swing_moves_off_beats_late_and_keeps_the_order(tick: int, swing: float) -> None:
    grid = Grid(Fraction(90), "4/4", 500, swing)
    assert grid.swung(tick) <= grid.swung(tick + 1)
    assert grid.swung(tick // (TICKS // 2) * (TICKS // 2)) == tick // (TICKS // 2) * (TICKS // 2)
    assert grid.swung(STEP) == round(swing * TICKS // 1 / 2)


def test_lofi_swings_and_techno_does_not() -> None:
    assert written("lofi")[0].grid.swing > 0.56
    assert written("techno")[0].grid.swing < 0.53
    assert written("lofi", meter="6/8")[0].grid.swing == 0.5


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("seed", range(4))
def test_bass_starts_each_chord_on_a_chord_tone_below_the_chords(genre: str, seed: int) -> None:
    score, parts = written(genre, seed=seed)
    assert max(event.midi for event in parts["bass"]) <= 60
    assert min(event.midi for event in parts["bass"]) >= 26
    firsts = [event for event in parts["bass"] if event.tick % score.grid.bar == 0]
    for event in firsts:
        assert event.midi % 12 == score.chord_at(event.tick).root
    for one, two in pairwise(parts["bass"]):
        assert one.tick + one.length <= two.tick


def test_the_808_follows_the_kick() -> None:
    score, parts = written("trap", seed=2)
    kicks = {event.tick // STEP for event in parts["drums"] if event.midi == KICK}
    starts = {event.tick // STEP for event in parts["bass"]}
    assert starts <= kicks | {bar * 16 for bar in range(score.grid.bars)}


@pytest.mark.parametrize("seed", range(6))
def test_the_melody_repeats_its_motif_and_comes_home(seed: int) -> None:
    score, parts = written("synthwave", seed=seed)
    bars = [[event for event in parts["melody"] if event.tick // BAR == bar] for bar in range(8)]
    rhythm = [[event.tick % BAR for event in bar] for bar in bars]
    assert rhythm[0] == rhythm[2] == rhythm[4]
    last = parts["melody"][-1]
    assert last.midi % 12 == score.chord_at(last.tick).root
    assert all(abs(a.midi - b.midi) <= 12 for a, b in pairwise(parts["melody"]))


@pytest.mark.parametrize("genre", ["lofi", "drum and bass", "hip hop"])
def test_drums_have_ghosts_fills_and_variation(genre: str) -> None:
    _, parts = written(genre, seed=1)
    snares = [event for event in parts["drums"] if event.midi == SNARE]
    assert min(event.velocity for event in snares) < 60 < 100 < max(event.velocity for event in snares)
    bars = [
        sorted((e.tick % BAR // STEP, e.midi) for e in parts["drums"] if e.tick // BAR == bar)
        for bar in range(8)
    ]
    assert len({tuple(bar) for bar in bars}) >= 5
    assert bars[7] != bars[3] != bars[1]


def test_the_form_has_builds_before_lifts_and_an_end() -> None:
    bars = plan_bars(48, False, 0.0, Stream("form"))
    assert bars[0].section == "intro"
    assert bars[-1].fill == "end"
    builds = [bar.index for bar in bars if bar.fill == "build"]
    assert builds
    assert all(bars[index + 1].section == "lift" and bars[index + 1].opens for index in builds)
    assert {bar.section for bar in plan_bars(16, True, 0.0, Stream("form"))} == {"main", "lift"}


def test_an_ending_lands_on_the_tonic() -> None:
    score, parts = written("boom bap", loop=False, key="D:min")
    assert score.spans[-1].chord.root == 2
    assert {event.midi % 12 for event in parts["bass"] if event.tick >= 7 * BAR} == {2}
    assert parts["melody"][-1].midi % 12 == 2


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


@pytest.mark.parametrize(
    "style", ["walk", "riff", "808", "offbeat", "rolling", "reese", "drone", "pulse", "octaves", "acid"]
)
@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8"])
def test_every_bass_style_stays_in_the_key_in_every_meter(style: str, meter: str) -> None:
    score, parts = written("lofi", meter=meter, seed=9)
    events = compose_bass(score, parts["drums"], style, Stream("bass", style))
    assert events
    assert {event.midi % 12 for event in events} <= set(score.key.pitch_classes)
    assert all(event.tick + event.length <= score.grid.end for event in events)
