"""Partial clones from the command line: what is left elsewhere is no change, and comes when it is needed."""

import shutil

import pytest

from beatflow.errors import AbsentError
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sharing.configured import Configured
from beatflow.sharing.partial.supply import Elsewhere, list_elsewhere, supply
from beatflow.sharing.remote import Remote, RemoteError
from beatflow.sharing.watch import Unwatched
from tests.conftest import Bf
from tests.sharing.partial.studio import Studio
from tests.world import write_tone

SOUNDS = ["mix.wav", "stems/bass.wav", "stems/drums.wav", "stems/vocals.wav"]


def files(bf: Bf) -> list[str]:
    return sorted(
        path.relative_to(bf.directory).as_posix()
        for path in bf.directory.rglob("*")
        if path.is_file() and ".beatflow" not in path.parts
    )


def count_here(bf: Bf) -> int:
    return 10 - int(bf.ok("check", "--json").json["elsewhere"])


def assert_clean(bf: Bf) -> None:
    assert bf.ok("status", "--json").json["changes"] == []


def test_no_audio_leaves_all_sound_elsewhere(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert files(bf) == ["track.toml"]
    assert_clean(bf)
    assert count_here(bf) == 0
    assert len(bf.ok("log", "--oneline").stdout.splitlines()) == 4
    listed = {row["path"] for row in bf.ok("ls", "--json").json["files"]}
    assert listed == {*SOUNDS, "track.toml"}
    assert count_here(bf) == 0


def test_stems_by_name_and_by_score(studio: Studio) -> None:
    bf = studio.clone("--stems", "beat,bass")
    assert files(bf) == ["stems/bass.wav", "stems/drums.wav", "track.toml"]
    assert_clean(bf)
    assert count_here(bf) == 5
    assert (bf.directory / "stems/drums.wav").read_bytes() == studio.sounds["stems/drums.wav"]


def test_since_leaves_older_sounds(studio: Studio) -> None:
    bf = studio.clone("--since", "v3")
    assert files(bf) == [*SOUNDS, "track.toml"]
    assert_clean(bf)
    assert count_here(bf) == 6
    assert len(bf.ok("cat", "HEAD~3:mix.wav").out_bytes) == len(studio.sounds["mix.wav"])
    assert count_here(bf) == 7


def test_since_takes_steps_back(studio: Studio) -> None:
    assert count_here(studio.clone("--since", "main~1")) == 6


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--stems", "drumz"), 2, "no stem 'drumz'"),
        (("--since", "nope"), 3, "no such revision"),
    ],
)
def test_what_is_not_there_is_refused(
    studio: Studio, options: tuple[str, ...], code: int, words: str
) -> None:
    said = studio.bf.fails(code, "clone", studio.depot, studio.folder / "bad", *options)
    assert words in said
    assert not (studio.folder / "bad").exists()


