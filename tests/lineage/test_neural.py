"""Neural engines' sounds made again, with tiny checkpoints that the real code loads."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.ai.checkpoints import build_checkpoint
from tests.ai.demucs.checkpoints import build_demucs
from tests.conftest import Bf
from tests.world import tone, wav_bytes


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_checkpoint(folder / "musicgen-small")
    build_demucs(folder / "htdemucs")
    return folder


@pytest.fixture
def track(bf: Bf, models: Path) -> Bf:
    bf.environment = {"BF_MODELS": str(models), "BF_DEVICE": "cpu", "BF_OFFLINE": "true"}
    bf.ok("init")
    return bf


def verdicts(bf: Bf, path: str) -> dict[str, str]:
    return {one["path"]: one["verdict"] for one in bf("reproduce", path, "--json").json["sounds"]}


def test_musicgen_gives_the_same_again(track: Bf, tmp_path: Path) -> None:
    track.ok("generate", "lofi", "--engine", "musicgen-small", "--duration", "1", "--seed", "4")
    assert verdicts(track, "mix.wav") == {"mix.wav": "identical"}
    assert track("license", "mix.wav", "--json").json["verdict"] == "barred"
    build_checkpoint(tmp_path / "other" / "musicgen-small", seed=1)
    track.environment["BF_MODELS"] = str(tmp_path / "other")
    said = track.fails(5, "reproduce", "mix.wav")
    assert "the weights of musicgen-small here are not those that it was made with: model.safetensors" in said
    track.environment["BF_MODELS"] = str(tmp_path / "none")
    assert "bf models pull musicgen-small" in track.fails(5, "reproduce", "mix.wav")


def test_demucs_gives_the_same_again(track: Bf) -> None:
    samples = np.concatenate([tone(0.2, hz) for hz in (220.0, 330.0)])
    (track.directory / "song.wav").write_bytes(wav_bytes(samples))
    track.ok(
        "split", "song.wav", "--engine", "htdemucs", "-o", "parts", "--two-stems", "vocals", "--seed", "9"
    )
    found = verdicts(track, "parts")
    assert len(found) == 2
    assert set(found.values()) == {"identical"}
    document = json.loads(track("license", "parts/vocals.wav", "--json").out_bytes)
    assert [source["licence"] for source in document["sources"]] == [None, "MIT"]
