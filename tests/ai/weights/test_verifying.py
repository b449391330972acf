"""Verifying and removing weights that lie in a folder or in the hub's cache."""

import zipfile
from pathlib import Path

import pytest
from huggingface_hub import constants

from beatflow.ai.engine import Setup
from beatflow.ai.weights.record import FileRecord, Record, write_record
from beatflow.ai.weights.removing import plan_removal, remove
from beatflow.ai.weights.verifying import find_flaw, verify_weights
from beatflow.errors import EngineError
from tests.ai.weights.world import musicgen_files, safetensors, write

NAME = "musicgen-small"


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return Setup(models=tmp_path / "models")


def states(name: str, setup: Setup) -> dict[str, str]:
    return {file.name: file.state for file in verify_weights(name, setup).files}


def flip(path: Path, at: int, keep_time: bool = False) -> None:
    import os

    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_ones_own_are_remembered_and_compared_from_then_on(setup: Setup) -> None:
    assert setup.models
    folder = write(setup.models / "mine", {"config.json": b"{}", "model.safetensors": safetensors(5000)})
    assert states("mine", setup) == {"config.json": "new", "model.safetensors": "new"}
    assert set(states("mine", setup).values()) == {"ok"}
    # Bytes that change while size and time do not were changed by nobody.
    flip(folder / "model.safetensors", 3000, keep_time=True)
    assert states("mine", setup)["model.safetensors"] == "altered"
    # A file that was written anew is another one.
    flip(folder / "model.safetensors", 3000)
    flip(folder / "model.safetensors", 3001)
    assert states("mine", setup)["model.safetensors"] == "new"


def test_truncated_and_missing(setup: Setup) -> None:
    assert setup.models
    files = musicgen_files(5000)
    folder = write(setup.models / NAME, files)
    write_record(
        folder,
        Record(
            "r",
            "v",
            {name: FileRecord(size=len(data)) for name, data in files.items() if name != "README.md"},
        ),
    )
    (folder / "model.safetensors").write_bytes(files["model.safetensors"][:-100])
    (folder / "config.json").unlink()
    found = verify_weights(NAME, setup)
    by_name = {file.name: file for file in found.files}
    assert by_name["model.safetensors"].state == "truncated"
    assert (
        by_name["model.safetensors"].words
        == f"{len(files['model.safetensors']) - 100} of {len(files['model.safetensors'])} bytes"
    )
    assert by_name["config.json"].state == "missing"
    assert not found.good


def test_nothing_to_verify(setup: Setup) -> None:
    with pytest.raises(EngineError) as caught:
        verify_weights(NAME, setup)
    assert caught.value.hint == f"bf models pull {NAME}"
    with pytest.raises(EngineError, match="no model"):
        verify_weights("nothing", setup)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (safetensors(100), None),
        (safetensors(100)[:-1], "truncated"),
        (safetensors(100) + b"x", "altered"),
        (safetensors(100)[:20], "truncated"),
        (b"\x04\0\0\0\0\0\0\0ABCD", "altered"),
        (b"", "truncated"),
        (b"\x02\0\0\0\0\0\0\0[]", "altered"),
    ],
)
def test_structure_of_safetensors(data: bytes, state: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    flaw = find_flaw(path)
    assert (flaw[0] if flaw else None) == state


def test_structure_of_torchs_archives(tmp_path: Path) -> None:
    path = tmp_path / "state_dict.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/0", b"weights" * 1000)
    assert find_flaw(path) is None
    whole = path.read_bytes()
    flip(path, 2000)
    assert find_flaw(path) == ("altered", "data/0 in it does not match its checksum")
    path.write_bytes(whole[:-50])
    flaw = find_flaw(path)
    assert flaw is not None
    assert flaw[0] == "truncated"
    path.write_bytes(b"\x80\x02a pickle of old")
    assert find_flaw(path) is None


def test_structure_of_json(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"half": ')
    flaw = find_flaw(path)
    assert flaw is not None
    assert flaw[0] == "altered"


def test_removing_takes_only_what_belongs_to_the_model(setup: Setup) -> None:
    assert setup.models
    folder = write(setup.models / NAME, musicgen_files(5000))
    write(folder / ".incomplete", {"abc.incomplete": b"half"})
    write_record(folder, Record())
    plan = plan_removal(NAME, setup)
    assert plan.kept == ("README.md",)
    assert plan.freed_bytes > 5000
    remove(plan)
    assert [path.name for path in folder.iterdir()] == ["README.md"]


def test_removing_takes_the_folder_when_it_is_empty(setup: Setup) -> None:
    assert setup.models
    files = musicgen_files(50)
    files.pop("README.md")
    folder = write(setup.models / NAME, files)
    remove(plan_removal(NAME, setup))
    assert not folder.exists()
    with pytest.raises(EngineError, match="not here"):
        plan_removal(NAME, setup)


def test_ones_own_are_never_removed(setup: Setup) -> None:
    assert setup.models
    folder = write(setup.models / "mine", {"config.json": b"{}", "model.safetensors": safetensors(50)})
    with pytest.raises(EngineError, match="your own"):
        plan_removal("mine", setup)
    with pytest.raises(EngineError, match="no model"):
        plan_removal("..", setup)
    assert folder.exists()


def test_removing_from_the_cache_frees_blobs_and_what_was_interrupted(setup: Setup, tmp_path: Path) -> None:
    repository = tmp_path / "cache" / "models--facebook--musicgen-small"
    write(repository / "blobs", {"a" * 64: b"x" * 3000, "b" * 64 + ".incomplete": b"y" * 500})
    (repository / "snapshots" / "r").mkdir(parents=True)
    (repository / "snapshots" / "r" / "model.safetensors").symlink_to(Path("..", "..", "blobs", "a" * 64))
    other = write(tmp_path / "cache" / "models--other--one" / "blobs", {"c": b"z"})
    plan = plan_removal(NAME, setup)
    assert plan.freed_bytes == 3500
    remove(plan)
    assert not repository.exists()
    assert other.exists()
