"""Freeing space: what may go, what never does, and that it comes back."""

import shutil
import subprocess

import pytest

from beatflow.errors import UsageError
from beatflow.sharing.partial.pruning import Terms, parse_age
from tests.conftest import EPOCH
from tests.sharing.partial.studio import Studio
from tests.world import write_tone

DAY_S = 86_400


def pruned(studio: Studio, *options: str) -> list[str]:
    result = studio.bf("prune", "--json", *options)
    return sorted(row["path"] for row in result.json["pruned"]["dropped"])


def elsewhere(studio: Studio) -> int:
    return int(studio.bf.ok("check", "--json").json["elsewhere"])


def test_old_versions_go_and_come_back(studio: Studio) -> None:
    before = studio.bf.ok("cat", "HEAD~3:mix.wav").out_bytes
    assert len(pruned(studio, "-n")) == 6
    assert elsewhere(studio) == 0
    assert pruned(studio) == ["mix.wav"] * 3 + ["stems/drums.wav"] * 3
    assert elsewhere(studio) == 6
    assert studio.bf.ok("status", "--json").json["changes"] == []
    assert studio.bf.ok("cat", "HEAD~3:mix.wav").out_bytes == before
    assert elsewhere(studio) == 5
    assert studio.bf("check", "--data").code == 0
    studio.bf.ok("switch", "--detach", "HEAD~2")
    studio.bf.ok("switch", "main")


def test_pruning_says_what_it_did(studio: Studio) -> None:
    dry = studio.bf.ok("prune", "-n")
    assert "mix.wav  3 versions" in dry.stdout
    assert "would drop 6 sounds that origin has" in dry.stderr
    assert "dropped 6 sounds that origin has" in studio.bf.ok("prune").stderr
    assert "nothing to drop" in studio.bf.ok("prune").stderr


def test_some_versions_are_kept(studio: Studio) -> None:
    assert pruned(studio, "--keep", "3", "-n") == ["mix.wav", "stems/drums.wav"]
    assert pruned(studio, "--keep", "4", "-n") == []


def test_what_was_current_lately_is_kept(studio: Studio) -> None:
    assert pruned(studio, "--older", "90d", "-n") == []
    studio.bf.environment["BF_NOW"] = f"{EPOCH + 100 * DAY_S} +0000"
    assert len(pruned(studio, "--older", "90d", "-n")) == 6
    assert len(pruned(studio, "--older", "90d", "--keep", "2", "-n")) == 4
    assert pruned(studio, "--older", "6mo", "-n") == []


def test_what_a_branch_here_has_is_kept(studio: Studio) -> None:
    studio.bf.ok("branch", "early", "HEAD~3")
    assert len(pruned(studio, "-n")) == 4


def test_the_last_copy_is_never_dropped(studio: Studio) -> None:
    for hz in (700, 710):
        write_tone(studio.bf.directory / "stems/bass.wav", 0.2, hz)
        studio.bf.ok("commit", "-m", f"bass {hz}")
    # One version of the bass is at the remote; the other was never pushed.
    result = studio.bf("prune", "--json")
    assert result.code == 1
    assert [row["path"] for row in result.json["pruned"]["refused"]] == ["stems/bass.wav"]
    assert len(result.json["pruned"]["dropped"]) == 7
    assert "bf push" in result.stderr
    assert len(studio.bf.ok("cat", "HEAD~1:stems/bass.wav").out_bytes) > 0
    assert studio.bf("prune").code == 1


def test_a_remote_that_lost_its_sounds_is_not_believed(studio: Studio) -> None:
    for pack in (studio.depot / "audio").iterdir():
        pack.unlink()
    shutil.rmtree(studio.bf.directory / ".beatflow/state/remotes", ignore_errors=True)
    result = studio.bf("prune", "--json")
    assert result.code == 1
    assert result.json["pruned"]["dropped"] == []
    assert len(result.json["pruned"]["refused"]) == 6
    assert elsewhere(studio) == 0


