"""MusicGen from words to sound through audiocraft: the same engine, the same checkpoint, the other runtime."""

import shutil

import numpy as np
import pytest

from beatflow.ai.engine import Brief, Guide, Sampling, Setup
from beatflow.ai.musicgen.engine import MusicgenEngine
from beatflow.errors import EngineError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

NAMES = {
    "plain": "musicgen-small",
    "melody": "musicgen-melody",
    "stereo": "musicgen-stereo-small",
    "stereo-melody": "musicgen-stereo-melody",
}
BRIEF = Brief("lofi piano", seed=7, duration_s=1.5, sampling=Sampling(top_k=50))


@pytest.fixture(scope="module")
def shelf(folders, tmp_path_factory):
    """A folder of models as the user keeps them."""
    root = tmp_path_factory.mktemp("shelf")
    for variant, name in NAMES.items():
        shutil.copytree(folders[variant], root / name)
    return root


@pytest.fixture(scope="module")
def engines(shelf):
    """An engine of each kind and runtime, loaded once."""
    return {
        (variant, runtime): MusicgenEngine(
            Setup(engine=name, device="cpu", dtype="float32", runtime=runtime, models=shelf, offline=True)
        )
        for variant, name in NAMES.items()
        for runtime in ("audiocraft", "transformers")
    }


def make_song(seconds=3.0, channels=1):
    time = np.arange(int(seconds * 44100)) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 220 * time) * (time * 2 % 1)
    return Audio(np.repeat(tone[:, None], channels, axis=1).astype(np.float32), 44100)


def both(engines, variant):
    return engines[variant, "audiocraft"], engines[variant, "transformers"]


@pytest.mark.parametrize("variant", NAMES)
def test_words_become_the_same_sound_in_both(engines, variant):
    made = [engine.generate(BRIEF) for engine in both(engines, variant)]
    assert made[0].mix.samples.shape == (48000, 2 if "stereo" in variant else 1)
    np.testing.assert_allclose(made[0].mix.samples, made[1].mix.samples, atol=2e-6)
    assert engines[variant, "audiocraft"].facts.runtime == "audiocraft"
    again = engines[variant, "audiocraft"].generate(BRIEF)
    np.testing.assert_array_equal(again.mix.samples, made[0].mix.samples)


def test_a_batch_is_its_takes(engines):
    engine = engines["plain", "audiocraft"]
    briefs = [Brief("lofi piano", seed, duration_s=1.0) for seed in (1, 2, 3)]
    together = engine.generate_batch(briefs)
    for brief, take in zip(briefs, together, strict=True):
        np.testing.assert_array_equal(engine.generate(brief).mix.samples, take.mix.samples)
    assert (together[0].mix.samples != together[1].mix.samples).any()


@pytest.mark.parametrize("variant", ["melody", "stereo-melody"])
def test_a_melody_is_followed_in_both(engines, variant):
    guide = Guide((Note(0.0, 1.0, 57), Note(1.0, 1.0, 64)), make_song())
    made = [engine.accompany(guide, BRIEF) for engine in both(engines, variant)]
    np.testing.assert_allclose(made[0].mix.samples, made[1].mix.samples, atol=2e-6)
    other = engines[variant, "audiocraft"].accompany(Guide((Note(0.0, 1.0, 60),)), BRIEF)
    assert (other.mix.samples != made[0].mix.samples).any()


@pytest.mark.parametrize("variant", ["plain", "stereo"])
def test_a_piece_is_continued_in_both(engines, variant):
    made = [engine.extend(make_song(channels=2), BRIEF) for engine in both(engines, variant)]
    assert made[0].lead == made[1].lead > 0
    assert made[0].mix.frames == made[0].lead + 48000
    np.testing.assert_allclose(made[0].mix.samples, made[1].mix.samples, atol=5e-6)


def test_progress_rises_and_stops_it(engines):
    engine = engines["plain", "audiocraft"]
    seen = []
    engine.generate(BRIEF, lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 50

    def stop(fraction, what):
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate(BRIEF, stop)
    np.testing.assert_array_equal(engine.generate(BRIEF).mix.samples, engine.generate(BRIEF).mix.samples)


def test_weights_that_are_not_here(tmp_path):
    engine = MusicgenEngine(
        Setup(engine="musicgen-small", runtime="audiocraft", models=tmp_path, offline=True)
    )
    with pytest.raises(EngineError) as caught:
        engine.check_ready()
    assert "bf models pull musicgen-small" in caught.value.hint


def test_audiocrafts_files_run_without_transformers(folders, tmp_path, engines):
    """As ``bf models pull musicgen-small --runtime audiocraft`` leaves a folder: the text encoder is a model apart."""
    own = tmp_path / "musicgen-small"
    own.mkdir()
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        shutil.copy(folders["plain"] / name, own / name)
    text = tmp_path / "t5-base"
    loaded = engines["plain", "audiocraft"]
    loaded.generate(BRIEF)
    loaded._loaded.runtime._model.lm.condition_provider.conditioners["description"].t5.save_pretrained(text)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(folders["plain"] / name, text / name)
    setup = Setup(
        engine="musicgen-small", device="cpu", dtype="float32", runtime="audiocraft", models=tmp_path
    )
    engine = MusicgenEngine(setup)
    engine.check_ready()
    np.testing.assert_array_equal(engine.generate(BRIEF).mix.samples, loaded.generate(BRIEF).mix.samples)
