"""From what is asked for and what was heard to a plan: ratios, shifts, grids, and what is refused."""

import numpy as np
import pytest

from beatflow.contract.measuring import Measurement
from beatflow.errors import UsageError
from beatflow.remix.hearing import Heard, Known
from beatflow.remix.planning import draft, needs_ears, refine
from beatflow.remix.request import RemixRequest, parse_tempo
from beatflow.sound.key import NO_KEY, KeyEstimate
from beatflow.sound.loudness import Loudness
from beatflow.sound.tempo import NO_TEMPO, Tempo

RATE = 1000
QUIET = Loudness(None, None, None, None, None, None)
A_MINOR = KeyEstimate("A:min", 0.9, "C:maj", 0.0, {"A:min": 0.8, "C:maj": 0.75, "D:min": 0.1, "G:maj": 0.2})
C_MAJOR = KeyEstimate("C:maj", 0.9, "A:min", 0.0, {"C:maj": 0.9, "A:min": 0.4})


def heard(tempo=NO_TEMPO, key=NO_KEY, seconds=20.0, first=0, end=None, listened=True):
    frames = round(seconds * RATE)
    measured = Measurement(frames, RATE, tempo, key, QUIET) if listened else None
    levels = np.ones(round(seconds * 20), np.float32)
    levels[: len(levels) // 2] = 0.01
    return Heard(frames, RATE, 2, first, frames if end is None else end, levels, measured)


def steady(bpm, confidence=0.9, alternatives=(), start_s=0.0, meter="4/4", seconds=20.0):
    beats = tuple(np.arange(start_s, seconds, 60 / bpm).tolist())
    return Tempo(bpm, confidence, alternatives, beats, True, beats[::4], meter, 0.9)


def plan(request, sound, known=Known()):  # noqa: B008 - a value
    return draft(request, sound, known, "it")


def refused(request, sound, known=Known()):  # noqa: B008 - a value
    with pytest.raises(UsageError) as caught:
        plan(request, sound, known)
    return f"{caught.value.message} / {caught.value.hint}"


def test_a_change_in_percent_needs_no_ears():
    request = RemixRequest(tempo=parse_tempo("+25%"))
    assert not needs_ears(request, Known())
    found = plan(request, heard(listened=False))
    assert found.plan.length_frames == 16000
    assert not found.terms.values
    assert plan(request, heard(listened=False), Known(tempo=80.0)).tempo == 100.0


def test_a_tempo_is_reached_from_the_one_that_is_measured():
    request = RemixRequest(tempo=parse_tempo("100"))
    assert needs_ears(request, Known())
    found = plan(request, heard(steady(80)))
    assert found.plan.length_frames == 16000
    assert (found.tempo, found.terms.values, found.terms.built) == (100, {"tempo": 100}, frozenset())


def test_a_tempo_that_is_known_goes_before_ears_and_is_kept_by_construction():
    request = RemixRequest(tempo=parse_tempo("100"))
    known = Known(tempo=125.0)
    assert not needs_ears(request, known)
    found = plan(request, heard(steady(80)), known)
    assert found.plan.length_frames == 25000
    assert found.terms.built == {"tempo"}


def test_half_and_double_are_taken_where_the_sound_bears_them_out():
    request = RemixRequest(tempo=parse_tempo("90"))
    found = plan(request, heard(steady(50, alternatives=(100.0, 75.0))))
    assert found.plan.length_frames == round(20_000 * 100 / 90)
    assert "--source-tempo 50.00 takes that" in found.notes[0]
    assert plan(request, heard(steady(50))).plan.length_frames == round(20_000 * 50 / 90)


def test_what_has_no_tempo_is_refused_with_a_way_out():
    request = RemixRequest(tempo=parse_tempo("90"))
    assert "no steady beat" in refused(request, heard())
    assert "--source-tempo 80.00 takes it" in refused(request, heard(steady(80, confidence=0.1)))
    assert "-50 % to +100 %" in refused(request, heard(steady(40)))
    assert "note values" in refused(RemixRequest(fx="delay(1/8)"), heard())
    assert "to lay drums on" in refused(RemixRequest(genre="lofi"), heard())
    assert "is a guess" in refused(RemixRequest(genre="lofi"), heard(steady(80, confidence=0.1)))


def test_a_wandering_tempo_is_told_and_kept_by_construction():
    wandering = Tempo(80.0, 0.9, (), tuple(np.arange(0, 20, 0.75).tolist()), False)
    found = plan(RemixRequest(tempo=parse_tempo("100")), heard(wandering))
    assert found.terms.built == {"tempo"}
    assert "wanders around 80.00" in found.notes[0]


@pytest.mark.parametrize(
    ("asked", "key", "semitones", "reached"),
    [("Cm", A_MINOR, 3, "C:min"), ("Em", A_MINOR, -5, "E:min"),
     ("Eb", A_MINOR, 3, "Eb:maj"), ("D", C_MAJOR, 2, "D:maj"),
     ("Dm", C_MAJOR, 5, "F:maj"), ("C", A_MINOR, 0, "C:maj"), ("F#m", A_MINOR, -3, "F#:min")],
)  # fmt: skip
def test_a_key_is_reached_the_nearest_way(asked, key, semitones, reached):
    found = plan(RemixRequest(key=asked), heard(key=key))
    assert (found.plan.semitones, found.key) == (semitones, reached)
    assert found.terms.values == {"key": reached}


def test_the_mode_is_not_changed_and_that_is_said():
    found = plan(RemixRequest(key="Dm"), heard(key=C_MAJOR))
    assert found.notes == ("transposing keeps C:maj major: it becomes F:maj, the notes of D:min",)


def test_what_has_no_key_is_refused_with_a_way_out():
    assert "--source-key" in refused(RemixRequest(key="Am"), heard())
    guess = KeyEstimate("A:min", 0.1, None, 0.0, {"A:min": 0.5, "C:maj": 0.4})
    assert "--source-key A:min takes it" in refused(RemixRequest(key="Am"), heard(key=guess))
    assert plan(RemixRequest(key="Am"), heard(), Known(key="G:min")).plan.semitones == 2


def test_silence_is_left_out_but_for_a_moment():
    found = plan(RemixRequest(trim_silence=True), heard(first=2000, end=15_000))
    assert (found.plan.start_frame, found.plan.frames) == (1995, 13_055)
    whole = plan(RemixRequest(reverse=True), heard(first=2000, end=15_000))
    assert (whole.plan.start_frame, whole.plan.frames) == (0, 20_000)


def test_drums_come_on_the_downbeats_from_the_start():
    found = plan(RemixRequest(genre="jazz", seed=1), heard(steady(120, start_s=0.3)))
    groove = found.plan.groove
    assert groove is not None
    assert groove.tempo == 120
    assert groove.offset_s == pytest.approx(0.3 - 2.0)
    assert groove.bars == 11
    assert groove.beats == ()
    assert len(groove.energy) == 11
    assert max(groove.energy[:5]) < min(groove.energy[7:10])
    assert groove.separator == "auto"
    assert any("jazz brushes drums 120.00 BPM" in note for note in found.notes)


def test_drums_are_felt_at_half_time_where_that_suits_the_genre():
    groove = plan(RemixRequest(genre="lofi", seed=1), heard(steady(160))).plan.groove
    assert groove is not None
    assert groove.tempo == 80
    assert groove.bars == 7


def test_drums_move_with_tempo_and_direction():
    request = RemixRequest(genre="jazz", seed=1, tempo=parse_tempo("150"), reverse=True)
    groove = plan(request, heard(steady(120, start_s=0.3))).plan.groove
    assert groove is not None
    # Of 20 s the beat at 0.3 s is at 19.7 s backwards, and that at 15.76 s faster: bars of 1.6 s end there.
    assert (15.76 - groove.offset_s) / 1.6 == pytest.approx(round((15.76 - groove.offset_s) / 1.6), abs=1e-3)


def test_drums_follow_a_tempo_that_wanders():
    beats = np.cumsum(np.concatenate([[0.4], np.linspace(0.45, 0.65, 30)]))
    wandering = Tempo(110.0, 0.9, (), tuple(beats.tolist()), False, tuple(beats[1::4].tolist()), "4/4", 0.9)
    groove = plan(RemixRequest(genre="jazz", seed=1), heard(wandering)).plan.groove
    assert groove is not None
    laid = np.array(groove.beats)
    assert laid[0] <= 0
    assert laid[-1] >= 20 - 0.1
    assert np.all(np.diff(laid) > 0.3)
    # Every beat that was heard has a quarter on it, and a downbeat has the first of a bar.
    assert max(np.abs(laid - beat).min() for beat in beats) < 1e-3
    assert round(float(np.argmin(np.abs(laid - beats[1])))) % 4 == 0
    assert (len(laid) - 1) % 4 == 0


def test_six_eight_counts_quarters():
    tempo = steady(80, meter="6/8")
    groove = plan(RemixRequest(genre="jazz", seed=1), heard(tempo)).plan.groove
    assert groove is not None
    assert (groove.meter, groove.tempo) == ("6/8", 120)


def test_without_drums_no_beat_is_needed():
    found = plan(RemixRequest(genre="classical"), heard())
    assert found.plan.groove is not None
    assert found.plan.groove.bars == 0
    assert found.plan.tempo == 120


def test_a_sound_that_begins_on_a_bar_is_taken_at_its_word():
    known = Known(120.0, "A:min", "3/4", sure=True)
    groove = plan(RemixRequest(genre="jazz", seed=1), heard(steady(117, start_s=0.3)), known).plan.groove
    assert groove is not None
    assert (groove.tempo, groove.offset_s, groove.meter, groove.key) == (120, 0, "3/4", "A:min")


def test_a_long_piece_hears_its_drums_again():
    groove = plan(
        RemixRequest(genre="jazz", seed=1), heard(steady(120, seconds=900), seconds=900.0)
    ).plan.groove
    assert groove is not None
    assert groove.bars == 120


def test_refined_by_what_came_out():
    first = plan(RemixRequest(tempo=parse_tempo("100")), heard(steady(80)))
    assert refine(first, 101.0, 100.0).plan.length_frames == round(16000 * 1.01)
