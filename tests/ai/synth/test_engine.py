"""The contract: exact sum, length, grid, key, loop, level; stems by themselves; progress; melodies."""

import json
import time
from fractions import Fraction

import numpy as np
import pytest
from scipy.signal import resample_poly

from beatflow.ai.engine import Brief, Context, Extender, Generator, Guide, MelodyGenerator, Performance
from beatflow.ai.synth.composing.choices import choose
from beatflow.ai.synth.composing.chord import parse_chord
from beatflow.ai.synth.drums_midi import HATS, KICK, SNARE
from beatflow.ai.synth.engine import SynthEngine
from beatflow.errors import UsageError
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key
from tests.ai.synth.made import integers, made

PIECES = [
    ("lofi dusty drums rhodes", {"tempo": 90.0, "key": "A:min"}),
    ("trap dark 808", {"tempo": 140.0, "key": "F:min"}),
    ("ambient calm pad", {"tempo": 111.3, "key": "G:maj"}),
    ("techno acid", {"tempo": 132.0, "key": "C#:min"}),
    ("boom bap piano", {"tempo": 87.3, "key": "Bb:min", "loop": False}),
    ("waltz lofi", {"tempo": 95.0, "key": "C:maj", "meter": "3/4"}),
    ("house", {"tempo": 120.0, "key": "E:min", "meter": "6/8", "loop": False}),
]
MELODY = tuple(
    Note(0.5 * i + 0.013, 0.4, midi, 90) for i, midi in enumerate((60, 64, 67, 72, 71, 67, 65, 62, 64, 60))
)


@pytest.fixture(params=PIECES, ids=[prompt + options.get("meter", "") for prompt, options in PIECES])
def piece(request: pytest.FixtureRequest) -> Performance:
    prompt, options = request.param
    return made(prompt, **options)


def test_it_is_a_generator() -> None:
    engine = SynthEngine()
    assert isinstance(engine, Generator)
    assert isinstance(engine, MelodyGenerator)
    assert isinstance(engine, Extender)
    assert engine.info.tasks == {"generate", "accompany", "extend"}
    assert engine.info.options >= {"swing", "humanize", "structure"}


def test_the_mix_is_the_sum_of_the_stems_to_the_last_bit(piece: Performance) -> None:
    assert piece.subtype == "PCM_24"
    assert np.array_equal(integers(piece), sum(integers(piece, stem) for stem in piece.stems))


def test_length_is_exact(piece: Performance) -> None:
    quarters = {"4/4": 4, "3/4": 3, "6/8": 3}[piece.meter] * piece.bars
    frames = round(quarters * Fraction(60) / Fraction(piece.tempo) * 44100)
    assert all(audio.samples.shape == (frames, 2) for audio in (piece.mix, *piece.stems.values()))


def test_nothing_clips_and_the_level_is_right(piece: Performance) -> None:
    for audio in piece.stems.values():
        assert np.max(np.abs(audio.samples)) < 1.0
        assert np.all(np.abs(np.mean(audio.samples, axis=0, dtype=np.float64)) < 2e-4)
    peak = np.max(np.abs(resample_poly(piece.mix.samples, 8, 1, axis=0)))
    assert 20 * np.log10(peak) <= -1.0
    assert piece.parameters["loudness_lufs"] == pytest.approx(
        piece.parameters["loudness_target_lufs"], abs=0.3
    )


def test_every_stem_is_heard(piece: Performance) -> None:
    for stem, audio in piece.stems.items():
        assert np.max(np.abs(audio.samples)) > 0.02, stem
    assert set(piece.notes) == set(piece.stems)


def test_pitches_are_in_the_key_or_in_the_chord(piece: Performance) -> None:
    key = parse_key(piece.key)
    scale = key.pitch_classes
    for stem in ("bass", "chords", "melody"):
        assert piece.notes[stem]
        names = zip(piece.parameters["chord_start_s"], piece.parameters["chords"], strict=True)
        chords = [(start_s, parse_chord(name, key)) for start_s, name in names]
        for note in piece.notes[stem]:
            # A hair: people play a little early.
            sounding = [chord for start_s, chord in chords if start_s <= note.start_s + 0.06]
            assert note.midi % 12 in {*scale, *sounding[-1].pitch_classes}, (stem, note)


