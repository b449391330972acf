"""What new music is told about what is there already: bars, phase, chords, energy; known before heard."""

import numpy as np
import pytest

from beatflow.errors import UsageError
from beatflow.making.surroundings import Known, listen, read_known
from beatflow.sound.audio import Audio

RATE = 22_050
AM, F, C, G = (45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)
BAR_S = 2.4


def play(bars: int, skip_s: float = 0.0, soft: tuple[int, ...] = ()) -> Audio:
    """Struck chords at 100 BPM over kicks and a backbeat; the first seconds are left out."""
    frames = round(bars * BAR_S * RATE)
    out = np.zeros(frames)
    rng = np.random.default_rng(3)
    for bar in range(bars):
        for beat in range(4):
            start = round((bar + beat / 4) * BAR_S * RATE)
            t = np.arange(min(round(BAR_S / 4 * RATE), frames - start)) / RATE
            notes = [AM, F, C, G][bar % 4]
            tone = sum(np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t) for note in notes) * np.exp(
                -4 * t
            )
            kick = (
                np.sin(2 * np.pi * 55 * t)
                * np.exp(-20 * t)
                * (0.6 if beat == 0 else 0.35 if beat == 2 else 0.0)
            )
            snare = rng.normal(0, 0.25, t.size) * np.exp(-25 * t) * (1.0 if beat in (1, 3) else 0.1)
            level = 0.1 if bar in soft else 1.0
            out[start : start + t.size] += level * (0.08 * tone + kick + snare)
    return Audio(out[round(skip_s * RATE) :, None].astype(np.float32), RATE)


def test_what_is_heard_of_a_piece_by_somebody() -> None:
    around = listen(play(8, soft=(5,)), Known(), "it")
    assert around.tempo == pytest.approx(100, abs=0.1)
    assert around.meter == "4/4"
    assert around.key in ("A:min", "C:maj", "F:maj")
    context = around.context
    assert context.phase == 0
    assert [chord for _, chord in context.chords] == ["Am", "F", "C", "G"] * 2
    assert [start for start, _ in context.chords] == pytest.approx(
        [BAR_S * bar for bar in range(8)], abs=0.02
    )
    assert np.argmin(context.energy) == 5
    assert max(context.energy) == 1
    assert context.energy[5] == pytest.approx(1 - 20 / 24, abs=0.05)
    assert context.loudness_lufs is not None


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_piece_that_breaks_off_within_a_bar(quarters: int) -> None:
    audio = play(8)
    keep = round((7 * BAR_S + quarters * BAR_S / 4) * RATE)
    cut = Audio(audio.samples[:keep], RATE)
    around = listen(cut, Known(tempo=100.0, meter="4/4"), "it", cut.duration_s)
    assert around.context.phase == pytest.approx(quarters, abs=0.1)
    assert around.context.energy == ()
    starts = [start for start, _ in around.context.chords]
    assert starts[-1] == pytest.approx(-quarters * BAR_S / 4, abs=0.03)
    assert starts[0] == pytest.approx(-cut.duration_s, abs=0.03)


def test_what_the_engine_wrote_down() -> None:
    parameters = {"chords": ["Em9", "B7"], "chord_start_s": [0.0, 1.2], "genre": "lofi"}
    record = {
        "kind": "generate",
        "engine": "synth",
        "tempo": 100,
        "key": "E:min",
        "meter": "4/4",
        "parameters": parameters,
    }
    known = read_known(record, "synth")
    hiss = Audio(np.random.default_rng(1).normal(0, 0.1, (RATE * 3, 1)).astype(np.float32), RATE)
    around = listen(hiss, known, "it", 3.6)
    assert (around.tempo, around.key, around.meter) == (100.0, "E:min", "4/4")
    assert around.context.chords == ((-3.6, "Em9"), (pytest.approx(-2.4), "B7"))
    assert around.context.phase == 2
    assert around.context.parameters == parameters
    # Another engine's words mean nothing to it, and an extension's bars do not begin where the sound does.
    assert read_known(record, "toy").parameters == {}
    assert not read_known({**record, "kind": "extend"}, "synth").exact


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"tempo": "fast", "key": 3, "meter": "7/8", "parameters": []},
        {"tempo": -1, "engine": "synth"},
        {"tempo": float("inf"), "key": "H:dur"},
    ],
)
def test_records_that_tell_nothing(record: dict[str, object] | None) -> None:
    assert read_known(record, "synth") == Known()


@pytest.mark.parametrize("times", [["soon"], [-1e12], [float("nan")], "x", [0.0, 1.0]])
def test_chords_that_were_written_down_at_no_time_are_heard(times: object) -> None:
    parameters = {"chords": ["Em"], "chord_start_s": times}
    record = {"kind": "mix", "engine": "synth", "tempo": 100, "parameters": parameters}
    audio = play(2)
    around = listen(audio, read_known(record, "synth"), "it", audio.duration_s)
    assert [chord for _, chord in around.context.chords] == ["Am", "F"]


def test_a_tempo_that_is_a_guess_is_named() -> None:
    audio, time = np.zeros((RATE * 30, 1), np.float32), 0.2
    while time < 29:  # clicks whose tempo goes up and down by a quarter
        audio[round(time * RATE) : round(time * RATE) + 200] = 0.5
        time += 60 / (100 + 25 * np.sin(time / 3))
    with pytest.raises(UsageError, match=r"no steady beat|the tempo of it is a guess") as error:
        listen(Audio(audio, RATE), Known(), "it")
    assert error.value.hint is not None
    assert "--bpm" in error.value.hint


def test_nothing_to_play_to() -> None:
    silence = Audio(np.zeros((RATE * 2, 2), np.float32), RATE)
    with pytest.raises(UsageError, match="it has no steady beat"):
        listen(silence, Known(), "it")
    around = listen(silence, Known(tempo=90.0), "it")
    assert (around.key, around.context.chords, around.context.energy) == (None, (), (0.0,))
    assert around.context.loudness_lufs is None
