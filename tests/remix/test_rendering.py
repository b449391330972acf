"""Plans rendered: drums on the beats that were heard, whatever the sound's shape; tapes come and go."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from beatflow.ai.dsp import DspSeparator
from beatflow.ai.engine import Setup
from beatflow.ai.synth.engine import SynthEngine
from beatflow.ai.table import Choice
from beatflow.errors import AudioError, EngineError
from beatflow.remix.plan import Groove, Plan
from beatflow.remix.remixing import write_again
from beatflow.remix.studio import Crew

RATE = 22050
BEATS = (0.0, 0.35, 0.72, 1.05, 1.36, 1.75, 2.1, 2.42, 2.8)
SYNTH = Choice(SynthEngine(Setup()), "")
DSP = Choice(DspSeparator(Setup()), "")


def run(tmp_path: Path, samples: np.ndarray, plan: Plan, crew: Crew = Crew(), parts: int = 1) -> np.ndarray:  # noqa: B008 - a value
    inputs = []
    for number in range(parts):
        file = tmp_path / f"in-{number}.wav"
        soundfile.write(file, samples / parts, RATE, subtype="FLOAT")
        inputs.append((file, file.name))
    target = tmp_path / "out.wav"
    write_again(inputs, plan, "FLOAT", crew, target, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if "tape" in path.name) == []
    return np.asarray(soundfile.read(target, always_2d=True)[0])


def hiss(seconds: float, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.001, (round(seconds * RATE), channels))


def rises(made: np.ndarray, beats: tuple[float, ...]) -> list[float]:
    """By how many dB the 25 ms after each beat are louder than the 25 ms before it."""
    power = np.square(made).mean(axis=1)
    width = round(0.025 * RATE)
    found = []
    for beat in beats:
        at = round(beat * RATE) - round(0.004 * RATE)
        before = power[max(0, at - width) : at].mean() if at > 0 else 1e-12
        found.append(10 * np.log10(power[at : at + width].mean() / before))
    return found


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_drums_are_on_beats_that_wander(tmp_path: Path, channels: int) -> None:
    groove = Groove("edm", "house", 5, 170.0, "A:min", bars=1, beats=BEATS, drums_lu=20.0)
    samples = hiss(2.8, channels)
    made = run(
        tmp_path, samples, Plan(0, len(samples), length_frames=len(samples), groove=groove), Crew(SYNTH)
    )
    assert made.shape == samples.shape
    # Four on the floor: a kick on each quarter, though a fill may lead up to it.
    assert np.median(rises(made, BEATS[1:-1])) > 15
    between = tuple(beat + 0.07 for beat in BEATS[1:-1])
    assert np.median(rises(made, between)) < 5


def test_drums_are_on_a_steady_beat(tmp_path: Path) -> None:
    groove = Groove("edm", "house", 5, 170.0, "A:min", bars=3, offset_s=-1.0, drums_lu=20.0, pump_db=6.0)
    samples = hiss(2.2)
    plan = Plan(0, len(samples), length_frames=len(samples), groove=groove)
    made = run(tmp_path, samples, plan, Crew(SYNTH))
    quarter = 60 / 170
    beats = tuple(-1.0 + quarter * number for number in range(4, 9))
    assert np.median(rises(made, beats)) > 15


def test_without_drums_the_bed_alone_gets_its_loudness_back(tmp_path: Path) -> None:
    time = np.arange(3 * RATE) / RATE
    samples = 0.2 * np.sin(2 * np.pi * 330 * time)[:, None]
    groove = Groove(
        "classical", separator="dsp", bed="lowpass(frequency=2000Hz)", loudness_lufs=-20.0, master="gain(1dB)"
    )
    made = run(
        tmp_path, samples, Plan(0, len(samples), length_frames=len(samples), groove=groove), Crew(None, DSP)
    )
    assert len(made) == len(samples)
    assert 20 * np.log10(np.abs(made[RATE : 2 * RATE]).max()) == pytest.approx(-17, abs=1.5)


def test_an_engine_that_is_needed_and_not_there(tmp_path: Path) -> None:
    samples = hiss(0.5)
    for groove, says in (
        (Groove("edm", "house", bars=1), "plays drums"),
        (Groove("classical", separator="dsp"), "takes drums out"),
        (Groove("jazz", "jazz", bars=1, guided=True), "follows a recording"),
    ):
        plan = Plan(0, len(samples), length_frames=len(samples), groove=groove)
        with pytest.raises(EngineError, match=says):
            write_again([_write(tmp_path, samples)], plan, "FLOAT", Crew(), tmp_path / "out.wav", tmp_path)


def _write(folder: Path, samples: np.ndarray) -> tuple[Path, str]:
    soundfile.write(folder / "in.wav", samples, RATE, subtype="FLOAT")
    return folder / "in.wav", "in.wav"


def test_several_inputs_are_their_sum(tmp_path: Path) -> None:
    samples = hiss(0.5, 2)
    plan = Plan(100, 5000, length_frames=5000)
    assert run(tmp_path, samples, plan, parts=4) == pytest.approx(samples[100:5100], abs=1e-9)


def test_inputs_that_have_no_sum(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", hiss(0.5), RATE)
    soundfile.write(tmp_path / "b.wav", hiss(0.4), RATE)
    inputs = [(tmp_path / name, name) for name in ("a.wav", "b.wav")]
    with pytest.raises(AudioError, match=r"a.wav and b.wav have no sum"):
        write_again(inputs, Plan(0, 10, length_frames=10), "PCM_16", Crew(), tmp_path / "out.wav", tmp_path)


def test_a_plan_that_wants_more_than_there_is(tmp_path: Path) -> None:
    samples = hiss(0.2)
    with pytest.raises(AudioError, match="is shorter than"):
        run(tmp_path, samples, Plan(10 * RATE, 100, length_frames=100))
