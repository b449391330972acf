"""CLAP through transformers' own classes, on a checkpoint of random numbers: what is ours, not how good it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.clap import engine as clap
from beatflow.ai.clap.engine import ClapEngine
from beatflow.ai.clap.prompts import write_prompts
from beatflow.ai.engine import Rater, Setup
from beatflow.ai.table import get_engine, pick
from beatflow.errors import EngineError
from beatflow.sound.audio import Audio
from beatflow.sound.mood.rating import MOODS
from tests.ai.clap.checkpoints import build_clap
from tests.mood.pieces import merry, mournful


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_clap(folder / "clap")
    return folder


@pytest.fixture(scope="module")
def engine(models: Path) -> ClapEngine:
    found = get_engine("clap", Setup(models=models, device="cpu"))
    assert isinstance(found, ClapEngine)
    return found


def test_it_is_taken_where_its_weights_are(models: Path) -> None:
    choice = pick("mood", setup=Setup(models=models, device="cpu"))
    assert choice.info.name == "clap"
    assert isinstance(choice.engine, Rater)
    assert choice.info.licence == "Apache-2.0"


def test_scores_are_shares_and_the_same_each_time(engine: ClapEngine) -> None:
    """transformers' extractor draws at random what it cuts; nothing is left for it to cut."""
    sound = mournful(23.0)
    first, again = engine.rate([sound]), engine.rate([sound])
    assert first is not None
    assert first == again
    assert list(first.scores) == list(MOODS)
    assert sum(first.scores.values()) == pytest.approx(1)
    assert first.valence is None
    assert engine.facts.device == "cpu"
    assert engine.facts.dtype == "float32"
    assert "model.safetensors" in engine.facts.weights


def test_other_sounds_and_other_words_get_other_scores(engine: ClapEngine) -> None:
    one, other = engine.rate([mournful(4.0)]), engine.rate([merry(4.0)])
    assert one is not None
    assert other is not None
    assert one.scores != other.scores
    words = engine.rate([mournful(4.0)], ("dreamy", "tense as a wire"))
    assert words is not None
    assert list(words.scores) == ["dreamy", "tense as a wire"]


def test_blocks_may_be_cut_anywhere(engine: ClapEngine) -> None:
    sound = merry(12.0)
    parts = [Audio(sound.samples[at : at + 7001], sound.sample_rate) for at in range(0, sound.frames, 7001)]
    whole, pieces = engine.rate([sound]), engine.rate(parts)
    assert whole is not None
    assert pieces is not None
    assert list(pieces.scores.values()) == pytest.approx(list(whole.scores.values()), abs=2e-3)


def test_silence_has_no_mood_and_does_not_count(engine: ClapEngine) -> None:
    silence = Audio(np.zeros((10 * 48_000, 1), np.float32), 48_000)
    assert engine.rate([silence]) is None
    assert engine.rate([]) is None
    sound = Audio(np.tile(merry(5.0).samples, (4, 1))[: 10 * 22_050], 22_050)
    quiet = Audio(np.zeros((10 * 22_050, 1), np.float32), 22_050)
    alone, among = engine.rate([sound]), engine.rate([sound, quiet])
    assert alone is not None
    assert among is not None
    assert list(among.scores.values()) == pytest.approx(list(alone.scores.values()), abs=5e-3)


def test_windows_a_short_rest_and_a_short_sound() -> None:
    def lengths(seconds: float) -> list[int]:
        sound = Audio(np.full((int(seconds * 100), 1), 0.1, np.float32), 100)
        return [len(window) for window in clap._cut([sound], 100, 1000)]

    assert lengths(25) == [1000, 1000, 500]
    assert lengths(22) == [1000, 1000]
    assert lengths(2) == [200]


def test_each_mood_is_told_in_several_sentences() -> None:
    for label in MOODS:
        assert len(write_prompts(label)) == len(set(write_prompts(label))) == 9
        assert any(label in sentence.lower() for sentence in write_prompts(label))
    assert write_prompts("dreamy") == (
        "This is a dreamy song.",
        "Dreamy music.",
        "A piece of music that sounds dreamy.",
    )


def test_files_as_the_hub_has_them_are_read_as_well(tmp_path: Path, engine: ClapEngine) -> None:
    """A pickle of tensors, which torch reads without running anything."""
    build_clap(tmp_path / "clap", pickled=True)
    pickled = get_engine("clap", Setup(models=tmp_path, device="cpu"))
    assert pickled.rate([merry(4.0)]) == engine.rate([merry(4.0)])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").write_text('{"model_type": "musicgen"}'), "not a CLAP"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 40), "cannot be used"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]"), "cannot be used"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "not complete: preprocessor_config"),
    ],
    ids=["another model", "no JSON", "weights", "tokenizer", "missing"],
)
def test_damaged_weights_are_told(tmp_path: Path, damage: object, said: str) -> None:
    folder = build_clap(tmp_path / "clap")
    assert callable(damage)
    damage(folder)
    with pytest.raises(EngineError, match=said) as caught:
        get_engine("clap", Setup(models=tmp_path, device="cpu")).rate([merry(2.0)])
    assert "bf models pull" in (caught.value.hint or "")


def test_weights_that_lack_something_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build_clap(tmp_path / "clap")
    weights = load_file(folder / "model.safetensors")
    del weights["audio_projection.linear1.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EngineError, match="there is no audio_projection"):
        get_engine("clap", Setup(models=tmp_path, device="cpu")).rate([merry(2.0)])


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = build_clap(tmp_path / "clap")
    config = json.loads((folder / "config.json").read_text())
    config["projection_dim"] = 24
    config["text_config"]["projection_dim"] = 24
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineError, match="cannot be used"):
        get_engine("clap", Setup(models=tmp_path, device="cpu")).rate([merry(2.0)])


def test_without_weights_the_way_out_is_to_pull_them(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        pick("mood", "clap", Setup(models=tmp_path, device="cpu"))
    assert caught.value.hint == "bf models pull clap"
