"""Weights that are whole, and weights that are not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open

from beatflow.ai.demucs.checkpoint import check_digests, load_bag
from beatflow.ai.weights.record import FileRecord, read_record, write_record
from beatflow.ai.weights.shelf import digest_weights
from beatflow.errors import EngineError

from .checkpoints import FOUR, SIGNATURES, SOURCES, write_model

FILE = f"{SIGNATURES['htdemucs'][0]}.safetensors"


@pytest.mark.parametrize("name", SOURCES)
def test_all_three_models_load(name: str, models: Path) -> None:
    bag = load_bag(models / name, name, SOURCES[name])
    assert len(bag.models) == len(bag.weights) == len(SIGNATURES[name])
    assert (bag.sources, bag.sample_rate, bag.segment) == (SOURCES[name], 44100, 13230)
    assert set(bag.digests) >= {f"{signature}.safetensors" for signature in SIGNATURES[name]}
    assert all(len(digest) == 64 for digest in bag.digests.values())


def truncate(folder: Path) -> None:
    data = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(data[: len(data) // 2])


def cut_header(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:100])


def take_six(folder: Path) -> None:
    write_model(folder / FILE, SOURCES["htdemucs_6s"])


def name_another_class(folder: Path) -> None:
    write_model(folder / FILE, klass="subprocess.Popen")


def drop_a_matrix(folder: Path) -> None:
    from safetensors.torch import save_file

    with safe_open(folder / FILE, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in list(file.keys())[1:]}
        metadata = file.metadata()
    save_file(state, folder / FILE, metadata)


def take_no_metadata(folder: Path) -> None:
    from safetensors.torch import save_file

    with safe_open(folder / FILE, framework="pt") as file:
        save_file({name: file.get_tensor(name) for name in file.keys()}, folder / "new")  # noqa: SIM118 - no mapping
    (folder / "new").replace(folder / FILE)


def break_arguments(folder: Path) -> None:
    from safetensors.torch import save_file

    with safe_open(folder / FILE, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        metadata = {**file.metadata(), "kwargs": json.dumps({"sources": list(FOUR), "channels": 48})}
    save_file(state, folder / FILE, metadata)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "is truncated or damaged"),
        (cut_header, "is truncated or damaged"),
        (take_six, "are of another model than htdemucs: they separate drums, bass, other, vocals, guitar"),
        (name_another_class, "holds no HTDemucs but subprocess.Popen"),
        (drop_a_matrix, "cannot be loaded"),
        (take_no_metadata, "holds no HTDemucs but something else"),
        (break_arguments, "cannot be loaded"),
        (lambda folder: (folder / FILE).unlink(), f"are not complete: {FILE}"),
        (lambda folder: (folder / "htdemucs.yaml").unlink(), "are not complete: htdemucs.yaml"),
        (lambda folder: (folder / "htdemucs.yaml").write_text("models: 3\n"), "does not list its models"),
        (lambda folder: (folder / "htdemucs.yaml").write_text("{[\n"), "does not list its models"),
        (
            lambda folder: (folder / "htdemucs.yaml").write_text(
                f"models: [{FILE[:-12]}]\nweights: [[1, 1]]\n"
            ),
            "list other models than they have",
        ),
    ],
)
def test_damage_is_named_with_a_way_out(
    damage: Callable[[Path], object], said: str, models: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(models / "htdemucs", tmp_path / "htdemucs")
    damage(folder)
    with pytest.raises(EngineError, match=said) as caught:
        load_bag(folder, "htdemucs", FOUR)
    assert caught.value.hint == "bf models pull --repair htdemucs"


def test_a_file_that_is_not_what_was_pulled_is_refused(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "htdemucs", tmp_path / "htdemucs")
    record = read_record(folder)
    record.files[FILE] = FileRecord(sha256="0" * 64)
    write_record(folder, record)
    with pytest.raises(EngineError, match=f"{FILE} of htdemucs is not what was pulled"):
        check_digests(folder, "htdemucs", digest_weights(folder))
