"""Git-lfs on top of a track's store: the protocol by hand, then the real git-lfs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bf
from tests.servers import git, has
from tests.world import write_tone

WHO = {
    "GIT_AUTHOR_NAME": "Git",
    "GIT_AUTHOR_EMAIL": "g@x",
    "GIT_COMMITTER_NAME": "Git",
    "GIT_COMMITTER_EMAIL": "g@x",
}


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    return bf


def speak(bf: Bf, *messages: object) -> list[dict[str, Any]]:
    """Say lines to the agent; what it answers."""
    lines = b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in messages
    )
    return [json.loads(line) for line in bf.ok("lfs-agent", stdin=lines).stdout.splitlines()]


def upload(file: Path, **changes: object) -> dict[str, object]:
    data = file.read_bytes()
    message = {
        "event": "upload",
        "oid": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "path": str(file),
    }
    return message | changes


def test_up_and_down_again(track: Bf, tmp_path: Path) -> None:
    data = write_tone(tmp_path / "a.wav", seconds=8)
    request = upload(tmp_path / "a.wav")
    first, *progress, done = speak(
        track, {"event": "init", "operation": "upload"}, request, {"event": "terminate"}
    )
    assert first == {}
    assert done == {"event": "complete", "oid": request["oid"]}
    assert progress[-1] == {
        "event": "progress",
        "oid": request["oid"],
        "bytesSoFar": len(data),
        "bytesSinceLast": progress[-1]["bytesSinceLast"],
    }
    assert sum(one["bytesSinceLast"] for one in progress) == len(data)
    # What git-lfs keeps here is nobody's garbage.
    track.ok("gc")
    assert track.ok("check", "--data").code == 0
    answers = speak(track, {"event": "init"}, {"event": "download", "oid": request["oid"], "size": len(data)})
    assert answers[-1]["event"] == "complete"
    assert "error" not in answers[-1]
    # It takes the file at once; what it leaves is swept.
    assert not Path(answers[-1]["path"]).exists()


def test_what_is_asked_for_wrongly(track: Bf, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    good = upload(tmp_path / "a.wav")
    speak(track, good)
    answers = speak(
        track,
        {"event": "download", "oid": "ab" * 32, "size": 5},
        {"event": "download", "oid": good["oid"], "size": 5},
        {"event": "download", "oid": "../../etc/passwd", "size": 5},
        {"event": "download", "oid": good["oid"], "size": "5"},
        upload(tmp_path / "a.wav", oid="ab" * 32),
        upload(tmp_path / "a.wav", size=5),
        upload(tmp_path / "a.wav", path=str(tmp_path / "none")),
        {"event": "dance"},
        {},
        b"not json",
        b"[" * 100_000,
        b"7",
    )
    answers = [answer for answer in answers if answer.get("event") != "progress"]
    assert [answer["error"]["code"] for answer in answers] == [404, 500, 422, 422, 500, 500, 404] + [422] * 5


def test_the_end_without_a_word(track: Bf) -> None:
    assert speak(track) == []


def test_install_wants_a_git_repository_and_a_track(track: Bf, tmp_path: Path) -> None:
    assert "no git repository" in track.fails(3, "lfs-agent", "--install", ".")
    assert "not both" in track.fails(2, "lfs-agent", "--install", ".", "--uninstall", ".")
    assert "bf init" in Bf(tmp_path, dict(track.environment)).fails(3, "lfs-agent", "--install", ".")


if has("git", "git-lfs"):

    def test_the_real_git_lfs(track: Bf, tmp_path: Path) -> None:
        song, host = tmp_path / "song's git", tmp_path / "host.git"
        git("init", "-q", "-b", "main", song)
        git("init", "-q", "--bare", host)
        git("lfs", "install", "--local", cwd=song)
        (song / ".gitattributes").write_text("*.wav filter=lfs diff=lfs merge=lfs -text\n")
        git("remote", "add", "origin", host, cwd=song)
        assert "keeps its files in" in track.ok("lfs-agent", "--install", song).stderr
        sounds = []
        for hz in (200, 300):
            sounds.append(write_tone(song / "mix.wav", seconds=3, hz=hz))
            git("add", ".", cwd=song)
            git("commit", "-q", "-m", f"{hz} Hz", cwd=song, **WHO)
        git("push", "-q", "origin", "main", cwd=song)
        # No copy is left but the files and what the track stores.
        git("lfs", "prune", "--force", cwd=song)
        assert not [path for path in (song / ".git" / "lfs" / "objects").rglob("*") if path.is_file()]
        track.ok("gc")
        git("checkout", "-q", "HEAD~1", cwd=song)
        assert (song / "mix.wav").read_bytes() == sounds[0]
        git("checkout", "-q", "main", cwd=song)
        assert (song / "mix.wav").read_bytes() == sounds[1]
        track.ok("lfs-agent", "--uninstall", song)
        assert "standalonetransferagent" not in (song / ".git" / "config").read_text()

    def test_in_one_folder_with_the_track(bf: Bf) -> None:
        root = bf.directory
        git("init", "-q", "-b", "main", root)
        git("lfs", "install", "--local", cwd=root)
        (root / ".gitattributes").write_text("*.wav filter=lfs diff=lfs merge=lfs -text\n")
        data = write_tone(root / "mix.wav", seconds=2)
        git("add", ".", cwd=root)
        git("commit", "-q", "-m", "first", cwd=root, **WHO)
        bf.ok("import", "--git")
        bf.ok("lfs-agent", "--install", ".")
        oid = hashlib.sha256(data).hexdigest()
        copy = root / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        copy.unlink()
        (root / "mix.wav").unlink()
        git("checkout", "-q", "mix.wav", cwd=root)
        assert (root / "mix.wav").read_bytes() == data