def test_a_commit_keeps_what_is_absent(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    (bf.directory / "notes.txt").write_text("louder")
    bf.ok("commit", "-m", "notes")
    assert {row["path"] for row in bf.ok("ls", "--json").json["files"]} == {
        *SOUNDS,
        "notes.txt",
        "track.toml",
    }
    bf.ok("push")
    studio.bf.ok("pull")
    assert (studio.bf.directory / "notes.txt").read_text() == "louder"
    assert (studio.bf.directory / "mix.wav").read_bytes() == studio.sounds["mix.wav"]


def test_a_file_that_is_put_there_counts(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    new = write_tone(bf.directory / "stems/bass.wav", 0.2, 99)
    assert [row["path"] for row in bf.ok("status", "--json").json["changes"]] == ["stems/bass.wav"]
    bf.ok("commit", "-m", "my bass")
    assert_clean(bf)
    assert bf.ok("cat", "HEAD:stems/bass.wav").out_bytes == new
    # From now on it is a file like any other, which can be deleted.
    (bf.directory / "stems/bass.wav").unlink()
    assert [row["kind"] for row in bf.ok("status", "--json").json["changes"]] == ["deleted"]


def test_a_file_in_place_of_the_folder_hides_what_was_absent(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    (bf.directory / "stems").write_text("a note")
    kinds = {row["path"]: row["kind"] for row in bf.ok("status", "--json").json["changes"]}
    assert kinds["stems"] == "added"
    assert kinds["stems/bass.wav"] == "deleted"
    bf.ok("commit", "-m", "no stems any more")


def test_switching_keeps_it_absent_and_undo_too(studio: Studio) -> None:
    bf = studio.clone("--stems", "beat")
    bf.ok("switch", "--detach", "HEAD~2")
    assert files(bf) == ["stems/drums.wav", "track.toml"]
    assert_clean(bf)
    bf.ok("undo")
    assert_clean(bf)
    assert (bf.directory / "stems/drums.wav").read_bytes() == studio.sounds["stems/drums.wav"]
    assert files(bf) == ["stems/drums.wav", "track.toml"]


def test_switching_to_what_is_here_needs_no_remote(studio: Studio) -> None:
    bf = studio.clone("--stems", "beat")
    shutil.rmtree(studio.depot)
    bf.ok("switch", "--detach", "HEAD~3")
    assert_clean(bf)


def test_restoring_by_name_fetches(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    bf.ok("restore", ".")
    assert files(bf) == ["track.toml"]
    bf.ok("restore", "stems/bass.wav")
    assert (bf.directory / "stems/bass.wav").read_bytes() == studio.sounds["stems/bass.wav"]
    assert_clean(bf)
    bf.ok("restore", "--to", "../out", "mix.wav")
    assert (studio.folder / "out/mix.wav").read_bytes() == studio.sounds["mix.wav"]


def test_restoring_into_the_track_fetches(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    bf.ok("restore", "--to", "old", "mix.wav")
    assert (bf.directory / "old/mix.wav").read_bytes() == studio.sounds["mix.wav"]


def test_fetching_paths_wants_them_from_now_on(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert bf.ok("fetch", "-n", "stems", "--json").json["paths"] == SOUNDS[1:]
    assert files(bf) == ["track.toml"]
    bf.ok("fetch", "stems")
    assert files(bf) == [*SOUNDS[1:], "track.toml"]
    assert_clean(bf)
    new = write_tone(studio.bf.directory / "stems/bass.wav", 0.2, 77)
    write_tone(studio.bf.directory / "mix.wav", 0.2, 78)
    studio.bf.ok("commit", "-m", "other bass")
    studio.bf.ok("push")
    bf.ok("pull")
    assert (bf.directory / "stems/bass.wav").read_bytes() == new
    assert files(bf) == [*SOUNDS[1:], "track.toml"]
    assert_clean(bf)
    assert "no file 'nope.wav'" in bf.fails(3, "fetch", "./nope.wav")


def test_a_pull_brings_wanted_stems_only(studio: Studio) -> None:
    bf = studio.clone("--stems", "beat")
    drums = write_tone(studio.bf.directory / "stems/drums.wav", 0.2, 77)
    write_tone(studio.bf.directory / "stems/vocals.wav", 0.2, 78)
    studio.bf.ok("commit", "-m", "drums and vocals")
    studio.bf.ok("push")
    bf.ok("pull")
    assert (bf.directory / "stems/drums.wav").read_bytes() == drums
    assert files(bf) == ["stems/drums.wav", "track.toml"]
    assert_clean(bf)
    assert bf.ok("check", "--json").json["elsewhere"] == 12 - 5


def test_a_diff_reads_what_is_absent(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    changes = bf("diff", "HEAD~1", "HEAD", "stems/drums.wav", "--json").json["changes"]
    assert [change["path"] for change in changes] == ["stems/drums.wav"]
    assert count_here(bf) == 2
    # The folder's own side too, where no file lies.
    assert bf("diff", "HEAD~2", "stems/drums.wav").code == 1
    assert count_here(bf) == 3
    assert files(bf) == ["track.toml"]


def test_a_merge_of_others_changes_fetches_nothing(studio: Studio) -> None:
    write_tone(studio.bf.directory / "stems/vocals.wav", 0.2, 500)
    studio.bf.ok("commit", "-m", "their vocals")
    studio.bf.ok("push")
    bf = studio.clone("--no-audio")
    bf.ok("switch", "-c", "mine", "HEAD~1")
    (bf.directory / "notes.txt").write_text("mine")
    bf.ok("commit", "-m", "mine")
    bf.ok("merge", "origin/main")
    assert bf.ok("check", "--json").json["elsewhere"] == 11
    assert files(bf) == ["notes.txt", "track.toml"]
    assert_clean(bf)
    assert (
        bf.ok("cat", "HEAD:stems/vocals.wav").out_bytes
        == (studio.bf.directory / "stems/vocals.wav").read_bytes()
    )


def test_what_cannot_be_had_is_named(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    studio.depot.rename(studio.folder / "away")
    said = bf.fails(3, "cat", "HEAD:mix.wav")
    assert "mix.wav (sound " in said
    assert "origin" in said
    assert str(studio.depot) in said
    assert "hint: " in said
    assert bf.fails(3, "restore", "mix.wav")
    assert bf.fails(3, "fetch", "mix.wav")
    assert_clean(bf)
    bf.ok("log")
    bf.ok("show", "HEAD")
    bf.ok("show", "HEAD:mix.wav")
    (studio.folder / "away").rename(studio.depot)
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == studio.sounds["mix.wav"]


def test_offline_says_so(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    bf.ok("remote", "set-url", "origin", "s3://label/night-drive")
    bf.environment["BF_OFFLINE"] = "1"
    said = bf.fails(3, "cat", "HEAD:mix.wav")
    assert "offline" in said
    assert "s3://label/night-drive" in said


def test_another_remote_is_asked_too(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    studio.bf.ok("push", studio.folder / "stick")
    bf.ok("remote", "add", "stick", studio.folder / "stick")
    shutil.rmtree(studio.depot)
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == studio.sounds["mix.wav"]
    bf.ok("remote", "rm", "stick")
    bf.ok("remote", "rm", "origin")
    assert "no remote of that name" in bf.fails(3, "cat", "HEAD:stems/bass.wav")


def test_a_copy_that_is_spoilt_is_made_up_for_by_another(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    studio.bf.ok("push", studio.folder / "stick")
    for pack in (studio.depot / "audio").iterdir():
        data = bytearray(pack.read_bytes())
        for at in range(len(data) // 20, len(data) * 9 // 10, 5_000):
            data[at] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    assert bf("cat", "HEAD:mix.wav").code == 7
    bf.ok("remote", "add", "stick", studio.folder / "stick")
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == studio.sounds["mix.wav"]


def test_who_does_not_answer_is_asked_once(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    asked = []

    def open_remote(configured: Configured) -> Remote:
        asked.append(configured.name)
        raise RemoteError("nobody answers")

    elsewhere = Elsewhere(open_remote)
    repository = Repository(bf.directory, lambda: Signature("Ada", "ada@example.com", 1))
    for mentioned in list_elsewhere(repository)[:3]:
        with pytest.raises(AbsentError, match="nobody answers"):
            supply(repository, [mentioned.pointer.oid], elsewhere, Unwatched())
    assert asked == ["origin"]


def test_what_cannot_be_had_is_no_damage_and_no_verdict(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    studio.depot.rename(studio.folder / "away")
    result = bf("diff", "HEAD~1")
    assert result.code == 1
    assert "damaged" not in result.stdout
    assert "not here but at origin" in result.stdout
    assert "not here but at origin" in bf.fails(3, "bisect", "start", "HEAD", "HEAD~3")
    assert "not here but at origin" in bf.fails(3, "bisect", "run", "true")
    (studio.folder / "away").rename(studio.depot)
    bf.ok("bisect", "start", "HEAD", "HEAD~3")


def test_what_is_absent_can_be_deleted(studio: Studio) -> None:
    bf = studio.clone("--stems", "drums")
    assert bf.ok("rm", "-n", "stems/bass.wav").stdout == "stems/bass.wav\n"
    assert_clean(bf)
    shutil.move(studio.depot, studio.folder / "away")
    bf.ok("rm", "stems/bass.wav")
    changes = bf.ok("status", "--json").json["changes"]
    assert [(change["path"], change["kind"]) for change in changes] == [("stems/bass.wav", "deleted")]
    bf.ok("undo")
    assert_clean(bf)
    bf.ok("rm", "stems", "mix.wav")
    bf.ok("commit", "-m", "nothing left")
    assert [row["path"] for row in bf.ok("ls", "--json").json["files"]] == ["track.toml"]
    assert_clean(bf)
    bf.ok("undo")
    bf.ok("undo")
    assert_clean(bf)
    assert files(bf) == ["stems/drums.wav", "track.toml"]


def test_a_fetch_brings_what_now_has_a_wanted_name(studio: Studio) -> None:
    bf = studio.clone("--stems", "drums")
    vocals = studio.bf.directory / "stems/vocals.wav"
    vocals.rename(studio.bf.directory / "stems/drums.wav")
    studio.bf.ok("commit", "-m", "a mouthed beat")
    studio.bf.ok("push")
    bf.ok("pull")
    studio.depot.rename(studio.folder / "away")
    assert (bf.directory / "stems/drums.wav").read_bytes() == studio.sounds["stems/vocals.wav"]


def test_a_log_says_what_it_did_not_listen_to(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert "not listened to: 8 sounds that are not here" in bf.ok("log", "--measure").stderr
    assert "not listened to" not in bf.ok("log").stderr
    bf.ok("fetch", "--rest")
    assert "not listened to" not in bf.ok("log", "--measure").stderr


def test_check_asks_the_remote(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert bf("check", "--remote", "origin").code == 0
    for pack in (studio.depot / "audio").glob("*"):
        pack.unlink()
    shutil.rmtree(bf.directory / ".beatflow/state/remotes", ignore_errors=True)
    assert bf("check").code == 0
    result = bf("check", "--remote", "origin", "--json")
    assert result.code == 7
    problems = result.json["problems"]
    assert len(problems) == 10
    assert {"mix.wav"} in [set(problem["paths"]) for problem in problems]


def test_du_tells_what_is_elsewhere(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    result = bf.ok("du")
    assert "not here but elsewhere" in result.stdout
    assert "is missing" not in result.stderr


def test_gc_keeps_what_is_here(studio: Studio) -> None:
    bf = studio.clone("--stems", "beat")
    bf.ok("gc")
    assert count_here(bf) == 4
    assert bf("check", "--data").code == 0


def test_a_clone_of_a_track_on_this_machine(studio: Studio) -> None:
    bf = studio.bf
    bf.ok("clone", bf.directory, studio.folder / "near", "--no-audio")
    near = Bf(studio.folder / "near", now=bf.now)
    assert files(near) == ["track.toml"]
    assert near.ok("cat", "HEAD:mix.wav").out_bytes == studio.sounds["mix.wav"]


def test_a_whole_clone_is_whole(studio: Studio) -> None:
    bf = studio.clone()
    assert files(bf) == [*SOUNDS, "track.toml"]
    assert not (bf.directory / ".beatflow/partial").exists()
    assert not (bf.directory / ".beatflow/state/absent").exists()
    (bf.directory / "mix.wav").unlink()
    assert [row["kind"] for row in bf.ok("status", "--json").json["changes"]] == ["deleted"]


def test_lost_notes_of_absence_only_show_deletions(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    absent = bf.directory / ".beatflow/state/absent"
    absent.write_text("garbage")
    assert "rm " in bf.fails(7, "status")
    absent.unlink()
    assert {row["kind"] for row in bf.ok("status", "--json").json["changes"]} == {"deleted"}
    bf.ok("restore", "mix.wav")
    assert (bf.directory / "mix.wav").read_bytes() == studio.sounds["mix.wav"]


def test_a_change_may_fetch_in_its_middle(studio: Studio) -> None:
    # The lock that what has come is published with is held by that very change.
    bf = studio.clone("--no-audio")
    bf.ok("restore", "stems/vocals.wav", "mix.wav")
    assert count_here(bf) == 2


def test_a_file_that_is_named_comes_before_it_is_read(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    bf.ok("analyze", "--help")
    assert files(bf) == ["track.toml"]
    bf.ok("analyze", "stems/bass.wav", "--json")
    assert files(bf) == ["stems/bass.wav", "track.toml"]
    assert_clean(bf)
    # Once is not for ever.
    assert "stems/bass.wav" not in (bf.directory / ".beatflow/partial").read_text()


def test_verifying_a_sum_brings_the_stems(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert "not the sum of its 3 stems" in bf("verify", "--sum").stdout
    assert files(bf) == [*SOUNDS, "track.toml"]


def test_the_rest_makes_it_whole(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert "4 files left elsewhere" in bf.ok("status").stderr
    assert bf.ok("fetch", "--rest", "-n", "--json").json["rest"] == 10
    assert "fetched 10 sounds" in bf.ok("fetch", "--rest").stderr
    assert not (bf.directory / ".beatflow/partial").exists()
    assert files(bf) == [*SOUNDS, "track.toml"]
    assert "left elsewhere" not in bf.ok("status").stderr
    shutil.rmtree(studio.depot)
    assert bf("check", "--data").code == 0


def test_each_remote_gives_what_it_has(studio: Studio) -> None:
    studio.bf.ok("branch", "early", "HEAD~3")
    studio.bf.ok("push", studio.folder / "stick", "early")
    bf = studio.clone("--no-audio")
    bf.ok("remote", "add", "stick", studio.folder / "stick")
    shutil.rmtree(studio.depot)
    said = bf.fails(3, "restore", "mix.wav", "stems/bass.wav")
    assert "mix.wav (sound " in said
    assert "bass" not in said
    # What could be had has come all the same.
    shutil.rmtree(studio.folder / "stick")
    assert bf.ok("cat", "HEAD:stems/bass.wav").out_bytes == studio.sounds["stems/bass.wav"]
