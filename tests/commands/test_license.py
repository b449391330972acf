"""``bf license`` as a person meets it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Bf
from tests.lineage.band import set_record
from tests.world import tone, wav_bytes, write_tone

NC = {
    "kind": "generate",
    "engine": "musicgen-small",
    "licence": "CC-BY-NC-4.0",
    "prompt": "warm",
    "inputs": [],
}
FREE = {"kind": "generate", "engine": "synth", "licence": "Apache-2.0", "prompt": "warm", "inputs": []}
SCORE = """[mix]
file = "mix.wav"
[stems.melody]
file = "stems/melody.wav"
[stems.vocals]
file = "stems/vocals.wav"
"""


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A mix without a record, of a melody that is not for sale and a recording."""
    bf.ok("init")
    (bf.directory / "track.toml").write_text(SCORE)
    for number, name in enumerate(("mix.wav", "stems/melody.wav", "stems/vocals.wav")):
        write_tone(bf.directory / name, 0.2, 200 + 100 * number)
    set_record(bf, "stems/melody.wav", **NC)
    return bf


def test_made_here_may_be_sold(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi", "--bars", "1", "--seed", "1", "--engine", "synth")
    result = bf.ok("license")
    assert result.stdout.startswith("mix.wav             ")
    assert "├─ stems/bass.wav" in result.stdout
    assert result.stdout.endswith("sounds may be sold, as far as the records tell\n")
    assert bf.ok("license", "mix.wav", "--json").json["verdict"] == "free"


def test_tells_what_is_in_the_way(track: Bf) -> None:
    result = track("license")
    assert result.code == 1
    assert result.stdout == (
        "mix.wav              track.toml names its stems     not for sale\n"
        "├─ stems/melody.wav  musicgen-small · CC-BY-NC-4.0  not for sale\n"
        "└─ stems/vocals.wav  no record                      not known\n"
        "\n"
        "in the way\n"
        "  stems/melody.wav was made with musicgen-small (CC-BY-NC-4.0: not for sale)\n"
        "    bf generate warm --stem melody --engine synth\n"
        "\n"
        "to be cleared up\n"
        "  stems/vocals.wav: yours, or unknown: BeatFlow cannot know\n"
        "    bf license --set own stems/vocals.wav\n"
        "\n"
        "2 of 3 sounds are not for sale\n"
    )


def test_clears_up(track: Bf) -> None:
    assert "declared own: stems/vocals.wav" in track.ok("license", "--set", "own", "stems/vocals.wav").stderr
    assert '[licences]\n"stems/vocals.wav" = "own"\n' in (track.directory / "track.toml").read_text()
    assert "declared own" in track.ok("license", "stems/vocals.wav").stdout
    # Nobody can declare away what an engine's weights do not allow.
    track.ok("license", "--set", "own", ".")
    assert track("license", "stems/melody.wav").code == 1
    write_tone(track.directory / "stems/melody.wav", 0.2, 900)
    set_record(track, "stems/melody.wav", **FREE)
    assert track.ok("license").stdout.endswith("all 3 sounds may be sold, as far as the records tell\n")
    track.ok("undo")
    assert track("license", "--json").json["verdict"] == "free"
    track.ok("undo")
    assert track("license", "--json").json["verdict"] == "unknown"


def test_takes_a_declaration_back(track: Bf) -> None:
    before = (track.directory / "track.toml").read_text()
    track.ok("license", "--set", "CC-BY-4.0", "stems")
    assert "stems/vocals.wav: name who made it (CC-BY-4.0)" in track.ok("license", "stems/vocals.wav").stdout
    track.ok("license", "--unset", "stems")
    assert (track.directory / "track.toml").read_text().strip() == before.strip()
    assert "nothing is declared of stems" in track.fails(3, "license", "--unset", "stems")


def test_declarations_travel_with_the_commit(track: Bf) -> None:
    track.ok("commit", "-m", "one")
    track.ok("license", "--set", "own", "stems/vocals.wav")
    track.ok("commit", "-m", "two")
    assert track("license", "HEAD~1:stems/vocals.wav", "--json").json["verdict"] == "unknown"
    assert track.ok("license", "HEAD:stems/vocals.wav", "--json").json["verdict"] == "free"
    document = track("license", "HEAD~1", "--json").json
    assert (document["verdict"], len(document["sounds"])) == ("barred", 3)
    (barred,) = [source for source in document["sources"] if source["verdict"] == "barred"]
    assert (barred["engine"], barred["licence"], barred["name"]) == (
        "musicgen-small",
        "CC-BY-NC-4.0",
        "stems/melody.wav",
    )
    both = track("license", "HEAD~1", "mix.wav", "--json").json
    assert len(both["states"]) == 2


def test_dry_run_changes_nothing(track: Bf) -> None:
    track.ok("license", "--set", "own", "stems/vocals.wav", "-n")
    assert (track.directory / "track.toml").read_text() == SCORE


@pytest.mark.parametrize(
    ("code", "argv", "said"),
    [
        (2, ("--set", "free for all", "mix.wav"), "'free for all' is no licence"),
        (2, ("--set", "own"), "which sounds?"),
        (3, ("--set", "own", "nix.wav"), "there is no sound at nix.wav"),
        (3, ("nix.wav",), "'nix.wav' is neither a sound here nor a revision"),
        (3, ("melody",), "did you mean stems/melody.wav?"),
        (3, ("track.toml",), "track.toml is no sound"),
        (3, ("HEAD",), "'HEAD' is neither a sound here nor a revision"),
    ],
)
def test_refuses(track: Bf, code: int, argv: tuple[str, ...], said: str) -> None:
    assert said in track.fails(code, "license", *argv)


def test_refuses_what_a_commit_does_not_have(track: Bf) -> None:
    track.ok("commit", "-m", "one")
    assert "did you mean stems/vocals.wav" in track.fails(3, "license", "HEAD:stems/vocal.wav")
    (track.directory / "track.toml").write_text("[[[")
    assert "track.toml cannot be read" in track.fails(2, "license", "--set", "own", "mix.wav")
    assert track("license", "mix.wav").code == 1


def test_a_split_inherits_what_its_mix_was(track: Bf) -> None:
    track.ok("split", "stems/melody.wav", "-o", "parts", "--engine", "dsp")
    document = track("license", "parts", "--json").json
    assert {one["verdict"] for one in document["sounds"]} == {"barred"}
    assert len(document["sounds"]) == 4
    tree = track("license", "parts/drums.wav").stdout
    assert "parts/drums.wav      split by dsp · Apache-2.0      not for sale\n" in tree
    assert "└─ stems/melody.wav  musicgen-small · CC-BY-NC-4.0  not for sale\n" in tree


def test_a_hum_through_a_pipe_is_declared_by_its_name(bf: Bf) -> None:
    bf.ok("init")
    melody = np.concatenate([tone(0.6, hz) for hz in (220.0, 261.6, 329.6)])
    bf.ok("hum", "-", "lofi", "--seed", "1", "--bars", "1", "--engine", "synth", stdin=wav_bytes(melody))
    result = bf("license", "mix.wav")
    assert result.code == 1
    assert "    bf license --set own 'standard input'\n" in result.stdout
    bf.ok("license", "--set", "own", "standard input")
    bf.ok("license")


def edit(track: Bf, path: str, gain: float, new: np.ndarray | None = None) -> None:
    """Change a stem somewhere else, so that no record is written."""
    samples = np.rint(tone(1.0, 300, 0.3) * gain).astype(np.int16)
    if new is not None:
        samples = samples + new
    (track.directory / path).write_bytes(wav_bytes(samples))


@pytest.fixture
def melody(bf: Bf) -> Bf:
    """A melody with a record, committed."""
    bf.ok("init")
    write_tone(bf.directory / "melody.wav", 1.0, 300)
    set_record(bf, "melody.wav", **NC)
    bf.ok("commit", "-m", "melody")
    return bf


def test_an_edit_is_still_what_it_was(melody: Bf) -> None:
    edit(melody, "melody.wav", 0.5)
    for _ in range(2):
        result = melody("license")
        assert "melody.wav               an earlier version, edited     not for sale\n" in result.stdout
        assert re.search(r"└─ melody.wav \(.{7}\)  musicgen-small", result.stdout)
        assert result.stdout.count("to be cleared up") == 0
        melody("commit", "-m", "softer")
    edit(melody, "melody.wav", 0.3)
    melody.ok("commit", "-m", "softer still")
    document = melody("license", "HEAD", "--json").json
    assert (document["verdict"], len(document["origins"])) == ("barred", 3)


def test_an_edit_of_what_is_free_is_free(melody: Bf) -> None:
    set_record(melody, "melody.wav", **FREE)
    edit(melody, "melody.wav", 0.5)
    assert melody.ok("license", "--json").json["verdict"] == "free"


def test_an_edit_that_brings_something_in_is_not_known(melody: Bf) -> None:
    set_record(melody, "melody.wav", **FREE)
    other = np.zeros((44100, 2), np.int16)
    other[22050:40000] = tone(1.0, 777, 0.3)[22050:40000]
    edit(melody, "melody.wav", 1.0, other)
    assert melody("license", "--json").json["verdict"] == "unknown"


def test_a_new_take_under_the_old_name_is_nothing_of_it(melody: Bf) -> None:
    noise = np.random.default_rng(5).integers(-9000, 9000, (44100, 2)).astype(np.int16)
    (melody.directory / "melody.wav").write_bytes(wav_bytes(noise))
    melody.ok("commit", "-m", "my own")
    document = melody("license", "--json").json
    assert (document["verdict"], len(document["origins"])) == ("unknown", 1)
    melody.ok("license", "--set", "own", "melody.wav")
    melody.ok("license")


def test_another_branch_knows_where_it_comes_from(track: Bf) -> None:
    track.ok("commit", "-m", "one")
    data = (track.directory / "stems/melody.wav").read_bytes()
    track.ok("switch", "-c", "side")
    (track.directory / "stems/melody.wav").unlink()
    track.ok("commit", "-m", "without")
    folder = track.directory / ".beatflow" / "state" / "provenance"
    for file in folder.glob("*.json"):
        file.unlink()
    (track.directory / "found.wav").write_bytes(data)
    assert track("license", "found.wav", "--json").json["verdict"] == "barred"


def test_names_cannot_steer_the_terminal(bf: Bf) -> None:
    bf.ok("init")
    name = "a\x1b[31m\nb.wav"
    write_tone(bf.directory / name, 0.2)
    set_record(bf, name, **{**NC, "engine": "e\x1b[2J", "prompt": "p\x1b]0;x\x07"})
    said = bf("license").stdout
    assert "\x1b" not in said
    assert "a\\x1b[31m\\nb.wav" in said


def test_without_sounds(bf: Bf) -> None:
    bf.ok("init")
    assert "there is no sound here" in bf.fails(3, "license")
    (bf.directory / "words.txt").write_text("la")
    bf.ok("commit", "-m", "words")
    assert "there is no sound in HEAD" in bf.fails(3, "license", "HEAD")


def test_outside_a_track(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    Bf(tmp_path / "x").fails(3, "license")


def test_a_large_binary_is_no_sound(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "song.als").write_bytes(b"\0project" * 50_000)
    write_tone(bf.directory / "take", 0.2)
    assert [one["path"] for one in bf("license", "--json").json["sounds"]] == ["take"]
    bf.ok("commit", "-m", "all")
    assert [one["path"] for one in bf("license", "--json").json["sounds"]] == ["take"]
    assert json.loads(bf("license", "HEAD", "--json").out_bytes)["sounds"][0]["path"] == "take"
