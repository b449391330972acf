"""Which tracks are known, in one small file."""

import os
import threading
from pathlib import Path

from beatflow.library.registry import NAME, forget_track, list_tracks, remember_track


def test_known_once_and_forgotten_and_known_again(tmp_path: Path) -> None:
    state, one, two = tmp_path / "state", tmp_path / "one", tmp_path / "two"
    assert list_tracks(state) == []
    for root in (one, two, one):
        remember_track(state, root)
    assert list_tracks(state) == [one, two]
    assert (state / NAME).read_bytes().count(b"\n") == 2
    assert forget_track(state, one)
    assert not forget_track(state, one)
    assert list_tracks(state) == [two]
    remember_track(state, one)
    assert list_tracks(state) == [two, one]


def test_odd_names(tmp_path: Path) -> None:
    names = ["-n", "a\nb", 'q"', "🎧 夜", "x" * 200, os.fsdecode(b"\xff\xfe")]
    for name in names:
        remember_track(tmp_path, tmp_path / name)
    assert [path.name for path in list_tracks(tmp_path)] == names


def test_a_name_within_another(tmp_path: Path) -> None:
    remember_track(tmp_path, tmp_path / "night drive")
    remember_track(tmp_path, tmp_path / "night")
    assert [path.name for path in list_tracks(tmp_path)] == ["night drive", "night"]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "track").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "track")
    remember_track(tmp_path, tmp_path / "link")
    remember_track(tmp_path, tmp_path / "track")
    assert list_tracks(tmp_path) == [tmp_path / "track"]


def test_broken_lines_cost_only_themselves(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'"/one"\n"/cut o\n\xff\n{}\n[]\n7\n"/two"\n')
    assert list_tracks(tmp_path) == [Path("/one"), Path("/two")]


def test_no_command_fails_over_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember_track(tmp_path / "file", tmp_path / "track")
    remember_track(None, tmp_path / "track")
    assert list_tracks(tmp_path / "file") == list_tracks(None) == []


def test_several_at_once(tmp_path: Path) -> None:
    def remember(part: int) -> None:
        for number in range(40):
            remember_track(tmp_path, tmp_path / f"{part}-{number}")

    threads = [threading.Thread(target=remember, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_tracks(tmp_path)) == 160
