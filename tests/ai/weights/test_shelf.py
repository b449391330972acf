"""Finding weights: in a folder, in the hub's cache, whole or not."""

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import constants

from beatflow.ai.engine import Setup
from beatflow.ai.weights.catalogue import MODELS, get_model
from beatflow.ai.weights.record import FileRecord, Record, read_record, record_path, write_record
from beatflow.ai.weights.shelf import (
    digest_weights,
    explain_missing,
    find_weights,
    get_weights,
    own_weights,
)
from beatflow.errors import EngineError
from tests.ai.weights.world import musicgen_files, safetensors, write

NAME = "musicgen-small"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(models=tmp_path / "models")


def folder_of(setup: Setup, name: str = NAME) -> Path:
    assert setup.models
    return setup.models / name


def in_cache(cache: Path, revision: str, files: dict[str, bytes], main: bool = True) -> Path:
    repository = cache / "models--facebook--musicgen-small"
    folder = repository / "snapshots" / revision
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir(exist_ok=True)
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        (repository / "blobs" / digest).write_bytes(data)
        (folder / name).symlink_to(Path("..", "..", "blobs", digest))
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(revision)
    return folder


def test_the_catalogue_is_whole() -> None:
    assert {model.licence for model in MODELS.values() if "musicgen" in model.name} == {"CC-BY-NC-4.0"}
    assert get_model("facebook/MusicGen-small").name == NAME
    assert all(model.size_bytes > 50_000_000 and model.memory_bytes > 0 for model in MODELS.values())
    # On a card of 8 GB these must run.
    assert all(MODELS[name].memory_on("cuda") < 7e9 for name in (NAME, "musicgen-melody", "htdemucs"))
    with pytest.raises(EngineError, match="did you mean htdemucs_ft"):
        get_model("htdemucs-ft")


def test_nothing_is_here(setup: Setup) -> None:
    assert find_weights(NAME, setup) is None
    with pytest.raises(EngineError) as caught:
        get_weights(NAME, setup)
    assert caught.value.hint == f"bf models pull {NAME}"
    assert own_weights(setup) == own_weights(Setup()) == []


def test_a_folder_goes_before_the_cache(setup: Setup, cache: Path) -> None:
    cached = in_cache(cache, "a" * 40, musicgen_files(100))
    assert find_weights(NAME, setup) == find_weights(NAME, Setup()) == cached
    folder = write(folder_of(setup), musicgen_files(100))
    assert get_weights(NAME, setup) == folder
    assert find_weights(NAME, Setup()) == cached


def test_a_folder_may_be_a_cache_that_was_copied(tmp_path: Path, setup: Setup) -> None:
    assert setup.models
    assert find_weights(NAME, setup) is None
    copied = in_cache(setup.models, "b" * 40, musicgen_files(100))
    assert find_weights(NAME, setup) == copied


def test_of_several_revisions_main_counts_if_it_is_whole(cache: Path) -> None:
    old = in_cache(cache, "a" * 40, musicgen_files(100), main=False)
    new = in_cache(cache, "c" * 40, musicgen_files(100))
    assert find_weights(NAME, Setup()) == new
    (new / "config.json").unlink()
    assert find_weights(NAME, Setup()) == old


def test_a_link_to_a_blob_that_is_gone_is_no_file(cache: Path) -> None:
    folder = in_cache(cache, "a" * 40, musicgen_files(100))
    (folder / "model.safetensors").resolve().unlink()
    with pytest.raises(EngineError, match=r"not complete: model\*.safetensors"):
        get_weights(NAME, Setup())


@pytest.mark.parametrize(
    ("gone", "words"),
    [("config.json", "config.json"), ("tokenizer.json", "tokenizer.json|spiece.model")],
)
def test_what_is_missing_is_told(gone: str, words: str, setup: Setup) -> None:
    folder = write(folder_of(setup), musicgen_files(100))
    (folder / gone).unlink()
    assert explain_missing(folder, NAME) == [words]


def test_shards_must_all_be_there(setup: Setup) -> None:
    files = musicgen_files(100)
    shard = files.pop("model.safetensors")
    files |= {f"model-0000{n}-of-00003.safetensors": shard for n in (1, 3)}
    folder = write(folder_of(setup, "musicgen-large"), files)
    assert explain_missing(folder, "musicgen-large") == ["model-00002-of-00003.safetensors"]
    write(folder, {"model-00002-of-00003.safetensors": shard})
    assert find_weights("musicgen-large", setup) == folder


