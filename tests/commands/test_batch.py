"""``bf generate --batch`` as a person meets it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Bf


@pytest.fixture
def prompts(bf: Bf) -> Path:
    """A list with two pieces and a line that makes no sense."""
    path = bf.directory / "my prompts.txt"
    path.write_text(
        'lofi\n{"prompt": "techno", "tempo": 1280}\n{"prompt": "house", "name": "club 夜"}\n', "utf-8"
    )
    return path


def test_each_line_becomes_a_folder_and_the_same_command_goes_on(bf: Bf, prompts: Path) -> None:
    done = bf("generate", "--batch", prompts.name, "--bars", 1)
    assert done.code == 1
    assert done.stdout.splitlines() == ["my prompts/lofi-0/mix.wav", "my prompts/club 夜/mix.wav"]
    assert "line 2" in done.stderr
    assert "2 pieces made, 1 failed" in done.stderr
    made = bf.directory / "my prompts"
    before = (made / "lofi-0" / "mix.wav").read_bytes()
    assert before == _read_plain(bf)
    (made / "lofi-0" / "stems" / "drums.wav").unlink()
    again = bf("generate", "--batch", prompts.name, "--bars", 1, "--json").json
    assert [take["line"] for take in again["takes"]] == [1]
    assert [wish["name"] for wish in again["done"]] == ["club 夜"]
    assert [failure["line"] for failure in again["failed"]] == [2]
    assert (made / "lofi-0" / "mix.wav").read_bytes() == before
    assert not list(made.rglob("*beatflow-*"))


def _read_plain(bf: Bf) -> bytes:
    """The same piece made by itself."""
    bf.ok("generate", "lofi", "--seed", 0, "--bars", 1, "-o", "alone.wav")
    return (bf.directory / "alone.wav").read_bytes()


def test_another_wish_is_another_piece_and_files_of_somebody_else_stay(bf: Bf) -> None:
    bf.ok("generate", "--batch", "-", "--bars", 1, "-o", "out", stdin=b"lofi\n")
    mix = bf.directory / "out" / "lofi-0" / "mix.wav"
    mix.write_bytes(b"mine")
    said = bf("generate", "--batch", "-", "--bars", 1, "-o", "out", stdin=b"lofi\n")
    assert said.code == 1
    assert "--force" in said.stderr
    assert mix.read_bytes() == b"mine"
    bf.ok("generate", "--batch", "-", "--bars", 1, "-o", "out", "--force", stdin=b"lofi\n")
    assert mix.read_bytes() != b"mine"
    changed = bf.ok(
        "generate", "--batch", "-", "--bars", 2, "-o", "out", "-n", "--json", stdin=b"lofi\n"
    ).json
    assert [wish["name"] for wish in changed["planned"]] == ["lofi-0"]


def test_in_a_track_each_piece_is_one_operation_with_its_provenance(bf: Bf) -> None:
    bf.ok("init")
    bf.ok(
        "generate", "--batch", "-", "--bars", 1, "--jobs", 2, "--commit", "-o", "pack", stdin=b"lofi\nhouse\n"
    )
    log = bf.ok("log", "--format", "{message}").stdout.splitlines()
    assert sorted(log) == ["generate house", "generate lofi"]
    assert "lofi" in bf.ok("show", "HEAD:pack/lofi-0/mix.wav").stdout
    shutil.rmtree(bf.directory / "pack" / "lofi-0")
    assert (
        len(
            bf.ok(
                "generate", "--batch", "-", "--bars", 1, "-o", "pack", "--json", stdin=b"lofi\nhouse\n"
            ).json["done"]
        )
        == 1
    )
    bf.ok("undo")
    assert not (bf.directory / "pack" / "lofi-0").exists()


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        (["--batch", "-"], b"# nothing\n", "there is nothing in -"),
        (["--batch", "-"], b"\xff\xfe\x00", "no text in UTF-8"),
        (["--batch", "-", "--stem", "drums"], b"lofi", "takes no"),
        (["--batch", "-", "lofi"], b"lofi", "a prompt or a list"),
        ([], b"", "a prompt or a list"),
    ],
)
def test_lists_that_cannot_be(bf: Bf, arguments: list[str], text: bytes, said: str) -> None:
    assert said in bf.fails(2, "generate", *arguments, stdin=text)


def test_no_such_list(bf: Bf) -> None:
    assert "nowhere.txt" in bf("generate", "--batch", "nowhere.txt").stderr


def test_the_library_hears_of_each_piece(bf: Bf) -> None:
    bf.ok("init")
    bf("generate", "--batch", "-", "--bars", 1, stdin=b'lofi\n{"prompt": "x", "tempo": 1}\n')
    events = [
        json.loads(line)
        for line in (bf.directory / ".beatflow" / "state" / "library.jsonl").read_text().splitlines()
    ]
    assert [(event["kind"], event["prompt"]) for event in events] == [("generation", "lofi")]
