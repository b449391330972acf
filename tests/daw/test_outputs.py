"""Files that appear all at once, or not at all."""

import os
from pathlib import Path

import pytest

from beatflow.daw.outputs import Outputs
from beatflow.errors import ConflictError, UsageError
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "song", lambda: Signature("Ada", "ada@example.com", 0))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_files_appear_with_publish_only(repository: Repository, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Outputs(repository) as outputs:
        outputs.new_file(out / "deep" / "a.wav").write_bytes(b"a")
        outputs.new_file(out / "b.rpp").write_bytes(b"b")
        assert not out.exists()
        outputs.publish()
    assert names(out) == ["b.rpp", "deep", "deep/a.wav"]
    assert names(tmp_path)[0] == "out"  # no scratch folder is left


def test_nothing_is_left_of_what_failed(repository: Repository, tmp_path: Path) -> None:
    def fail(outputs: Outputs) -> None:
        outputs.new_file(tmp_path / "out" / "a.wav").write_bytes(b"a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Outputs(repository) as outputs:
        fail(outputs)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".beatflow-*"))


def test_a_failure_while_publishing_puts_everything_back(repository: Repository, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_bytes(b"old")
    with Outputs(repository, force=True) as outputs:
        outputs.new_file(out / "a").write_bytes(b"new")
        outputs.new_file(out / "new folder" / "b").write_bytes(b"new")
        last = outputs.new_file(out / "c")
        last.write_bytes(b"new")
        # What another program might do: the last file goes away after it was flushed.
        target = out / "c"
        target.mkdir()
        with pytest.raises(ConflictError):
            outputs.publish()
        target.rmdir()
        real = Path.replace

        def refuse(self: Path, other: Path) -> Path:
            if self == last:
                raise PermissionError("no")
            return real(self, other)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "replace", refuse)
            with pytest.raises(PermissionError):
                outputs.publish()
    assert names(out) == ["a"]
    assert (out / "a").read_bytes() == b"old"


def test_what_is_there_is_refused_without_force(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with Outputs(repository) as outputs:
        with pytest.raises(ConflictError, match="there already") as caught:
            outputs.new_file(tmp_path / "a")
        assert caught.value.hint == "--force overwrites it"
        with pytest.raises(ConflictError, match="is a folder"):
            outputs.new_file(tmp_path / "song")
        with pytest.raises(ConflictError, match="is no folder"):
            outputs.new_file(tmp_path / "a" / "b")
    with Outputs(repository, force=True) as outputs:
        outputs.new_file(tmp_path / "a").write_bytes(b"new")
        outputs.publish()
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_device_is_never_replaced(repository: Repository, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with Outputs(repository, force=True) as outputs:
        for name in ("pipe", "link"):
            with pytest.raises(ConflictError, match="is no ordinary file"):
                outputs.new_file(tmp_path / name)


def test_two_files_at_one_place_are_refused(repository: Repository, tmp_path: Path) -> None:
    with Outputs(repository, force=True) as outputs:
        outputs.new_file(tmp_path / "a").write_bytes(b"one")
        with pytest.raises(UsageError, match="written twice"):
            outputs.new_file(tmp_path / "a")


def test_the_repository_itself_is_no_place(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.root)
    with Outputs(repository) as outputs:
        for place in (repository.root / ".beatflow" / "x", tmp_path / "link" / ".GIT" / "x"):
            with pytest.raises(UsageError, match="belongs to BeatFlow or git"):
                outputs.new_file(place)


def test_inside_the_track_unfinished_files_are_out_of_sight(repository: Repository) -> None:
    with Outputs(repository) as outputs:
        path = outputs.new_file(repository.root / "out" / "a.wav")
        assert path.is_relative_to(repository.scratch)
        path.write_bytes(b"a")
        outputs.new_file(repository.root / "out" / "b.wav").write_bytes(b"b")
        outputs.drop(repository.root / "out" / "b.wav")
        outputs.publish()
    assert names(repository.root / "out") == ["a.wav"]
