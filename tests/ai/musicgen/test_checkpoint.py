"""Folders of weights that are whole, truncated, of another model, or no weights at all."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from beatflow.ai.musicgen.checkpoint import read_checkpoint
from beatflow.errors import EngineError

from ..checkpoints import build_checkpoint


def edit(path: Path, *keys: str, value: object) -> None:
    """Change one entry of a JSON file; a value of None takes it out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def test_figures_of_each_kind(shelf: Path) -> None:
    mono = read_checkpoint(shelf / "musicgen-small")
    assert (mono.geometry.sample_rate, mono.geometry.token_rate, mono.geometry.window_s) == (
        32000,
        50.0,
        30.0,
    )
    assert (mono.geometry.channels, mono.geometry.codebooks, mono.geometry.melody) == (1, 4, False)
    assert (mono.decoder.hidden_size, mono.decoder.num_hidden_layers, mono.decoder.vocab_size) == (32, 2, 64)
    assert mono.chroma_length == 0
    both = read_checkpoint(shelf / "musicgen-stereo-melody")
    assert (both.geometry.channels, both.geometry.codebooks, both.geometry.melody) == (2, 8, True)
    assert both.chroma_length == 235


def test_shards_and_pickles_count_as_the_single_file(tmp_path: Path, shelf: Path) -> None:
    single = read_checkpoint(shelf / "musicgen-small")
    shards = read_checkpoint(build_checkpoint(tmp_path / "a", shards=3))
    assert shards.other_parameters == single.other_parameters
    assert read_checkpoint(build_checkpoint(tmp_path / "b", pickled=True)).other_parameters > 0


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "there is no config.json"),
    "half a config": (lambda folder: os.truncate(folder / "config.json", 90), "config.json cannot be read"),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), "they are of no model"),
    "another model": (
        lambda folder: edit(folder / "config.json", "model_type", value="bert"),
        "they are of bert model, not a MusicGen",
    ),
    "no decoder": (
        lambda folder: edit(folder / "config.json", "decoder", value=None),
        "lacks what makes a MusicGen",
    ),
    "odd codebooks": (
        lambda folder: edit(folder / "config.json", "decoder", "num_codebooks", value=3),
        "3 codebooks for 1 channels",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "neither model.safetensors nor pytorch_model.bin",
    ),
    "truncated": (
        lambda folder: os.truncate(folder / "model.safetensors", 100_000),
        "is truncated: it has 100000 of",
    ),
    "truncated in its head": (lambda folder: os.truncate(folder / "model.safetensors", 500), "is truncated"),
    "empty": (lambda folder: os.truncate(folder / "model.safetensors", 0), "is truncated: it has 0 bytes"),
    "a web page": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"\x20" + b"\0" * 7 + b"<html>" * 20),
        "is no safetensors file",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_with_the_way_out(damage: str, shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "musicgen-small"
    shutil.copytree(shelf / "musicgen-small", folder)
    spoil, words = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(EngineError, match="the weights of musicgen-small cannot be used") as caught:
        read_checkpoint(folder)
    assert words in caught.value.message
    assert caught.value.hint == "bf models pull --repair musicgen-small"


def test_missing_shard_is_named(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "musicgen-large", shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(EngineError, match=r"model-00002-of-00002.safetensors is missing"):
        read_checkpoint(folder)
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(EngineError, match=r"model.safetensors.index.json cannot be read"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("name", "has", "words"),
    [
        ("musicgen-melody", "musicgen-small", "without melody"),
        ("musicgen-small", "musicgen-melody", "with melody"),
        ("musicgen-stereo-small", "musicgen-small", "without stereo"),
        ("musicgen-medium", "musicgen-stereo-small", "with stereo"),
    ],
)
def test_weights_of_a_sibling_are_refused(name: str, has: str, words: str, shelf: Path) -> None:
    with pytest.raises(
        EngineError, match=f"the weights of {name} cannot be used: they are of a model {words}"
    ):
        read_checkpoint(shelf / has, name)
