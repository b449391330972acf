"""Hum to notes: the contract, voices of many kinds, and the tempo, key and grid that fit."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.ai.engine import DEFAULT_LISTENING, Listening
from beatflow.ai.listening.melody import find_key, find_tempo, quantize_notes
from beatflow.ai.listening.notes import find_notes
from beatflow.ai.listening.tracker import PitchTracker
from beatflow.ai.listening.yin import HOP_S, Contour, track_pitch
from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note
from tests.ai.contract import (
    ANALYZER_CHECKS,
    check_analyzer_hears,
    check_transcription,
    count_hits,
    f_measure,
    scale_notes,
)
from tests.ai.voices import Voice, sing

ANALYZERS = [PitchTracker]

VOICES = {
    "hum": (Voice(), 50),
    "low and breathy": (Voice(breath=0.08, tilt_db=-14.0), 43),
    "opera": (Voice(vowels="ao", vibrato_cents=70.0, vibrato_hz=5.2, tilt_db=-7.0), 60),
    "scooping": (Voice(vowels="um", scoop_cents=180.0, scoop_s=0.1), 55),
    "slurred": (Voice(vowels="aiueo", slur=1.0, dip=0.5), 57),
    "off pitch": (Voice(tuning_cents=38.0), 52),
    "child": (Voice(vowels="ie", tract=1.25), 68),
    "whistle": (Voice(kind="whistle", breath=0.04, vibrato_cents=20.0), 84),
    "high whistle": (Voice(kind="whistle", scoop_cents=150.0), 95),
}


@pytest.mark.parametrize("check", ANALYZER_CHECKS)
@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_contract(analyzer, check) -> None:
    check(analyzer())


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_a_plain_hum_is_heard_at_any_rate(analyzer) -> None:
    check_analyzer_hears(analyzer(), 0.9)


@pytest.mark.parametrize("name", VOICES)
def test_voices(name: str) -> None:
    voice, root = VOICES[name]
    truth = scale_notes(root)
    result = PitchTracker().transcribe(sing(truth, voice, seed=4))
    check_transcription(result)
    assert f_measure(truth, result.notes) >= 0.84
    # Lengths 1 and 2 fit half the tempo as well; 100 BPM and its neighbours in the octave are what counts.
    assert result.tempo == pytest.approx(100.0, rel=0.01)
    # A reading from -50 to 50 and its neighbour across the border are the same tuning.
    assert abs((result.tuning_cents - voice.tuning_cents + 50.0) % 100.0 - 50.0) < 15.0


def test_background_noise_is_survived() -> None:
    truth = scale_notes()
    hum = sing(truth, Voice(vowels="a"), 44100)
    noise = 0.02 * np.random.default_rng(1).standard_normal(hum.samples.shape)
    noisy = Audio((hum.samples + noise).astype(np.float32), 44100)
    assert f_measure(truth, PitchTracker().transcribe(noisy).notes) >= 0.84


def test_speech_like_glides_are_refused() -> None:
    """Syllables that slide by half an octave are speech, not notes."""
    rate = 22050
    time = np.arange(4 * rate) / rate
    syllable = time % 0.2
    hz = 160.0 * 2.0 ** (-2.5 * syllable)
    tone = sum(np.sin(n * 2 * np.pi * np.cumsum(hz) / rate) / n for n in range(1, 9))
    samples = 0.2 * tone * np.sin(np.pi * syllable / 0.2)
    with pytest.raises(AudioError, match="no pitched notes"):
        PitchTracker().transcribe(Audio(samples.astype(np.float32)[:, None], rate))


def test_level_tones_out_of_time_are_speech() -> None:
    """Syllables of one pitch each, as of Mandarin's first tone: short and irregular. Singing is long or in time."""
    rng = np.random.default_rng(22)

    def hear(lengths: np.ndarray, gaps: np.ndarray, wanted: Listening = DEFAULT_LISTENING) -> int:
        starts = 0.1 + np.concatenate([[0.0], np.cumsum(lengths + gaps)[:-1]])
        pitches = rng.choice([45, 45, 47, 43], lengths.size)
        notes = [Note(float(a), float(b), int(p)) for a, b, p in zip(starts, lengths, pitches, strict=True)]
        audio = sing(notes, Voice(scoop_cents=150.0, scoop_s=0.06, vibrato_cents=0.0), 16000)
        return len(PitchTracker().transcribe(audio, wanted=wanted).notes)

    syllables, gaps = rng.uniform(0.12, 0.26, 24), rng.uniform(0.04, 0.2, 24)
    with pytest.raises(AudioError, match="sounds like speech") as caught:
        hear(syllables, gaps)
    assert "--as melody" in str(caught.value.hint)
    assert hear(syllables, gaps, Listening("melody")) > 12
    assert hear(np.full(24, 0.18), np.full(24, 0.07)) > 12


