"""What the shell offers for revisions and paths."""

from pathlib import Path

import pytest

from beatflow.revision.completion import complete_entry, complete_revision, complete_word
from tests.conftest import Bf


@pytest.fixture
def track(bf: Bf) -> Path:
    bf.ok("init")
    (bf.directory / "stems").mkdir()
    for name in ("notes.txt", "stems/bass.wav", "stems/drums.wav"):
        (bf.directory / name).write_text("x")
    bf.ok("commit", "-m", "first")
    bf.ok("tag", "night")
    bf.ok("branch", "take2")
    return bf.directory


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("", ["HEAD", "main", "take2", "night"]),
        ("ta", ["take2"]),
        ("main..t", ["main..take2"]),
        ("..n", ["..night"]),
        ("^m", ["^main"]),
        ("x", []),
    ],
)
def test_revisions(track: Path, text: str, offered: list[str]) -> None:
    assert complete_revision(track, text) == offered


def test_words_are_revisions_and_files(track: Path) -> None:
    assert complete_word(track, "n") == ["night", "notes.txt"]
    assert complete_word(track, "stems/b") == ["stems/bass.wav"]
    assert complete_word(track, "s") == ["stems/"]
    assert complete_word(track, "nowhere/") == []


def test_files_of_a_commit(track: Path) -> None:
    (track / "notes.txt").unlink()
    assert complete_entry(track, "night:n") == ["night:notes.txt"]
    assert complete_entry(track, "HEAD:stems/") == ["HEAD:stems/bass.wav", "HEAD:stems/drums.wav"]
    assert complete_entry(track, "n") == ["night:", "notes.txt"]
    assert complete_entry(track, "nothing:n") == []


def test_silent_outside_a_track(tmp_path: Path) -> None:
    assert (
        complete_revision(tmp_path, "m")
        == complete_entry(tmp_path, "m")
        == complete_word(tmp_path, "m")
        == []
    )


def test_through_the_shell(track: Path, bf: Bf) -> None:
    bf.environment = {"_BF_COMPLETE": "complete_bash", "COMP_WORDS": "bf show ta", "COMP_CWORD": "2"}
    assert bf().stdout.split() == ["take2"]