def test_drums_are_on_the_grid(piece: Performance) -> None:
    """Every hit lies on a sixteenth (or part of one), at most 14 ms beside it; swing moves off-beats only."""
    swing = piece.parameters["swing"]
    sixteenth = 15 / piece.tempo
    for note in piece.notes["drums"]:
        places = [whole * 2 * sixteenth + off for whole in (0, 1) for off in (0.0, 2 * swing * sixteenth)]
        inside = note.start_s % (2 * sixteenth)
        if note.midi in (*HATS, SNARE) and "trap" in piece.parameters["genre"]:
            places += [2 * sixteenth * i / 12 for i in range(12)]  # rolls
        assert min(abs(inside - place) for place in places) < 0.016, note


def test_the_seam_of_a_loop_is_no_seam(piece: Performance) -> None:
    samples = piece.mix.samples
    if piece.parameters["loop"]:
        inside = np.max(np.abs(np.diff(samples, axis=0)))
        assert np.max(np.abs(samples[0] - samples[-1])) <= inside
        # What rings at the end goes on at the start: no silence on either side of the seam.
        edge = np.concatenate((samples[-2000:], samples[:2000]))
        assert np.max(np.abs(edge[1900:2100])) > 1e-4
    else:
        assert np.max(np.abs(samples[-1])) == 0.0
        assert np.max(np.abs(samples[-200:])) < 1e-3


def test_a_loop_played_twice_shows_no_click_at_the_seam() -> None:
    """The high end around the seam of a pad that never stops is what it is elsewhere."""
    performance = made("ambient pad no drums no melody", tempo=140.0, key="C:maj")
    twice = np.concatenate([performance.mix.samples] * 2).astype(np.float64)
    rough = np.abs(np.diff(twice, n=3, axis=0)).max(axis=1)
    seam = performance.mix.frames
    assert rough[seam - 50 : seam + 50].max() <= rough[1000 : seam - 1000].max()


def test_it_goes_on_with_what_is_there() -> None:
    engine = SynthEngine()
    piece = made("funk", seed=4, bars=2, tempo=208.0, key="E:min")
    context = Context(loudness_lufs=-18.0, phase=1.0, parameters=piece.parameters)
    more = engine.extend(piece.mix, Brief("", seed=8, bars=1, loop=False, context=context))
    assert (more.tempo, more.key, more.meter, more.lead) == (208.0, "E:min", "4/4", 0)
    assert more.mix.frames == round(4 * 60 / 208 * 44100)
    assert set(more.stems) == set(piece.stems)
    assert more.parameters["sounds"] == piece.parameters["sounds"]
    assert more.parameters["loudness_lufs"] == pytest.approx(-18.0, abs=0.3)
    assert np.array_equal(integers(more), sum(integers(more, stem) for stem in more.stems))
    assert more.parameters["chord_start_s"][0] == 0.0
    plain = engine.extend(piece.mix, Brief("lofi", seed=8, bars=1, tempo=240.0))
    assert plain.parameters["genre"] == "lofi"


def test_parameters_are_json_and_name_the_chords(piece: Performance) -> None:
    parameters = json.loads(json.dumps(dict(piece.parameters)))
    assert len(parameters["chords"]) >= piece.bars
    assert parameters["tempo"] == piece.tempo
    assert parameters["key"] == piece.key
    assert {"genre", "moods", "sounds", "swing", "loudness_target_lufs", "ignored_words"} <= set(parameters)


@pytest.mark.parametrize("stem", ["drums", "bass", "chords", "melody", "texture"])
def test_a_stem_alone_is_the_stem_of_the_whole(stem: str) -> None:
    prompt, options = "lofi vinyl", {"tempo": 240.0, "key": "A:min", "bars": 1}
    whole, alone = made(prompt, **options), made(prompt, stems=(stem,), **options)
    assert list(alone.stems) == [stem]
    assert np.array_equal(alone.stems[stem].samples, whole.stems[stem].samples)
    assert np.array_equal(alone.mix.samples, alone.stems[stem].samples)
    assert alone.notes[stem] == whole.notes[stem]


def test_leaving_a_part_out_changes_no_other_notes() -> None:
    whole, without = made("lofi", bars=1, tempo=180.0), made("lofi no melody", bars=1, tempo=180.0)
    assert all(without.notes[stem] == whole.notes[stem] for stem in ("drums", "bass", "chords"))


