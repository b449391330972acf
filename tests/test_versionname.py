"""What names say of versions."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.importing.versionname import fold, parse_name


@pytest.mark.parametrize(
    ("name", "base", "told"),
    [
        ("song_v1", "song", "version 1"),
        ("song_v2 final", "song", 'version 2, "final"'),
        ("song_FINAL_final2", "song", '"final final" 2'),
        ("songFinal2", "song", '"final" 2'),
        ("Song V2b", "Song", "version 2.2"),
        ("songv2", "song", "version 2"),
        ("song v1000", "song", "version 1000"),
        ("drums take3", "drums", "version 3"),
        ("NightDrive_v1.2", "NightDrive", "version 1.2"),
        ("song mix final 2", "song", '"final" 2'),
        ("song_v3_mixdown_final", "song", 'version 3, "final"'),
        ("song_really_final_v2", "song", '"last" 2'),
        ("vocals dry v2 backup", "vocals dry", 'version 2, "old"'),
        ("song (1)", "song", "version 1"),
        ("song [v2]", "song", "version 2"),
        ("song (feat. X) v2", "song (feat. X)", "version 2"),
        ("song_master_24bit_v2", "song_24bit", '"master" 2'),
        ("song_2024-05-01", "song", "dated 2024-05-01"),
        ("song 20240501_143000", "song", "dated 2024-05-01 14:30"),
        ("song 240501 v3", "song", "version 3, dated 2024-05-01"),
        ("song 05.13.2024", "song", "dated 2024-05-13"),
        ("song 01.05.2024", "song", "dated 2024-05-01"),
        ("v1", "", "version 1"),
        ("2024-05-01", "", "dated 2024-05-01"),
        ("mix 3", "", '"mix" 3'),
        ("guitar 2", "guitar", "number 2"),
        ("🔥beat🔥 v2", "🔥beat🔥", "version 2"),
        ("-dash v1", "dash", "version 1"),
    ],
)
def test_takes_the_version_out(name: str, base: str, told: str) -> None:
    found = parse_name(name)
    assert (found.base, found.tell()) == (base, told)


@pytest.mark.parametrize(
    "name",
    ["Last Christmas", "mixed up", "01 intro", "dev2", "song 120bpm", "24bit", "Time to be real", "song (radio edit)",
     "song 2024-13-45x", "stems", "808"],
)  # fmt: skip
def test_leaves_titles_alone(name: str) -> None:
    found = parse_name(name)
    assert found.says_nothing
    assert found.base == name


def test_only_a_bare_number_is_weak() -> None:
    assert parse_name("guitar 2").weak
    assert not parse_name("guitar v2").weak
    assert not parse_name("guitar (2)").weak


def test_names_sort_as_versions_do() -> None:
    names = [
        "song backup", "song demo", "song", "song v1 old", "song v1", "song v1b", "song v2", "song v2 final",
        "song v10", "song edit", "song mix", "song mix 2", "song final", "song final 2", "song final final",
        "song master",
    ]  # fmt: skip
    assert sorted(names, key=lambda name: parse_name(name).key) == names


def test_times_in_names() -> None:
    assert parse_name("2024-05-01T14-30-05").moment == datetime(2024, 5, 1, 14, 30, 5)
    assert parse_name("20240501").moment == datetime(2024, 5, 1)
    assert parse_name("song 999999").moment is None


def test_fold_forgets_case_and_separators() -> None:
    assert fold("Night_Drive") == fold("night - drive".replace(" - ", "-")) == fold("NIGHT drive")


@given(st.text(max_size=40))
def test_any_name_is_read(name: str) -> None:
    parse_name(name).tell()


@pytest.mark.parametrize("name", ["song 🎧", "🔥 song", "Song ❤️", "SONG👍🏽"])
def test_emoji_do_not_make_another_song(name: str) -> None:
    assert fold(name) == "song"


@pytest.mark.parametrize("name", ["🎧", "❤️"])
def test_emoji_alone_are_a_name(name: str) -> None:
    assert fold(name) == name


def test_accents_are_letters() -> None:
    assert fold("Se\u0301same") != fold("Sesame")
