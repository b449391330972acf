"""``bf library``: what a person sees of all tracks, and a script reads."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.loudspeaker import HAS_PORTAUDIO, Loudspeaker
from tests.world import write_tone


@pytest.fixture
def studio(bf: Bf, tmp_path: Path) -> Bf:
    """Two tracks with two versions and one, known to a library of their own."""
    bf.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", 0.2, 220)
    bf.ok("commit", "-m", "first take")
    write_tone(bf.directory / "mix.wav", 0.2, 330)
    bf.ok("commit", "-m", "louder, rainy")
    other = tmp_path / "other 🎧"
    bf.ok("init", other)
    write_tone(other / "sub" / "loop.wav", 0.2, 440)
    bf.ok("-C", other, "commit", "-m", "a loop")
    return bf


def messages(bf: Bf, *words: object) -> list[str]:
    return [sound["message"] for sound in bf.ok("library", *words, "--json").json["sounds"]]


def test_tracks_are_known_from_their_first_change_on(studio: Bf, tmp_path: Path) -> None:
    tracks = studio.ok("library", "tracks", "--json").json["tracks"]
    assert [(Path(track["path"]).name, track["commits"], track["here"]) for track in tracks] == [
        ("other 🎧", 1, True), ("track", 2, True)
    ]  # fmt: skip
    studio.ok("clone", studio.directory, tmp_path / "clone")
    studio.ok("fork", studio.directory, tmp_path / "fork")
    shutil.copytree(tmp_path / "other 🎧" / "sub", tmp_path / "bounces")
    studio.ok("import", tmp_path / "bounces", "--to", tmp_path / "imported")
    known = studio.ok("library", "tracks", "--json").json["tracks"]
    assert {Path(track["path"]).name for track in known} == {"other 🎧", "track", "clone", "fork", "imported"}


def test_recent_from_anywhere(studio: Bf, tmp_path: Path) -> None:
    assert messages(studio, "recent", "-C", tmp_path) == ["a loop", "louder, rainy", "first take"]
    assert messages(studio, "recent", "--track", ".") == ["louder, rainy", "first take"]
    assert messages(studio, "recent", "--limit", 1) == ["a loop"]
    # The clock of the tests goes a minute a command.
    assert messages(studio, "recent", "--days", 5 / 1440) == ["a loop"]
    text = studio.ok("library", "recent").stdout
    assert text.splitlines()[0].split() == ["when", "id", "what", "track", "by", "BPM", "key", "length"]
    assert "louder, rainy" in text


def test_json_of_a_sound(studio: Bf) -> None:
    sound = studio.ok("library", "recent", "--track", ".", "--json").json["sounds"][0]
    assert sound["at"] == "2023-11-14T22:16:20+00:00"
    assert sound["track"] == str(studio.directory)
    assert sound["commit"] == studio.ok("log", "--json").json["commits"][0]["oid"]
    assert (sound["path"], sound["kind"], sound["plays"], sound["favorite"]) == (
        "mix.wav",
        "recording",
        0,
        False,
    )


def test_search(studio: Bf) -> None:
    assert messages(studio, "search", "rain") == ["louder, rainy"]
    assert messages(studio, "search", "loop", "sub") == ["a loop"]
    assert studio.fails(1, "library", "search", "nothing", "here") == "nothing has all of: nothing here\n"
    assert studio("library", "search", "nowhere", "--json").json["sounds"] == []


def test_favorites(studio: Bf) -> None:
    said = studio.ok("library", "favorite", "mix.wav").stderr
    assert said.startswith("a favourite: louder, rainy (")
    assert "already" in studio.ok("library", "favorite", "HEAD:mix.wav").stderr
    studio.ok("library", "favorite", "HEAD~1:mix.wav", "-n")
    assert messages(studio, "favorites") == ["louder, rainy"]
    assert "♥ louder, rainy" in studio.ok("library", "recent").stdout
    oid = studio.ok("library", "favorites", "--json").json["sounds"][0]["oid"]
    told = studio.ok("library", "unfavorite", oid[:8], "--json").json
    assert (told["favorite"], told["changed"], told["oid"]) == (False, True, oid)
    assert messages(studio, "favorites") == []
    assert studio.ok("library", "favorites").stderr == "nothing yet\n"


def test_favorites_go_with_the_folder(studio: Bf, tmp_path: Path) -> None:
    studio.ok("library", "favorite", "mix.wav")
    shutil.move(studio.directory, tmp_path / "moved")
    studio.directory = tmp_path / "moved"
    shutil.rmtree(tmp_path / "state")
    found = studio.ok("-C", tmp_path, "library", "scan", tmp_path, "--json").json
    assert {Path(path).name for path in found["new"]} == {"moved", "other 🎧"}
    assert messages(studio, "favorites", "-C", tmp_path) == ["louder, rainy"]
    assert (
        studio.ok("-C", tmp_path, "library", "scan", tmp_path, "-n").stderr
        == "2 found, 0 of them would be new\n"
    )


def test_words_that_mean_no_sound(studio: Bf) -> None:
    (studio.directory / "new.wav").write_bytes(b"RIFF")
    (studio.directory / "words.txt").write_text("text")
    studio.ok("commit", "-m", "words")
    assert "knows no sound" in studio.fails(3, "library", "show", "new.wav")
    assert "knows no sound" in studio.fails(3, "library", "show", "0000")
    assert "neither a file nor" in studio.fails(3, "library", "favorite", "mix.wva")
    assert "is no sound" in studio.fails(2, "library", "show", "HEAD:words.txt")
    studio.fails(3, "library", "show", "HEAD~99:mix.wav")


def test_options_that_make_no_sense(studio: Bf, tmp_path: Path) -> None:
    assert "between 0 and 36500" in studio.fails(2, "library", "recent", "--days", "0")
    assert "--limit" in studio.fails(2, "library", "recent", "--limit", "-1")
    assert "no folder" in studio.fails(2, "library", "scan", "nowhere")
    assert "knows no track" in studio.fails(3, "library", "forget", tmp_path)
    studio.fails(2, "library", "recent", "--database", "mysql://x/y")


def test_what_was_taken_out_counts(studio: Bf, tmp_path: Path) -> None:
    studio.ok("export", "--wav", tmp_path / "out")
    studio.ok("export", "HEAD~1", "--zip", tmp_path / "old.zip")
    studio.ok("export", "--flac", tmp_path / "dry", "-n")
    assert messages(studio, "most-played", "--by", "downloads") == ["louder, rainy", "first take"]
    assert messages(studio, "most-played") == []
    assert studio.ok("library", "most-played", "--by", "downloads").stdout.split()[0] == "times"


def test_runs_are_noted_with_their_parameters(studio: Bf) -> None:
    words = "generate", "house", "--bpm", "120", "--bars", "1", "--seed", "5"
    studio.ok(*words, "--commit", "-m", "made")
    studio.ok(*words, "-n", "--force")
    studio.ok("split", "mix.wav", "--engine", "dsp", "-o", "apart")
    studio.fails(5, "generate", "house", "--engine", "musicgen-small")
    studio.fails(2, "generate", "house", "--bpm", "-1")
    failed, apart, made = studio.ok("library", "history", "--json").json["runs"]
    assert (made["command"], made["seed"], made["ok"], made["path"]) == ("generate", 5, True, "mix.wav")
    assert made["parameters"]["asked"]["bars"] == 1
    assert made["parameters"]["parameters"]["bars"] == 1
    assert made["duration_s"] == 2.0
    assert made["at"] >= "2023-11-14T22"
    assert (apart["command"], apart["engine"]) == ("split", "dsp")
    assert (failed["ok"], failed["exit_code"], failed["engine"]) == (False, 5, "musicgen-small")
    assert "musicgen-small" in failed["error"]
    told = studio.ok("library", "stats", "--json").json
    assert (told["runs"], told["noted"], told["failed"]) == (3, 3, 1)
    assert told["success_rate"] == round(2 / 3, 4)
    assert {share["name"] for share in told["engines"]} == {"synth", "dsp", "musicgen-small"}
    assert told["stored_bytes"] > 0
    text = studio.ok("library", "stats").stdout
    assert "66.7 % of 3 noted here succeeded, 1 failed" in text
    assert "failed: " in studio.ok("library", "history", "--failed").stdout
    shown = studio.ok("library", "show", "mix.wav", "--json").json
    assert [run["seed"] for run in shown["runs"]] == [5]
    assert shown["places"][0]["path"] == "mix.wav"
    assert "HEAD" not in studio.ok("library", "show", "mix.wav").stdout
    # The track is called like its first piece now.
    assert messages(studio, "search", "house", "made") == ["made"]


def test_what_is_made_outside_of_any_track(studio: Bf, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    words = "generate", "house", "--bpm", "120", "--bars", "1", "--seed", "5"
    studio.ok("-C", tmp_path / "desk", *words, "-o", "out/")
    (run,) = studio.ok("library", "history", "--json").json["runs"]
    mix = tmp_path / "desk" / "out" / "mix.wav"
    assert (run["track"], run["path"]) == (None, str(mix))
    assert run["parameters"]["parameters"]["bars"] == 1
    studio.ok("library", "favorite", mix)
    (liked,) = studio.ok("library", "favorites", "--json").json["sounds"]
    assert (liked["prompt"], liked["track"]) == ("house", None)
    assert str(mix) in studio.ok("library", "show", mix).stdout
    assert "outside of any track" in studio.ok("library", "recent").stdout


def test_tracks_that_are_gone(studio: Bf, tmp_path: Path) -> None:
    studio.ok("library", "recent")
    shutil.rmtree(tmp_path / "other 🎧")
    assert messages(studio, "recent") == ["louder, rainy", "first take"]
    assert "a loop" in messages(studio, "recent", "--missing")
    assert "(not there)" in studio.ok("library", "recent", "--missing").stdout
    assert "(not there)" in studio.ok("library", "tracks").stdout
    studio.ok("library", "forget", tmp_path / "other 🎧", "-n")
    studio.ok("library", "forget", tmp_path / "other 🎧")
    assert "a loop" not in messages(studio, "recent", "--missing")


def test_rebuilding(studio: Bf, tmp_path: Path) -> None:
    studio.ok("library", "favorite", "mix.wav")
    before = studio.ok("library", "recent", "--json").json
    assert "would read 2 tracks" in studio.ok("library", "rebuild", "-n").stderr
    (tmp_path / "state" / "beatflow" / "library.sqlite3").write_bytes(b"garbage")
    said = studio.ok("library", "recent", "--json")
    assert "was damaged" in said.stderr
    assert said.json == before
    assert studio.ok("library", "rebuild", "--json").json["tracks"] == 2
    assert studio.ok("library", "recent", "--json").json == before


def test_a_library_elsewhere(studio: Bf, tmp_path: Path) -> None:
    assert len(messages(studio, "recent", "--database", "here.db")) == 3
    assert (studio.directory / "here.db").is_file()
    studio.environment["BF_LIBRARY"] = str(tmp_path / "set.db")
    assert len(messages(studio, "recent")) == 3
    assert (tmp_path / "set.db").is_file()
    assert not (tmp_path / "state" / "beatflow" / "library.sqlite3").exists()


def test_where_nothing_can_be_kept(studio: Bf, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").write_text("no folder")
    said = studio.ok("library", "recent", "--json")
    assert "cannot be written: the library is made in memory" in said.stderr
    # Only the track around the folder is known then.
    assert [sound["message"] for sound in said.json["sounds"]] == ["louder, rainy", "first take"]
    write_tone(studio.directory / "mix.wav", 0.2, 550)
    studio.ok("commit", "-m", "goes on")


def test_a_track_that_cannot_be_read_is_told(studio: Bf, tmp_path: Path) -> None:
    head = studio.ok("log", "--json").json["commits"][0]["oid"]
    file = studio.directory / ".beatflow" / "objects" / head[:2] / head[2:]
    file.chmod(0o600)
    file.write_bytes(b"rotten")
    said = studio.ok("-C", tmp_path, "library", "recent", "--json")
    assert "track cannot be read" in said.stderr
    assert [sound["message"] for sound in said.json["sounds"]] == ["a loop"]


def test_two_at_once(studio: Bf) -> None:
    environment = os.environ | studio.environment | {"BF_NOW": "1700009999 +0000"}
    command = [sys.executable, "-m", "beatflow", "library", "recent", "--json"]
    running = [
        subprocess.Popen(
            command, cwd=studio.directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    answers = [(process.communicate(), process.returncode) for process in running]
    assert [code for _, code in answers] == [0, 0, 0], answers
    assert [len(json.loads(out)["sounds"]) for (out, _), _ in answers] == [3, 3, 3]


def test_quick_commands_load_no_database() -> None:
    code = (
        "import sys, beatflow.cli; print([name for name in ('sqlalchemy', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


if HAS_PORTAUDIO:

    def test_playing_a_sound_of_another_track(studio: Bf, loudspeaker: Loudspeaker, tmp_path: Path) -> None:
        oid = studio.ok("library", "search", "first", "--json").json["sounds"][0]["oid"]
        studio.ok("-C", tmp_path, "library", "play", oid[:8])
        assert len(loudspeaker.heard()) >= 0.2 * 44100
        (played,) = studio.ok("library", "most-played", "--json").json["sounds"]
        assert (played["oid"], played["plays"]) == (oid, 1)
        assert played["played_at"] is not None
