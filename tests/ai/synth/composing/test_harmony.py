"""Chords: spelling, numerals, names read back, voice leading, dominants, and following what is there."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.engine import Brief, Context
from beatflow.ai.synth.composing.chord import (
    Span,
    dominant_of,
    parse_chord,
    parse_numeral,
    scale_chord,
    tritone_of,
)
from beatflow.ai.synth.composing.harmony import follow_chords
from beatflow.ai.synth.composing.voicing import voice_lead, voicings
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import TICKS, Grid
from beatflow.sound.tonality import Key
from tests.ai.synth.written import write, written

BAR = 4 * TICKS
C_MAJOR, A_MINOR = Key(0, "maj"), Key(9, "min")


def test_chords_are_spelled_and_named() -> None:
    names = [scale_chord(C_MAJOR, degree, 4).name for degree in range(7)]
    assert names == ["Cmaj7", "Dm7", "Em7", "Fmaj7", "G7", "Am7", "Bm7b5"]
    assert scale_chord(A_MINOR, 0, 5).name == "Am9"
    assert scale_chord(A_MINOR, 4, 5).name == "Em7"  # its ninth would be flat
    assert scale_chord(C_MAJOR, 0, 3, "sus2").name == "Csus2"
    assert scale_chord(C_MAJOR, 0, 3, "add9").name == "Cadd9"
    assert scale_chord(C_MAJOR, 6, 3, "sus4").name == "Bdim"  # never a suspension over a tritone


@pytest.mark.parametrize(
    ("numeral", "key", "tones", "name"),
    [
        ("i", A_MINOR, 3, "Am"), ("VI", A_MINOR, 4, "Fmaj7"), ("V", A_MINOR, 3, "E"), ("V", A_MINOR, 4, "E7"),
        ("v", A_MINOR, 4, "Em7"), ("iiø7", A_MINOR, 4, "Bm7b5"), ("bII", A_MINOR, 3, "Bb"), ("V7b9", A_MINOR, 5,
        "E7b9"),
        ("V7/vi", C_MAJOR, 4, "E7"), ("V7/ii", C_MAJOR, 4, "A7"), ("iv", C_MAJOR, 3, "Fm"), ("bVII", C_MAJOR, 3, "Bb"),
        ("im9", A_MINOR, 5, "Am9"), ("I7", C_MAJOR, 4, "C7"), ("iii7", C_MAJOR, 4, "Em7"), ("IV9", C_MAJOR, 5, "F9"),
    ],
)  # fmt: skip
def test_numerals(numeral: str, key: Key, tones: int, name: str) -> None:
    assert parse_numeral(numeral, key, tones).name == name


@pytest.mark.parametrize("text", ["", "VIII", "Vfoo", "k"])
def test_what_is_no_numeral(text: str) -> None:
    with pytest.raises(ValueError, match=r"numeral|quality"):
        parse_numeral(text, C_MAJOR, 3)


@given(st.integers(0, 11), st.integers(0, 6), st.integers(3, 5), st.sampled_from(["maj", "min"]))
def test_a_name_is_read_back(tonic: int, degree: int, tones: int, mode: str) -> None:
    key = Key(tonic, mode)
    chord = scale_chord(key, degree, tones)
    assert parse_chord(chord.name, key) == chord


def test_names_by_others_are_read() -> None:
    assert parse_chord("Bbmaj7", C_MAJOR).pitch_classes == (10, 2, 5, 9)
    assert parse_chord("C/E", C_MAJOR).pitch_classes == (0, 4, 7)
    assert parse_chord("D♭m", C_MAJOR).pitch_classes == (1, 4, 8)
    assert parse_chord("F#m7add11", C_MAJOR).intervals == (0, 3, 7)
    assert parse_chord("N", C_MAJOR) is None
    assert parse_chord("", C_MAJOR) is None


def test_dominants_lead() -> None:
    two = scale_chord(C_MAJOR, 1, 4)
    assert dominant_of(two).name == "A7"
    assert tritone_of(dominant_of(two)).name == "Eb7"
    assert dominant_of(two, ninth=True).name == "A7b9"


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("mode", ["maj", "min"])
def test_voices_move_little_and_hold_the_chord(genre: str, mode: str) -> None:
    own = GENRES[genre]
    shape = own.voicing if own.voicing != "power" else "close"
    for tonic in (0, 5, 7, 10):
        for text in own.minor_progressions if mode == "min" else own.major_progressions:
            numerals = [one for bar in text.split() for one in bar.split(",")]
            chords = [parse_numeral(one, Key(tonic, mode), own.tones) for one in numerals]
            spans = [Span(i * BAR, BAR, chord) for i, chord in enumerate(chords)]
            voices = voice_lead(spans, shape, loop=True)
            for span, notes in zip(spans, voices, strict=True):
                assert {note % 12 for note in notes} <= set(span.chord.pitch_classes)
                assert 40 <= min(notes) <= max(notes) <= 80
            top = [abs(a[-1] - b[-1]) for a, b in pairwise([*voices, voices[0]])]
            assert max(top) <= 7
            assert sum(top) / len(top) <= 3.5
            for a, b in pairwise(voices):
                # No parallel octaves or fifths between the outer voices.
                parallel = a[0] - b[0] == a[-1] - b[-1] != 0 and (a[-1] - a[0]) % 12 in (0, 7)
                assert not parallel or abs(a[0] - b[0]) <= 2


def test_open_voicings_have_root_or_fifth_low() -> None:
    for chord in (scale_chord(A_MINOR, 0, 4, "add9"), scale_chord(C_MAJOR, 1, 4)):
        assert all(notes[0] % 12 in chord.pitch_classes[::2][:2] for notes in voicings(chord, "open"))


def test_harmony_goes_beyond_the_scale_and_stays_the_key() -> None:
    outside: set[str] = set()
    for genre in ("jazz", "r&b", "bossa nova", "lofi", "rock"):
        for seed in range(4):
            score, _ = written(genre, bars=16, seed=seed, key="A:min")
            roots = [span.chord.root for span in score.spans]
            assert 9 in roots
            for span in score.spans:
                if not set(span.chord.pitch_classes) <= set(score.key.pitch_classes):
                    outside.add(span.chord.name)
    assert len(outside) >= 4
    assert outside & {"E", "E7", "E7b9"}


def test_chords_that_are_there_are_followed() -> None:
    heard = ((0.0, "Am"), (2.0, "F"), (4.0, "C"), (6.0, "G"))
    score, parts = write(Brief("lofi", bars=8, tempo=120.0, key="A:min", context=Context(chords=heard)))
    assert [span.chord.name for span in score.spans] == ["Am", "F", "C", "G"] * 2
    for event in parts["bass"]:
        if event.tick % BAR == 0:
            assert event.midi % 12 == (9, 5, 0, 7)[event.tick // BAR % 4]


def test_a_progression_goes_on() -> None:
    """Bars before the start tell the period; the first new bar is the one whose turn it is."""
    names = ["Am", "F", "C", "G"] * 2 + ["Am", "F"]
    heard = tuple(((index - 10) * 2.0, name) for index, name in enumerate(names))
    grid = Grid(Fraction(120), "4/4", 6)
    spans = follow_chords(Context(chords=heard), grid, A_MINOR, resolve=False)
    assert [span.chord.name for span in spans] == ["C", "G", "Am", "F", "C", "G"]
    ended = follow_chords(Context(chords=heard), grid, A_MINOR, resolve=True)
    assert ended[-1].chord.name == "Am"


def test_two_chords_in_a_bar_and_what_is_no_chord() -> None:
    grid = Grid(Fraction(120), "4/4", 3)
    spans = follow_chords(
        Context(chords=((0.0, "C"), (1.02, "F"), (2.0, "??"), (4.0, "G"))), grid, C_MAJOR, False
    )
    assert [(span.tick, span.length, span.chord.name) for span in spans] == [
        (0, 1920, "C"), (1920, 1920, "F"), (3840, 3840, "F"), (7680, 3840, "G"),
    ]  # fmt: skip
    assert follow_chords(Context(chords=((0.0, "??"),)), grid, C_MAJOR, False) == []
    assert follow_chords(Context(), grid, C_MAJOR, False) == []