def test_all_models_of_a_bag_must_be_there(setup: Setup) -> None:
    bag = b"models: ['f7e0c4bc', 'd12395a8']\nweights: [[1., 0.], [0., 1.]]\n"
    folder = write(
        folder_of(setup, "htdemucs_ft"), {"htdemucs_ft.yaml": bag, "f7e0c4bc.safetensors": safetensors(9)}
    )
    assert explain_missing(folder, "htdemucs_ft") == ["d12395a8.safetensors"]
    write(folder, {"d12395a8.safetensors": safetensors(9)})
    assert find_weights("htdemucs_ft", setup) == folder


def test_a_size_other_than_was_told_is_not_whole(setup: Setup) -> None:
    folder = write(folder_of(setup), musicgen_files(100))
    write_record(
        folder, Record(None, None, {"model.safetensors": FileRecord(size=999), "gone.md": FileRecord(5)})
    )
    assert explain_missing(folder, NAME) == [
        f"model.safetensors has {(folder / 'model.safetensors').stat().st_size} of 999 bytes"
    ]


def test_audiocraft_takes_its_own_files_or_the_others(setup: Setup) -> None:
    own = dict.fromkeys(("state_dict.bin", "compression_state_dict.bin"), b"x")
    folder = write(folder_of(setup), own)
    audiocraft = Setup(models=setup.models, runtime="audiocraft")
    assert find_weights(NAME, audiocraft) == folder
    assert find_weights(NAME, setup) is None
    (folder / "state_dict.bin").unlink()
    with pytest.raises(EngineError) as caught:
        get_weights(NAME, audiocraft)
    assert caught.value.hint == f"bf models pull {NAME} --runtime audiocraft"
    write(folder, musicgen_files(100))
    (folder / "state_dict.bin").unlink()
    assert find_weights(NAME, audiocraft) == folder


def test_weights_of_ones_own(setup: Setup) -> None:
    assert setup.models
    write(setup.models / "my tune ✨", {"config.json": b"{}", "model.safetensors": safetensors(9)})
    write(setup.models / "samples", {"kick.wav": b""})
    write(setup.models / ".hidden", {"config.json": b"{}", "model.safetensors": safetensors(9)})
    write(setup.models / NAME, musicgen_files(100))
    assert own_weights(setup) == ["my tune ✨"]
    assert find_weights("my tune ✨", setup) == setup.models / "my tune ✨"
    assert find_weights("samples", setup) is None


@pytest.mark.parametrize("name", ["../models/musicgen-small", "..", "", "a/b", "a\\b"])
def test_a_name_is_no_path(name: str, setup: Setup) -> None:
    write(folder_of(setup), musicgen_files(100))
    assert find_weights(name, setup) is None


def test_digests_are_computed_once_and_again_when_a_file_changed(setup: Setup) -> None:
    folder = write(folder_of(setup), musicgen_files(100))
    digests = digest_weights(folder)
    data = (folder / "model.safetensors").read_bytes()
    assert digests["model.safetensors"] == hashlib.sha256(data).hexdigest()
    assert "README.md" not in digests
    record = read_record(folder)
    record.files["config.json"].seen_sha256 = "remembered"
    write_record(folder, record)
    assert digest_weights(folder)["config.json"] == "remembered"
    (folder / "config.json").write_bytes(b'{"changed": 1}')
    assert digest_weights(folder)["config.json"] == hashlib.sha256(b'{"changed": 1}').hexdigest()


def test_the_cache_names_blobs_by_their_digest(cache: Path) -> None:
    folder = in_cache(cache, "a" * 40, musicgen_files(100))
    digests = digest_weights(folder)
    assert digests["config.json"] == (folder / "config.json").readlink().name
    # Nothing had to be read, so nothing is remembered.
    assert not record_path(folder).exists()


def test_a_folder_that_cannot_be_written_still_has_digests(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(folder_of(setup), {"config.json": b"{}"})
    # Not even root can write below a file.
    monkeypatch.setattr(
        "beatflow.ai.weights.record.record_path", lambda folder: folder / "config.json" / "no"
    )
    assert digest_weights(folder) == {"config.json": hashlib.sha256(b"{}").hexdigest()}
