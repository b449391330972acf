"""File names for every disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.daw.safename import MAX_NAME, Names, make_safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("drums.wav", "drums.wav"),
        ("夜のドライブ é.flac", "夜のドライブ é.flac"),
        ('bass: "deep"?.flac', "bass_ _deep__.flac"),
        ("CON.wav", "_CON.wav"),
        ("lpt1", "_lpt1"),
        ("mix.wav. ", "mix.wav"),
        ("a\x00b\nc", "a_b_c"),
        ("...", "_"),
        ("odd\udcff.wav", "odd_.wav"),
        ("e\u0301.wav", "\u00e9.wav"),
    ],
)
def test_names(name: str, safe: str) -> None:
    assert make_safe(name) == safe


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_any_disk_holds(name: str) -> None:
    safe = make_safe(name)
    assert safe
    assert len(safe.encode()) <= MAX_NAME
    assert not set(safe) & set('<>:"/\\|?*\0')
    assert safe[-1] not in " ."
    assert make_safe(safe) == safe


@given(st.lists(st.text(max_size=20), max_size=12))
def test_no_two_files_are_one_on_a_blind_disk(paths: list[str]) -> None:
    names = Names()
    taken = [names.take(path) for path in paths]
    assert len({name.casefold() for name in taken}) == len(paths)
    assert not any(part in ("", ".", "..") for name in taken for part in name.split("/"))


def test_case_and_accents_are_told_apart_by_a_number() -> None:
    names = Names()
    assert names.take("stems/Vox.wav") == "stems/Vox.wav"
    assert names.take("stems/vox.wav") == "stems/vox (2).wav"
    assert names.take("stems/VOX.WAV") == "stems/VOX (3).WAV"
    assert names.changed == {"stems/vox.wav": "stems/vox (2).wav", "stems/VOX.WAV": "stems/VOX (3).WAV"}


def test_nothing_leads_out() -> None:
    assert Names().take("../../etc/passwd") == "etc/passwd"
    assert Names().take("/a//b") == "a/b"