@pytest.mark.parametrize("hz", [65.4, 110.0, 440.0, 1760.0, 4000.0])
@pytest.mark.parametrize("sample_rate", [11025, 44100, 96000])
def test_pitch_of_a_tone(hz: float, sample_rate: int) -> None:
    phase = 2.0 * np.pi * hz * np.arange(sample_rate) / sample_rate
    tone = 0.3 * np.sin(phase) + (0.1 * np.sin(2.0 * phase) if hz < 1000.0 else 0.0)
    contour = track_pitch(Audio(tone.astype(np.float32)[:, None], sample_rate))
    inner = contour.midi[10:-10]
    assert np.isfinite(inner).all()
    # Four periods in the window are few: the lowest hums waver by some cents, around the right place.
    error = inner - (69.0 + 12.0 * np.log2(hz / 440.0))
    assert np.abs(error).max() < (0.07 if hz > 100.0 else 0.25)
    assert abs(np.median(error)) < 0.1


def _contour(midi: list[float], level_db: list[float] | None = None) -> Contour:
    pitch = np.array(midi, dtype=np.float32)
    level = np.zeros(pitch.size) if level_db is None else np.array(level_db)
    return Contour(pitch, level.astype(np.float32), np.isfinite(pitch).astype(np.float32))


def test_an_energy_dip_splits_a_repeated_note() -> None:
    level = [-3.0] * 40 + [-8.0, -14.0, -18.0, -12.0, -6.0] + [-2.0] * 40
    notes = find_notes(_contour([60.0] * 85, level)).notes
    assert [note.midi for note in notes] == [60, 60]
    assert notes[1].start_s == pytest.approx(0.42, abs=0.02)
    shallow = [max(value, -8.0) for value in level]
    assert len(find_notes(_contour([60.0] * 85, shallow)).notes) == 1


def test_an_octave_glitch_is_no_note() -> None:
    notes = find_notes(_contour([60.0] * 30 + [72.0] * 6 + [60.0] * 30)).notes
    assert [note.midi for note in notes] == [60]


def test_an_octave_below_for_a_moment_is_a_shadow() -> None:
    # Two strings that ring together have a period in common; a breath that ends creaks.
    notes = find_notes(_contour([64.0] * 30 + [52.0] * 12 + [67.0] * 30 + [55.0] * 12)).notes
    assert [note.midi for note in notes] == [64, 67]
    crossed = find_notes(_contour([64.0] * 30 + [43.0] * 12 + [67.0] * 30)).notes
    assert [note.midi for note in crossed] == [64, 67]
    assert crossed[1].start_s == pytest.approx(0.3, abs=0.02)
    level = [0.0] * 30 + [-12.0] * 3 + [0.0] * 30 + [-12.0] * 3 + [0.0] * 30
    leaps = find_notes(_contour([64.0] * 33 + [52.0] * 33 + [64.0] * 30, level)).notes
    assert [note.midi for note in leaps] == [64, 52, 64]


def test_vibrato_of_a_semitone_is_one_note() -> None:
    midi = 60.0 + 0.8 * np.sin(2.0 * np.pi * 5.5 * HOP_S * np.arange(120))
    assert [note.midi for note in find_notes(_contour(midi.tolist())).notes] == [60]


def test_gaps_without_a_pitch() -> None:
    gap = float("nan")
    assert len(find_notes(_contour([60.0] * 30 + [gap] * 3 + [60.0] * 30)).notes) == 1
    assert len(find_notes(_contour([60.0] * 30 + [gap] * 9 + [60.0] * 30)).notes) == 2
    assert find_notes(_contour([gap] * 50)).notes == ()
    assert find_notes(_contour([gap] * 20 + [60.0] * 4 + [gap] * 20)).notes == ()


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(0, 3000),
    sample_rate=st.sampled_from([8000, 22050, 192000]),
    channels=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_any_short_sound_gives_notes_or_a_clear_error(
    frames: int, sample_rate: int, channels: int, seed: int
) -> None:
    samples = np.random.default_rng(seed).uniform(-1.0, 1.0, (frames, channels)).astype(np.float32)
    with suppress(AudioError):  # any other exception is a bug
        check_transcription(PitchTracker().transcribe(Audio(samples, sample_rate)))


def test_the_key_of_a_scale() -> None:
    for root, mode, steps in ((0, "maj", (0, 2, 4, 5, 7, 9, 11, 12)), (9, "min", (0, 2, 3, 5, 7, 8, 10, 12))):
        notes = [Note(0.5 * n, 0.5, 48 + root + step) for n, step in enumerate(steps)]
        key, confidence = find_key(notes)
        assert (key.tonic, key.mode) == (root, mode)
        assert 0.0 < confidence <= 1.0
    assert find_key([])[1] == 0.0