def test_a_rotten_copy_is_none(studio: Studio) -> None:
    for pack in (studio.depot / "audio").iterdir():
        data = bytearray(pack.read_bytes())
        for at in range(len(data) // 20, len(data) * 9 // 10, 10_000):
            data[at] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    result = studio.bf("prune", "--json")
    assert result.code == 1
    assert result.json["pruned"]["refused"]
    bf = studio.clone("--no-audio")
    assert bf("check", "--remote", "origin").code == 0
    assert bf("check", "--remote", "origin", "--data").code == 7


def test_a_git_repository_is_read_through(studio: Studio) -> None:
    bare = studio.folder / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
    studio.bf.ok("remote", "add", "host", bare)
    studio.bf.ok("push", "host", "--all")
    oid = studio.bf.ok("show", "HEAD~2:mix.wav", "--json").json["oid"]
    (sound,) = (bare / "lfs/objects").rglob(oid)
    right = sound.read_bytes()
    sound.chmod(0o644)
    sound.write_bytes(bytes(len(right)))
    result = studio.bf("prune", "--remote", "host", "--json")
    assert result.code == 1
    assert len(result.json["pruned"]["refused"]) == 1
    sound.write_bytes(right)
    assert len(pruned(studio, "--remote", "host")) == 1
    assert studio.bf.ok("cat", "HEAD~2:mix.wav").out_bytes.startswith(b"RIFF")


def test_the_track_itself_is_no_other_copy(studio: Studio) -> None:
    track = studio.bf.directory
    (studio.folder / "link").symlink_to(track)
    for name, place in (("me", track), ("inside", track / ".beatflow"), ("link", studio.folder / "link")):
        studio.bf.ok("remote", "add", name, place)
        assert "is this very track" in studio.bf.fails(2, "prune", "--remote", name)
    assert elsewhere(studio) == 0


def test_another_track_that_lacks_them_is_not_believed(studio: Studio) -> None:
    studio.clone("--no-audio", name="hollow")
    studio.bf.ok("remote", "add", "hollow", studio.folder / "hollow")
    result = studio.bf("prune", "--remote", "hollow", "--json")
    assert (result.code, result.json["pruned"]["dropped"]) == (1, [])


def test_a_remote_that_is_gone_drops_nothing(studio: Studio) -> None:
    shutil.rmtree(studio.depot)
    assert str(studio.depot) in studio.bf.fails(3, "prune")
    assert elsewhere(studio) == 0
    assert studio.bf("check").code == 0


def test_a_fetch_after_pruning_brings_only_what_is_new(studio: Studio) -> None:
    other = studio.clone()
    write_tone(other.directory / "stems/bass.wav", 0.2, 123)
    other.ok("commit", "-m", "bass")
    other.ok("push")
    studio.bf.ok("prune")
    studio.bf.ok("pull")
    assert elsewhere(studio) == 6
    assert (studio.bf.directory / "stems/bass.wav").read_bytes() == (
        other.directory / "stems/bass.wav"
    ).read_bytes()


def test_undo_after_pruning(studio: Studio) -> None:
    studio.bf.ok("prune")
    studio.bf.ok("undo")
    assert studio.bf("check").code == 0


def test_previews_are_kept_of_what_goes(studio: Studio) -> None:
    studio.bf.ok("prune", "--preview")
    assert len(list((studio.bf.directory / ".beatflow/previews").glob("*.opus"))) == 6
    small = studio.bf.ok("cat", "--preview", "HEAD~2:mix.wav").out_bytes
    assert small.startswith(b"OggS")
    assert elsewhere(studio) == 6


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5d", "9h", "tomorrow"])
def test_an_age_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no age"):
        parse_age(text)


def test_ages() -> None:
    assert parse_age("90d") == 90 * DAY_S
    assert parse_age(" 2W ") == 14 * DAY_S
    assert parse_age("6mo") == 180 * DAY_S
    assert parse_age("1y") == 365 * DAY_S


def test_at_least_one_version_stays(studio: Studio) -> None:
    with pytest.raises(UsageError):
        Terms(keep=0)
    assert "at least" in studio.bf.fails(2, "prune", "--keep", "0")
