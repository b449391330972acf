import pytest

from beatflow.errors import ConflictError
from beatflow.filename import check_path, fold_name, is_private, is_writable_name


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT", ".git ", ".git.. ", ".beatflow", ".BeatFlow.", ".provenance", ".git::$INDEX_ALLOCATION",
     ".beatflow:x", "git~1", "GIT~2", "BEATFL~1", "proven~1", ".g\u200cit", "\ufeff.beatflow", ".git\\config",
     "a\\.git"],
)  # fmt: skip
def test_private_names(name: str) -> None:
    assert is_private(name)
    with pytest.raises(ConflictError, match=r"cannot be written"):
        check_path(f"stems/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "git",
        ".gitignore",
        ".gitattributes",
        ".bfignore",
        "beatflow",
        "gitar~1.wav",
        "a:b",
        "digit~1",
        "\u00fc",
        "~",
    ],
)
def test_names_of_the_musician(name: str) -> None:
    assert not is_private(name)
    check_path(f"stems/{name}")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "a//b", "a/", "../x", "a/../b", "./a", "a\0b", "a/."])
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(ConflictError):
        check_path(path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mix.wav", "mix.WAV"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a. "),
        ("a\u200db", "ab"),
    ],
)
def test_names_that_are_one_on_some_disk(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


def test_names_that_are_two_everywhere() -> None:
    assert len({fold_name(name) for name in ("a", "b", "\u00e4", "a1", "a 1")}) == 5


@pytest.mark.parametrize(
    "name", ["con", "NUL.wav", "com1", "a:b", "a*", "a\\b", "take.", "take ", "a\tb", "lpt\u00b9.txt"]
)
def test_names_that_windows_cannot_write(name: str) -> None:
    assert is_writable_name(name, windows=False)
    assert not is_writable_name(name, windows=True)


def test_names_that_windows_can_write() -> None:
    assert all(
        is_writable_name(name, windows=True) for name in ("console.wav", "a b.wav", "\u00fc.wav", "com10")
    )
