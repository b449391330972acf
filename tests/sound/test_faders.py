"""A mix as the sum of its stems: faders found by least squares, and nothing said where it is not."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.fader import Fader
from beatflow.sound.faders import Faders, Part, fit_faders
from beatflow.sound.mix import render_mix
from beatflow.sound.writing import write_audio

RATE = 8000
SECONDS = 12


def noise(seed: int, channels: int = 2, seconds: float = SECONDS) -> Audio:
    """Noise whose level goes up and down, as music's does."""
    random = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * (seed + 1) * np.arange(frames) / frames)
    samples = random.normal(0, 0.05, (frames, channels)) * swell[:, None]
    return Audio(np.round(samples * 32768).astype(np.float32) / 32768, RATE)


def pack(audio: Audio, subtype: str = "PCM_16") -> BytesIO:
    file = BytesIO()
    write_audio(file, audio, subtype, "WAV")
    return file


def fit(stems: Mapping[str, Audio], mix: Audio, offsets: Mapping[str, int] | None = None) -> Faders:
    parts = {name: Part(pack(stem), (offsets or {}).get(name, 0)) for name, stem in stems.items()}
    found = fit_faders(pack(mix), parts)
    assert found is not None
    return found


STEMS = {"drums": noise(0), "bass": noise(1), "pads": noise(2), "voice": noise(3, channels=1)}


def test_every_fader_is_found() -> None:
    faders = {
        "drums": Fader(-1.5),
        "bass": Fader(3.0, pan=0.4),
        "pads": Fader(mute=True),
        "voice": Fader(pan=-0.25),
    }
    found = fit(STEMS, render_mix(STEMS, faders)[0])
    assert found.fits
    assert found.unexplained_db < -70  # the mix is rounded to 16 bits
    levels = found.levels
    assert levels["drums"].gain_db == pytest.approx(-1.5, abs=0.001)
    assert levels["bass"].gain_db == pytest.approx(3.0, abs=0.001)
    assert levels["bass"].pan == pytest.approx(0.4, abs=0.001)
    assert levels["voice"].pan == pytest.approx(-0.25, abs=0.001)
    assert (levels["pads"].muted, levels["pads"].gain_db) == (True, None)
    assert not any(level.inverted for level in levels.values())


def test_an_exact_sum_leaves_nothing() -> None:
    found = fit(STEMS, render_mix(STEMS)[0])
    assert found.unexplained_db == -200
    assert found.worst_s is None
    assert {level.gain_db for level in found.levels.values()} == {0.0}


def test_something_else_in_the_mix_moves_no_fader() -> None:
    mix = render_mix(STEMS, {"drums": Fader(-2.0)})[0].samples.copy()
    mix[5 * RATE : 7 * RATE] = noise(9, seconds=2).samples * 4
    found = fit(STEMS, Audio(mix, RATE))
    assert found.fits
    assert found.levels["drums"].gain_db == pytest.approx(-2.0, abs=0.01)
    assert found.worst_s in (5.0, 6.0)
    assert found.typical_db < -60
    assert found.unexplained_db > -20


def test_a_mix_of_other_stems_is_not_explained() -> None:
    others = {name: noise(20 + number) for number, name in enumerate(STEMS)}
    found = fit(STEMS, render_mix(others)[0])
    assert not found.fits
    assert found.unexplained_db > -1


def test_another_take_of_a_stem_is_not_called_muted() -> None:
    quiet = {
        name: Audio(stem.samples * np.float32(0.1), RATE) for name, stem in STEMS.items() if name != "drums"
    }
    stems = {"drums": STEMS["drums"], **quiet}
    heard = stems | {"pads": Audio(noise(30).samples * np.float32(0.1), RATE)}
    found = fit(stems, render_mix(heard)[0])
    assert found.fits
    assert "pads" not in found.levels
    assert found.levels["drums"].gain_db == pytest.approx(0, abs=0.05)


def test_offsets_are_those_of_the_score() -> None:
    faders = {"drums": Fader(-1.0, offset=300), "bass": Fader(offset=-200)}
    mix = render_mix(STEMS, faders)[0]
    found = fit(STEMS, mix, {"drums": 300, "bass": -200})
    assert found.fits
    assert found.levels["drums"].gain_db == pytest.approx(-1.0, abs=0.001)


def test_a_stem_upside_down() -> None:
    stems = STEMS | {"bass": Audio(-STEMS["bass"].samples, RATE)}
    found = fit(stems, render_mix(STEMS)[0])
    assert found.levels["bass"].inverted
    assert found.levels["bass"].gain_db == pytest.approx(0, abs=0.001)


def test_stems_that_stand_in_for_each_other_have_no_fader_of_their_own() -> None:
    found = fit(STEMS | {"bass copy": STEMS["bass"]}, render_mix(STEMS)[0])
    assert set(found.levels) == {"drums", "pads", "voice"}
    assert found.fits


def test_a_silent_stem_tells_nothing() -> None:
    silent = Audio(np.zeros((RATE, 2), np.float32), RATE)
    found = fit(STEMS | {"empty": silent}, render_mix(STEMS)[0])
    assert "empty" not in found.levels
    assert found.fits


def test_stems_of_another_rate_or_shape_are_left_out(tmp_path: Path) -> None:
    mix = render_mix({"drums": STEMS["drums"]})[0]
    odd = {"fast": Audio(STEMS["bass"].samples, 2 * RATE), "wide": noise(4, channels=4)}
    parts = {name: Part(pack(stem)) for name, stem in odd.items()}
    assert fit_faders(pack(mix), parts) is None
    found = fit_faders(pack(mix), parts | {"drums": Part(pack(STEMS["drums"]))})
    assert found is not None
    assert set(found.levels) == {"drums"}


def test_nothing_to_fit() -> None:
    stem = {"drums": Part(pack(STEMS["drums"]))}
    assert fit_faders(pack(Audio(np.zeros((RATE, 2), np.float32), RATE)), stem) is None
    assert fit_faders(pack(Audio(np.zeros((0, 2), np.float32), RATE)), stem) is None


def test_a_mono_mix() -> None:
    stems = {"drums": noise(0, channels=1), "bass": noise(1, channels=1)}
    found = fit(stems, render_mix(stems, {"bass": Fader(-6.0)})[0])
    assert found.levels["bass"].gain_db == pytest.approx(-6, abs=0.001)
    assert found.levels["bass"].pan == 0