TUNES = {
    "Twinkle": ("C:maj", "0 0 7 7 9 9 7: 5 5 4 4 2 2 0:"),
    "Mary had a little lamb": ("C:maj", "4 2 0 2 4 4 4: 2 2 2: 4 7 7: 4 2 0 2 4 4 4 4 2 2 4 2 0:"),
    "Auld lang syne": ("C:maj", "-5 0 0. 0 4 2 0. 2 4 0 0. 4 7 9:"),
    "Amazing grace": ("C:maj", "-5 0: 4. 0. 4: 2 0: -3 -5: -5 0: 4. 0. 4: 2 7:"),
    "Jingle bells": ("C:maj", "4 4 4: 4 4 4: 4 7 0 2 4: 5 5 5 5 5 4 4 4 4 2 2 4 2: 7:"),
    "Kumbaya": ("C:maj", "0 4 7: 7 7 9 9 7: 0 4 7: 7 7 5 4 2:"),
    "God rest ye": ("C:min", "0 0 7 7 5 3 2 0 -2 0 2 3 5 7:"),
    "Korobeiniki": ("C:min", "7: 2 3 5: 3 2 0: 0 3 7: 5 3 2: 2 3 5: 7: 3: 0: 0:"),
    "House of the rising sun": ("C:min", "0 0 2 3 7 5 0: 12 12 12 10 7 7:"),
    "Drunken sailor": ("C:min", "7 7. 7. 7 7. 7. 7 0 3 7 5 5. 5. 5 5. 5. 5 -2 2 5"),
    "Bella ciao": ("C:min", "-5 0 2 3 0: -5 0 2 3 0: -5 0 2 3: 2 0 3: 2 0 7: 7 7:"),
}


@pytest.mark.parametrize("name", TUNES)
def test_the_key_of_tunes_that_everybody_knows(name: str) -> None:
    key, tune = TUNES[name]
    notes: list[Note] = []
    for step in tune.split():
        start = notes[-1].start_s + notes[-1].duration_s if notes else 0.0
        length = {".": 0.25, ":": 1.0}.get(step[-1], 0.5)
        notes.append(Note(start, length, 60 + int(step.rstrip(".:"))))
    assert str(find_key(notes)[0]) == key


@pytest.mark.parametrize("tempo", [71.0, 90.0, 120.0, 138.5])
def test_the_tempo_of_onsets_on_a_grid(tempo: float) -> None:
    rng = np.random.default_rng(int(tempo))
    beats = np.cumsum(rng.choice([0.5, 1.0, 1.0, 2.0], 20))
    notes = [Note(float(beat) * 60.0 / tempo + rng.normal(0.0, 0.008), 0.2, 60) for beat in beats]
    found, confidence = find_tempo(notes)
    assert found == pytest.approx(tempo, rel=0.01)
    assert confidence > 0.4


def test_a_free_tempo_has_a_low_confidence() -> None:
    rng = np.random.default_rng(3)
    notes = [Note(float(start), 0.2, 60) for start in np.cumsum(rng.uniform(0.2, 1.2, 24))]
    assert find_tempo(notes)[1] < 0.4
    assert find_tempo(notes[:2]) == (100.0, 0.0)


def test_quantize_lays_notes_on_the_grid() -> None:
    rng = np.random.default_rng(9)
    beats = [0.0, 1.0, 1.5, 2.0, 3.0, 3.25, 4.0]
    played = [Note(0.73 + beat * 0.5 + rng.normal(0, 0.01), 0.2, 60 + n) for n, beat in enumerate(beats)]
    quantized = quantize_notes(played, 120.0)
    assert [note.start_s / 0.5 for note in quantized] == pytest.approx(beats)
    assert [note.midi for note in quantized] == [note.midi for note in played]


def test_quantize_keeps_the_longest_of_notes_on_one_line() -> None:
    notes = [Note(0.0, 0.05, 60), Note(0.04, 0.4, 62), Note(1.0, 0.01, 64)]
    quantized = quantize_notes(notes, 120.0, "1/8")
    assert [note.midi for note in quantized] == [62, 64]
    assert quantized[-1].duration_s == 0.25
    assert quantize_notes((), 120.0) == ()


@given(
    starts=st.lists(st.floats(0.0, 60.0), min_size=1, max_size=30, unique=True),
    tempo=st.floats(40.0, 240.0),
    grid=st.sampled_from(["1/4", "1/8", "1/16", "1/32", "1/8t", "1/16t"]),
)
def test_quantized_notes_never_overlap_and_stay_so(starts: list[float], tempo: float, grid: str) -> None:
    notes = quantize_notes([Note(start, 0.3, 60) for start in sorted(starts)], tempo, grid)
    for before, after in pairwise(notes):
        assert before.start_s + before.duration_s <= after.start_s + 1e-9
    assert notes[0].start_s == 0.0
    assert [note.start_s for note in quantize_notes(notes, tempo, grid)] == pytest.approx(
        [note.start_s for note in notes]
    )


@pytest.mark.parametrize(
    ("tempo", "grid"), [(0.0, "1/16"), (-3.0, "1/16"), (120.0, "1/5"), (float("nan"), "1/4")]
)
def test_quantize_refuses_nonsense(tempo: float, grid: str) -> None:
    with pytest.raises(UsageError):
        quantize_notes([Note(0.0, 1.0, 60)], tempo, grid)


def test_count_hits_uses_each_note_once() -> None:
    truth = [Note(0.0, 0.2, 60), Note(0.03, 0.2, 60)]
    assert count_hits(truth, (Note(0.01, 0.2, 60),)) == 1
