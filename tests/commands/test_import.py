"""``bf import``: a folder of versions becomes a history, all of it or nothing."""

import os
import shutil
import subprocess
import sys
from calendar import timegm
from pathlib import Path
from time import strptime

import numpy as np
import pytest

from beatflow.importing import importing
from tests.conftest import Bf
from tests.world import tone, wav_bytes, write_tone


def write(path: Path, data: bytes, when: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    time_s = timegm(strptime(when, "%Y-%m-%d"))
    os.utime(path, (time_s, time_s))


def sound(gain: float = 1.0, hz: float = 220.0, seconds: float = 0.5) -> bytes:
    return wav_bytes(np.rint(tone(seconds, hz) * gain).astype(np.int16))


def read_all(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def bounces(bf: Bf) -> Path:
    """Three versions of a song, a stem of the second and a text, beside which the track will be made."""
    folder = bf.directory / "night drive"
    write(folder / "song_v1.wav", sound(), "2023-05-01")
    write(folder / "song_v2 final.wav", sound(0.5), "2023-05-04")
    write(folder / "drums v2.wav", sound(hz=330), "2023-05-04")
    write(folder / "song_FINAL_final2.wav", sound(0.5, hz=660), "2023-05-09")
    write(folder / "words.txt", b"la la\n", "2023-05-02")
    return folder


def test_makes_a_track_beside(bf: Bf, bounces: Path) -> None:
    before = read_all(bounces)
    said = bf.ok("import", "night drive").stderr
    track = bf.directory / "night drive.track"
    assert said == f"5 files became 3 commits in {track}\n"
    assert read_all(bounces) == before
    log = bf("log", "--format", "{message}|{time}", cwd=track)
    assert log.stdout.splitlines() == [
        "FINAL final2: song new take|2023-05-09T00:00:00+00:00",
        "v2 final: +drums; song −6.0 dB; +words.txt|2023-05-04T00:00:00+00:00",
        "v1: +song|2023-05-01T00:00:00+00:00",
    ]
    assert (track / "song.wav").read_bytes() == sound(0.5, hz=660)
    assert (track / "drums.wav").read_bytes() == sound(hz=330)
    assert (track / "song.wav").stat().st_mtime == (bounces / "song_FINAL_final2.wav").stat().st_mtime
    assert bf("cat", "HEAD~1:song.wav", cwd=track).out_bytes == sound(0.5)
    assert bf("cat", "HEAD~2:song.wav", cwd=track).out_bytes == sound()
    assert bf("status", cwd=track).stderr.endswith("nothing changed since the last commit\n")
    assert bf("check", cwd=track).code == 0


def test_messages_say_where_everything_came_from(bf: Bf, bounces: Path) -> None:
    bf.ok("import", "night drive", "--to", "t")
    body = bf("log", "--format", "{body}", "-n", "1", "HEAD~1", cwd=bf.directory / "t").stdout
    assert (
        'song.wav from "song_v2 final.wav": version 2, "final", written 2023-05-04 00:00\n  −6.02 dB\n'
        in body
    )
    assert body.rstrip().endswith("Imported from night drive.")


def test_one_undo_takes_all_of_it_back(bf: Bf, bounces: Path) -> None:
    bf.ok("import", "night drive", "--to", "t", "--no-listen")
    track = bf.directory / "t"
    before = read_all(track / ".." / "t")
    assert bf("undo", cwd=track).code == 0
    assert [path.name for path in track.iterdir()] == [".beatflow"]
    assert bf("log", cwd=track).code == 3
    assert bf("redo", cwd=track).code == 0
    after = read_all(track)
    assert {name: data for name, (data, _) in after.items() if not name.startswith(".beatflow")} == {
        name: data for name, (data, _) in before.items() if not name.startswith(".beatflow")
    }


def test_dry_run_shows_the_plan_and_does_nothing(bf: Bf, bounces: Path) -> None:
    result = bf.ok("import", "night drive", "-n")
    assert result.stdout.splitlines()[:3] == [
        "  1  2023-05-01 00:00  v1",
        '       song.wav  from "song_v1.wav": version 1, written 2023-05-01 00:00',
        "  2  2023-05-04 00:00  v2 final",
    ]
    assert result.stderr.startswith("5 files would become 3 commits")
    assert [path.name for path in bf.directory.iterdir()] == ["night drive"]


def test_json(bf: Bf, bounces: Path) -> None:
    shutil.copy2(bounces / "song_v1.wav", bounces / "song_v1 copy.wav")
    (bounces / "link.wav").symlink_to("song_v1.wav")
    document = bf.ok("import", "night drive", "--to", "t", "--json", "--no-listen").json
    assert document["schema"] == "beatflow.import/1"
    assert [commit["label"] for commit in document["commits"]] == ["v1", "v2 final", "FINAL final2"]
    assert all(len(commit["oid"]) == 40 for commit in document["commits"])
    (file,) = document["commits"][0]["files"]
    assert {file["source"], *file["also"]} == {"song_v1.wav", "song_v1 copy.wav"}
    assert document["skipped"] == [{"path": "link.wav", "reason": "a link"}]
    assert len(document["duplicates"]) == 1


def test_into_the_track_that_one_is_in(bf: Bf, bounces: Path) -> None:
    bf.ok("init", "t")
    track = bf.directory / "t"
    write(track / "notes.txt", b"mine\n", "2023-01-01")
    assert bf("commit", "-m", "mine", cwd=track).code == 0
    shown = bf("import", "../night drive", cwd=track)
    assert shown.code == 2
    assert "song_v1.wav" in shown.stdout
    assert shown.stderr.startswith("error: nothing was added\nhint: -y adds it")
    assert bf("import", "../night drive", "-y", "--no-listen", cwd=track).code == 0
    assert len(bf("log", "--format", "{oid}", cwd=track).stdout.split()) == 4
    assert (track / "notes.txt").read_bytes() == b"mine\n"
    assert bf("undo", cwd=track).code == 0
    assert sorted(path.name for path in track.iterdir()) == [".beatflow", "notes.txt"]


def test_never_overwrites_uncommitted_work(bf: Bf, bounces: Path) -> None:
    bf.ok("init", "t")
    write(bf.directory / "t" / "song.wav", b"not committed", "2023-01-01")
    said = bf.fails(4, "import", "night drive", "--to", "t", "--no-listen")
    assert said.startswith("error: uncommitted changes would be overwritten: song.wav")
    assert (bf.directory / "t" / "song.wav").read_bytes() == b"not committed"
    assert bf("log", cwd=bf.directory / "t").code == 3


def test_interrupted_it_leaves_nothing(bf: Bf, bounces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "advance_head", interrupt)
    before = read_all(bounces)
    assert bf("import", "night drive", "--no-listen").code == 130
    assert [path.name for path in bf.directory.iterdir()] == ["night drive"]
    assert read_all(bounces) == before


def test_refuses_what_makes_no_sense(bf: Bf, bounces: Path) -> None:
    assert "is not there" in bf.fails(2, "import", "nowhere")
    assert "is a file" in bf.fails(2, "import", "night drive/words.txt")
    (bf.directory / "empty").mkdir()
    assert "nothing to import" in bf.fails(2, "import", "empty")
    assert "lies among the originals" in bf.fails(2, "import", "night drive", "--to", "night drive/t")
    (bf.directory / "night drive.track").mkdir()
    write_tone(bf.directory / "night drive.track" / "x.wav")
    assert "is there already" in bf.fails(4, "import", "night drive")
    bf.ok("init")
    assert "lies inside the track" in bf.fails(4, "import", "night drive")
    assert "lies inside the track" in bf.fails(2, "import", "night drive", "--to", "t")
    bf.ok("import", "night drive", "--to", bf.directory.parent / "t", "--no-listen")


def test_odd_names_and_broken_files(bf: Bf) -> None:
    folder = bf.directory / "in"
    write(folder / "-🔥 beat_v1.wav", sound(), "2023-05-01")
    write(folder / "-🔥 beat_v2.wav", b"RIFF\x10\0\0\0WAVEjunk", "2023-05-02")
    write(folder / os.fsdecode(b"caf\xe9_v1.wav"), sound(hz=330), "2023-05-01")
    write(folder / "empty_v2.wav", b"", "2023-05-02")
    write(folder / "line\nbreak.txt", b"x", "2023-05-01")
    write(folder / ".DS_Store", b"x", "2023-05-01")
    (folder / "inner" / ".beatflow").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    result = bf("import", "in")
    assert result.code == 0
    assert "pipe stays outside: no ordinary file" in result.stderr
    assert "inner stays outside: a track of its own" in result.stderr
    assert "-🔥 beat_v2.wav has a WAV header but no samples" in result.stderr
    track = bf.directory / "in.track"
    names = {os.fsencode(path.name) for path in track.iterdir()} - {b".beatflow"}
    assert names == {"🔥 beat.wav".encode(), b"caf\xe9.wav", b"empty.wav", b"line\nbreak.txt"}
    assert bf("check", cwd=track).code == 0
    assert bf("cat", "HEAD~1:🔥 beat.wav", cwd=track).out_bytes == sound()


def test_names_stay_on_their_line(bf: Bf) -> None:
    write(bf.directory / "in" / "so\nng_v1.wav", sound(), "2023-05-01")
    assert 'so\\nng.wav  from "so\\nng_v1.wav"' in bf.ok("import", "in", "-n").stdout
    bf.ok("import", "in")
    body = bf("log", "--format", "{body}", cwd=bf.directory / "in.track").stdout
    assert 'so\\nng.wav from "so\\nng_v1.wav"' in body


def test_what_may_not_be_read_is_told(bf: Bf, bounces: Path) -> None:
    (bounces / "words.txt").chmod(0)
    command = [sys.executable, "-m", "beatflow", "import", "night drive", "--no-listen"]
    if os.geteuid() == 0:
        # Root reads everything, unless it is without these two rights.
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    result = subprocess.run(command, cwd=bf.directory, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "words.txt stays outside: permission denied" in result.stderr


def test_many_files(bf: Bf) -> None:
    folder = bf.directory / "in"
    for number in range(1, 301):
        write(folder / f"beat v{number}.txt", str(number).encode(), f"2023-{number % 12 + 1:02}-01")
    bf.ok("import", "in")
    log = bf("log", "--format", "{message}", cwd=bf.directory / "in.track").stdout.split("\n")
    assert [log[0].split(":")[0], log[299].split(":")[0]] == ["v300", "v1"]
