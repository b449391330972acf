"""What is wanted: by path, and how it is written down."""

from pathlib import Path

import pytest

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.git.value import FILE, Entry
from beatflow.sharing.partial.absent import AbsentFiles
from beatflow.sharing.partial.selection import FILE_NAME, Selection, read_selection, write_selection


@pytest.mark.parametrize(
    ("selection", "path", "wanted"),
    [
        (Selection(), "mix.wav", True),
        (Selection(since="0" * 40, pruned=True), "mix.wav", True),
        (Selection(audio=False), "mix.wav", False),
        (Selection(audio=False, paths=("mix.wav",)), "mix.wav", True),
        (Selection(audio=False, paths=("stems",)), "stems/bass.wav", True),
        (Selection(audio=False, paths=("stem",)), "stems/bass.wav", False),
        (Selection(audio=False, paths=("",)), "stems/bass.wav", True),
        (Selection(stems=("drums",)), "stems/Drums.wav", True),
        (Selection(stems=("drums",)), "drums/kick/room.wav", True),
        (Selection(stems=("drums",)), "stems/drumset.wav", False),
        (Selection(stems=("drums",)), "mix.wav", False),
    ],
)
def test_which_paths_are_wanted(selection: Selection, path: str, wanted: bool) -> None:
    assert selection.wants(path) is wanted


def test_what_is_written_is_read(tmp_path: Path) -> None:
    selection = Selection(False, ("drums",), "a" * 40, ("mix ü.wav",), True, True, "stick")
    write_selection(tmp_path, selection)
    assert read_selection(tmp_path) == selection


def test_a_whole_clone_has_nothing_written_down(tmp_path: Path) -> None:
    write_selection(tmp_path, Selection(audio=False))
    assert not read_selection(tmp_path).is_whole
    write_selection(tmp_path, Selection())
    assert list(tmp_path.iterdir()) == []
    assert read_selection(tmp_path).is_whole


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": "x"}', "[" * 5000])
def test_a_selection_that_cannot_be_read_is_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(DamagedError) as caught:
        read_selection(tmp_path)
    assert "rm " in (caught.value.hint or "")


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"version": 2}')
    with pytest.raises(BeatFlowError, match="later version"):
        read_selection(tmp_path)


def test_absent_files_are_kept(tmp_path: Path) -> None:
    odd = "stems/\udcffodd\n.wav"
    entry = Entry(FILE, "a" * 40)
    AbsentFiles(tmp_path / "absent").change({odd: entry, "mix.wav": entry}, [])
    found = AbsentFiles(tmp_path / "absent")
    assert found.entries == {odd: entry, "mix.wav": entry}
    found.change({}, [odd])
    assert AbsentFiles(tmp_path / "absent").entries == {"mix.wav": entry}
    found.change({}, ["mix.wav"])
    assert not (tmp_path / "absent").exists()


def test_a_change_starts_from_what_is_written_now(tmp_path: Path) -> None:
    entry = Entry(FILE, "a" * 40)
    early = AbsentFiles(tmp_path / "absent")
    assert early.entries == {}
    AbsentFiles(tmp_path / "absent").change({"mix.wav": entry}, [])
    early.change({"bass.wav": entry}, [])
    assert early.entries.keys() == {"mix.wav", "bass.wav"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"version": 2, "files": {}}',
        '{"version": 1, "files": {"a": [16384, "x"]}}',
        '{"version": 1, "files": {"a": [33188, "short"]}}',
        '{"version": 1, "files": []}',
    ],
)
def test_absent_files_that_cannot_be_read_are_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / "absent").write_text(text)
    with pytest.raises(DamagedError, match="cannot be read"):
        AbsentFiles(tmp_path / "absent").entries  # noqa: B018 - reading it is the test