def test_seeds_differ_and_defaults_do_not_move() -> None:
    one, two = made("house", seed=1, bars=1, tempo=240.0), made("house", seed=2, bars=1, tempo=240.0)
    assert not np.array_equal(one.mix.samples[:1000], two.mix.samples[:1000])
    assert choose(Brief("drum and bass", seed=4)).bars == 8


def test_progress_rises_to_one_and_raising_in_it_stops() -> None:
    seen: list[float] = []
    SynthEngine().generate(Brief("house", bars=1, tempo=200.0), lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 8

    class Stop(Exception):
        pass

    def stop(fraction: float, what: str) -> None:
        if fraction > 0.2:
            raise Stop

    with pytest.raises(Stop):
        SynthEngine().generate(Brief("house", bars=1, tempo=200.0), stop)


def test_it_is_asked_often_enough_to_stop_soon() -> None:
    times = [time.process_time()]  # not the wall's: other programs may have the processor
    brief = Brief("synthwave supersaw", bars=8, tempo=160, key="A:min")
    SynthEngine().generate(brief, lambda fraction, what: times.append(time.process_time()))
    assert max(np.diff(times)) < 1.5


@pytest.mark.parametrize(
    ("genre", "tempo", "meter", "loop"),
    [
        ("lofi", 300.0, "4/4", True), ("drill", 300.0, "6/8", False), ("house", 300.0, "3/4", True),
        ("ambient", 300.0, "6/8", True), ("jazz", 40.0, "4/4", False), ("cinematic", 300.0, "3/4", False),
        ("reggaeton", 300.0, "4/4", False), ("dubstep", 300.0, "6/8", True), ("rock", 300.0, "3/4", True),
    ],
)  # fmt: skip
def test_one_bar_at_the_edges(genre: str, tempo: float, meter: str, loop: bool) -> None:
    performance = made(genre, bars=1, tempo=tempo, meter=meter, loop=loop)
    assert performance.mix.frames == round((4 if meter == "4/4" else 3) * 60 / tempo * 44100)
    assert np.max(np.abs(performance.mix.samples)) > 0.05


def test_a_long_piece_has_a_form() -> None:
    performance = made("techno no chords no melody", bars=40, tempo=300.0, loop=False)
    sections = performance.parameters["sections"]
    assert {"intro", "main", "lift", "break", "outro"} == set(sections)
    bar = performance.mix.frames // 40
    energy = [np.mean(performance.mix.samples[i * bar : (i + 1) * bar] ** 2) for i in range(40)]
    assert np.mean(energy[16:24]) > 2 * np.mean(energy[24:28])
    kicks = [note.start_s for note in performance.notes["drums"] if note.midi == KICK]
    assert not [start for start in kicks if 24 <= start / (bar / 44100) < 28]


def test_accompany_plays_the_melody_and_fits_chords_to_it() -> None:
    performance = SynthEngine().accompany(Guide(tuple(MELODY)), Brief("lofi rhodes", tempo=96.0, seed=1))
    assert performance.notes["melody"] == MELODY
    assert performance.key == "C:maj"
    assert performance.bars == 2
    assert list(performance.stems) == ["drums", "bass", "chords", "melody"]
    assert np.array_equal(
        integers(performance), sum(integers(performance, stem) for stem in performance.stems)
    )
    assert performance.parameters["chords"][0].startswith("C")
    # The melody sounds when its notes say so.
    melody = np.abs(performance.stems["melody"].samples).max(axis=1)
    start = round(MELODY[0].start_s * 44100)
    assert melody[start : start + 2000].max() > 5 * melody[start - 400 : start - 20].max()


def test_accompany_keeps_to_the_bars_asked_for() -> None:
    performance = SynthEngine().accompany(
        Guide(tuple(MELODY)), Brief("house no melody", tempo=120.0, key="A:min", bars=1)
    )
    assert performance.bars == 1
    assert performance.key == "A:min"
    assert performance.notes["melody"][:3] == MELODY[:3]
    assert all(note.start_s + note.duration_s <= 2.0 for note in performance.notes["melody"])


@pytest.mark.parametrize(
    "notes",
    [
        (),
        (Note(-1, 1, 60),),
        (Note(0, 0, 60),),
        (Note(0, 1, 128),),
        (Note(0, 1, 60, 0),),
        (Note(1e4, 1, 60),),
    ],
)
def test_melodies_that_cannot_be_played(notes: tuple[Note, ...]) -> None:
    with pytest.raises(UsageError):
        SynthEngine().accompany(Guide(tuple(notes)), Brief("lofi", tempo=120.0))
