"""Between two tracks on one disk, from the command line: clone, push, pull, fetch, and what undo makes of them."""

from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.world import write_tone


def other(bf: Bf, folder: Path) -> Bf:
    """The same user in another folder, somewhat later."""
    bf.now += 600
    return Bf(folder, dict(bf.environment), bf.now)


def commit(bf: Bf, message: str, **texts: str) -> str:
    """Write text files and commit; the commit."""
    for name, text in texts.items():
        (bf.directory / f"{name}.txt").write_text(text)
    return bf.ok("commit", "-m", message).stdout.strip()


@pytest.fixture
def song(bf: Bf) -> Bf:
    """A track with a sound and two commits."""
    bf.ok("init")
    write_tone(bf.directory / "stems" / "bass.wav", hz=110)
    commit(bf, "first", notes="one\n\n\n\nfive\n")
    bf.ok("tag", "v1")
    commit(bf, "second", lyrics="la")
    return bf


@pytest.fixture
def copy(song: Bf, tmp_path: Path) -> Bf:
    """A clone of it."""
    song.ok("clone", song.directory, tmp_path / "copy")
    return other(song, tmp_path / "copy")


def head(bf: Bf, ref: str = "HEAD") -> str:
    return bf.ok("log", "-n", "1", "--format", "{oid}", ref).stdout.strip()


def log(bf: Bf) -> list[str]:
    return bf.ok("log", "--format", "{message}").stdout.split("\n")[:-1]


# Clone ---------------------------------------------------------------------------------------------------


def test_a_clone_has_everything_and_knows_where_it_came_from(song: Bf, copy: Bf) -> None:
    for name in ("stems/bass.wav", "notes.txt", "lyrics.txt"):
        assert (copy.directory / name).read_bytes() == (song.directory / name).read_bytes()
    assert copy.ok("status", "--porcelain").stdout == ""
    assert log(copy) == ["second", "first"]
    assert head(copy, "v1") == head(song, "v1")
    assert copy.ok("remote", "ls", "--json").json["remotes"] == [
        {"name": "origin", "url": str(song.directory), "endpoint": None}
    ]
    assert copy.ok("check").code == 0
    assert not list(copy.directory.parent.glob(".copy*"))


def test_a_clone_says_what_it_did(song: Bf, tmp_path: Path) -> None:
    found = song.ok("clone", song.directory, tmp_path / "new", "--json").json
    assert found["commit"] == head(song)
    assert (found["branch"], found["sounds"]) == ("main", 1)
    assert found["bytes"] > 0
    assert "cloned into" in song.ok("clone", song.directory, tmp_path / "newer").stderr


def test_a_clone_is_called_as_the_track_is(song: Bf, tmp_path: Path) -> None:
    away = other(song, tmp_path / "away")
    away.directory.mkdir()
    away.ok("clone", song.directory / ".beatflow")
    assert log(other(away, away.directory / "track")) == ["second", "first"]


def test_a_clone_may_begin_at_a_branch_or_a_tag(song: Bf, tmp_path: Path) -> None:
    song.ok("branch", "take2", "HEAD~1")
    song.ok("clone", song.directory, tmp_path / "branch", "-b", "take2", "-o", "studio")
    there = other(song, tmp_path / "branch")
    assert (log(there), there.ok("remote").stdout) == (["first"], f"studio  {song.directory}\n")
    song.ok("clone", song.directory, tmp_path / "tag", "--branch", "v1")
    assert "no branch" in other(song, tmp_path / "tag").ok("status").stdout
    assert "no revision 'nix'" in song.fails(3, "clone", song.directory, tmp_path / "nix", "-b", "nix")
    assert not list(tmp_path.glob(".nix*"))
    assert not (tmp_path / "nix").exists()


def test_a_clone_goes_nowhere_that_is_taken(song: Bf, copy: Bf, tmp_path: Path) -> None:
    assert "is there already" in song.fails(4, "clone", song.directory, copy.directory)
    assert "inside the track" in song.fails(2, "clone", song.directory, song.directory / "inner")
    (tmp_path / "empty").mkdir()
    song.ok("clone", song.directory, tmp_path / "empty")
    assert "nothing is at" in song.fails(3, "clone", tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_track_without_commits_can_be_cloned_and_pushed_to(bf: Bf, tmp_path: Path) -> None:
    bf.ok("init")
    assert "no commit yet" in bf.ok("clone", bf.directory, tmp_path / "copy").stderr
    copy = other(bf, tmp_path / "copy")
    commit(copy, "first", notes="hello")
    assert "new" in copy.ok("push").stderr
    assert (bf.directory / "notes.txt").read_text() == "hello"
    assert bf.ok("status", "--porcelain").stdout == ""


def test_an_interrupted_clone_goes_on_where_it_was(
    song: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.sharing.flows import cloning

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cloning, "_fill", stop)
        said = song.fails(130, "clone", song.directory, tmp_path / "copy")
    (kept,) = tmp_path.glob(".copy*")
    assert str(kept) in said
    assert not (tmp_path / "copy").exists()
    assert song.ok("clone", song.directory, tmp_path / "copy", "--json").json["sounds"] == 0
    assert log(other(song, tmp_path / "copy")) == ["second", "first"]
    assert not kept.exists()


def test_a_clone_is_where_a_track_begins(song: Bf, copy: Bf) -> None:
    assert "where the track began" in copy.fails(1, "undo")
    commit(copy, "third", notes="1")
    copy.ok("undo")
    assert "where the track began" in copy.fails(1, "undo")
    assert log(copy) == ["second", "first"]


# Fetch and pull ------------------------------------------------------------------------------------------


def test_fetch_brings_commits_and_sounds_and_touches_nothing_of_mine(song: Bf, copy: Bf) -> None:
    data = write_tone(song.directory / "stems" / "lead.wav", hz=440)
    new = commit(song, "third")
    before = head(copy)
    planned = copy.ok("fetch", "-n", "--json").json
    assert planned["remotes"][0]["sounds"] == 1
    assert head(copy, "origin/main") == before
    said = copy.ok("fetch").stderr
    assert "went on" in said
    assert "fetched 1 sound" in said
    assert (head(copy), head(copy, "origin/main")) == (before, new)
    assert copy.ok("cat", "origin/main:stems/lead.wav").out_bytes == data
    copy.ok("undo")
    assert head(copy, "origin/main") == before
    copy.ok("redo")
    assert head(copy, "origin/main") == new
    assert "nothing new at origin" in copy.ok("fetch").stderr
    assert copy.ok("check").code == 0


def test_fetch_of_one_branch_of_all_and_of_gone_ones(song: Bf, copy: Bf) -> None:
    song.ok("branch", "take2")
    song.ok("branch", "take3")
    copy.ok("fetch", "origin", "take2")
    names = {ref["ref"] for ref in copy.ok("ls-remote", ".", "--json").json["refs"]}
    assert names == {"refs/heads/main", "refs/tags/v1"}
    assert head(copy, "origin/take2") == head(song)
    assert "no revision" in copy("log", "origin/take3").stderr
    copy.ok("fetch", "--all")
    assert head(copy, "origin/take3") == head(song)
    song.ok("branch", "--delete", "take2")
    copy.ok("fetch")
    assert head(copy, "origin/take2") == head(song)
    assert "is gone" in copy.ok("fetch", "--prune").stderr
    assert "no revision" in copy("log", "origin/take2").stderr
    assert "no branch 'nix'" in copy.fails(3, "fetch", "origin", "nix")
    copy.fails(2, "fetch", "--all", "origin")


def test_a_tag_of_mine_stays_what_it_is(song: Bf, copy: Bf) -> None:
    mine = head(copy, "v1")
    song.ok("tag", "v1", "HEAD", "--force")
    song.ok("tag", "v2")
    said = copy.ok("fetch").stderr
    assert "kept as it is here" in said
    assert head(copy, "v1") == mine
    assert head(copy, "v2") == head(song)


def test_pull_goes_forward_as_one_step(song: Bf, copy: Bf) -> None:
    data = write_tone(song.directory / "stems" / "lead.wav", hz=440)
    new = commit(song, "third")
    before = head(copy)
    planned = copy.ok("pull", "-n", "--json").json
    assert (planned["kind"], planned["commit"], planned["sounds"]) == ("fast_forward", new, 1)
    assert head(copy, "origin/main") == before
    assert "went forward to origin/main" in copy.ok("pull").stderr
    assert (copy.directory / "stems" / "lead.wav").read_bytes() == data
    copy.ok("undo")
    assert head(copy) == head(copy, "origin/main") == before
    assert not (copy.directory / "stems" / "lead.wav").exists()
    copy.ok("redo")
    assert head(copy) == head(copy, "origin/main") == new
    assert "nothing to merge" in copy.ok("pull").stderr


def test_pull_merges_what_both_did(song: Bf, copy: Bf) -> None:
    commit(song, "theirs", notes="ONE\n\n\n\nfive\n")
    commit(copy, "mine", notes="one\n\n\n\nFIVE\n")
    assert "both gone on" in copy.fails(4, "pull", "--ff-only")
    assert head(copy, "origin/main") == head(song)
    assert copy.ok("pull", "-n", "--json").json["kind"] == "merged"
    assert copy.ok("pull", "--json").json["merged"] == [{"path": "notes.txt", "how": "text"}]
    assert (copy.directory / "notes.txt").read_text() == "ONE\n\n\n\nFIVE\n"
    assert log(copy)[0] == "Merge origin/main into main"
    copy.ok("push")
    assert (song.directory / "notes.txt").read_text() == "ONE\n\n\n\nFIVE\n"


def test_pull_leaves_conflicts_as_merge_does(song: Bf, copy: Bf) -> None:
    commit(song, "theirs", notes="theirs")
    commit(copy, "mine", notes="mine")
    result = copy("pull")
    assert result.code == 4
    assert "1 conflict" in result.stderr
    assert (copy.directory / "notes.ours.txt").read_text() == "mine"
    assert (copy.directory / "notes.theirs.txt").read_text() == "theirs"
    copy.ok("resolve", "notes.txt", "--take", "theirs")


def test_pull_never_overwrites_what_is_not_committed(song: Bf, copy: Bf) -> None:
    commit(song, "theirs", notes="theirs")
    (copy.directory / "notes.txt").write_text("not yet")
    assert "uncommitted changes" in copy.fails(4, "pull")
    assert (copy.directory / "notes.txt").read_text() == "not yet"
    # What came is here all the same.
    assert head(copy, "origin/main") == head(song)
    assert copy.ok("op", "log", "-n", "1").stdout.endswith("fetch: origin\n")


def test_pull_from_an_address_remembers_nothing(song: Bf, copy: Bf) -> None:
    new = commit(song, "third", notes="3")
    copy.ok("remote", "rm", "origin")
    assert "no remote yet" in copy.fails(3, "pull")
    assert "went forward" in copy.ok("pull", song.directory, "main").stderr
    assert head(copy) == new
    assert copy.ok("remote", "ls", "--json").json["remotes"] == []
    assert "has no branch 'nix'" in copy.fails(3, "pull", song.directory, "nix")


def test_pull_wants_a_branch_to_go_on(song: Bf, copy: Bf) -> None:
    copy.ok("switch", "--detach", "v1")
    assert "no branch" in copy.fails(2, "pull")
    copy.ok("switch", "-c", "mine")
    assert "'mine'" not in copy.ok("pull").stderr  # nothing of that name there: what the remote is on
    assert head(copy) == head(song)
    copy.fails(2, "pull", "--ff-only", "--no-ff")
    copy.fails(2, "pull", "origin", "--from-parent")


# Push ----------------------------------------------------------------------------------------------------


def test_push_is_one_operation_over_there_files_included(song: Bf, copy: Bf) -> None:
    before = head(song)
    data = write_tone(copy.directory / "stems" / "lead.wav", hz=440)
    new = commit(copy, "third")
    planned = copy.ok("push", "-n", "--json").json
    assert planned["refs"] == [{"ref": "refs/heads/main", "before": before, "after": new, "kind": "forward"}]
    assert (planned["sounds"], head(song)) == (1, before)
    said = copy.ok("push").stderr
    assert "origin/main" in said
    assert "sent 1 sound" in said
    assert head(song) == head(copy, "origin/main") == new
    assert (song.directory / "stems" / "lead.wav").read_bytes() == data
    assert song.ok("status", "--porcelain").stdout == ""
    song.ok("undo")
    assert head(song) == before
    assert not (song.directory / "stems" / "lead.wav").exists()
    assert song.ok("check").code == 0
    assert "nothing to push" not in copy.ok("push").stderr
    assert "nothing to push" in copy.ok("push").stderr


def test_push_leaves_uncommitted_work_over_there_alone(song: Bf, copy: Bf) -> None:
    commit(copy, "mine", notes="mine")
    (song.directory / "notes.txt").write_text("being written")
    before = head(song)
    said = copy.fails(4, "push")
    assert str(song.directory) in said
    assert "uncommitted" in said
    assert (song.directory / "notes.txt").read_text() == "being written"
    assert head(song) == before
    # Work on other files is carried along.
    song.ok("restore", "notes.txt")
    (song.directory / "lyrics.txt").write_text("la la")
    copy.ok("push")
    assert (song.directory / "notes.txt").read_text() == "mine"
    assert (song.directory / "lyrics.txt").read_text() == "la la"


def test_the_second_of_two_is_told_to_pull(song: Bf, copy: Bf) -> None:
    song.ok("clone", song.directory, copy.directory.parent / "third")
    third = other(song, copy.directory.parent / "third")
    commit(third, "quicker", lyrics="lo")
    third.ok("push")
    commit(copy, "slower", notes="1")
    said = copy.fails(4, "push")
    assert "somebody else has pushed" in said
    assert "bf pull origin" in said
    copy.ok("fetch")
    assert "somebody else has pushed" in copy.fails(4, "push")
    copy.ok("pull")
    copy.ok("push")
    assert sorted(log(song)) == ["Merge origin/main into main", "first", "quicker", "second", "slower"]


def test_a_lease_protects_what_nobody_has_looked_at(song: Bf, copy: Bf) -> None:
    theirs = commit(song, "theirs", lyrics="lo")
    commit(copy, "mine", notes="1")
    assert "not where it was last seen" in copy.fails(4, "push", "--force-with-lease")
    assert head(song) == theirs
    copy.ok("fetch")
    assert "replaced" in copy.ok("push", "--force-with-lease").stderr
    assert head(song) == head(copy)
    song.ok("undo")
    assert head(song) == theirs


def test_branches_tags_and_deletion(song: Bf, copy: Bf) -> None:
    copy.ok("branch", "take2")
    copy.ok("branch", "take3")
    copy.ok("tag", "v2")
    copy.ok("push", "origin", "take2", "take3:other", "v2")
    listed = {ref["ref"]: ref["oid"] for ref in song.ok("ls-remote", ".", "--json").json["refs"]}
    assert set(listed) == {
        "refs/heads/main", "refs/heads/take2", "refs/heads/other", "refs/tags/v1", "refs/tags/v2",
    }  # fmt: skip
    copy.ok("push", "--all", "--tags")
    assert head(song, "take3") == head(copy)
    assert "deleted" in copy.ok("push", "--delete", "take3", "--delete", "v2").stderr
    assert "no revision" in song("log", "take3").stderr
    assert "no branch or tag 'nix'" in copy.fails(3, "push", "--delete", "nix")
    assert "no branch or tag 'nix' here" in copy.fails(3, "push", "origin", "nix")
    assert "is on" in copy.fails(4, "push", "--delete", "main")
    song.ok("tag", "v1", "HEAD", "--force")
    assert "the tag v1" in copy.fails(4, "push", "--tags")
    copy.fails(2, "push", "origin", ":main")
    copy.fails(2, "push", "origin", "main:a..b")
    copy.fails(2, "push", "origin", "main", "take2:main")


def test_a_branch_follows_where_it_was_first_pushed(song: Bf, tmp_path: Path) -> None:
    song.ok("init", tmp_path / "box")
    song.ok("remote", "add", "box", tmp_path / "box")
    assert "follows box/main" in song.ok("push", "box").stderr
    song.ok("remote", "add", "origin", tmp_path / "nowhere")
    assert "nothing to push: box" in song.ok("push").stderr
    song.ok("remote", "rename", "box", "studio")
    assert "nothing to push: studio" in song.ok("push").stderr
    assert head(song, "studio/main") == head(song)
    song.ok("remote", "set-url", "studio", tmp_path / "elsewhere")
    assert song.ok("remote").stdout == (f"origin  {tmp_path / 'nowhere'}\nstudio  {tmp_path / 'elsewhere'}\n")


def test_what_cannot_be_pushed(song: Bf, bf: Bf, tmp_path: Path) -> None:
    assert "bf remote add origin URL" in song.fails(3, "push")
    assert "no remote 'nas'" in song.fails(3, "push", "nas")
    song.ok("init", tmp_path / "box")
    song.ok("switch", "--detach", "HEAD")
    assert "no branch" in song.fails(2, "push", tmp_path / "box")
    new = other(song, tmp_path / "new")
    new.directory.mkdir()
    new.ok("init")
    assert "no commit to push" in new.fails(3, "push", tmp_path / "box")


def test_undo_after_a_push_goes_on_to_what_was_before(song: Bf, copy: Bf) -> None:
    commit(song, "theirs", lyrics="lo")
    copy.ok("fetch")
    copy.ok("pull")
    commit(copy, "mine", notes="1")
    copy.ok("push")
    for _ in range(4):
        copy.ok("undo")
    assert log(copy) == ["second", "first"]
    assert "nothing to undo" in copy.fails(1, "undo")
    for _ in range(4):
        copy.ok("redo")
    assert head(copy) == head(song)


# Names ---------------------------------------------------------------------------------------------------


def test_remotes_of_odd_names(song: Bf, tmp_path: Path) -> None:
    for name in ("-x", "a/b", "a b", "..", ".x", "x.lock", "", 'a"b', "ü" * 60):
        assert "cannot be a remote's name" in song.fails(2, "remote", "add", "--", name, tmp_path / "box")
    song.ok("remote", "add", "my.nas", tmp_path / "box")
    song.ok("remote", "add", "bühne", tmp_path / "bü hne; rm -rf")
    assert "already" in song.fails(4, "remote", "add", "MY.NAS", tmp_path / "other")
    assert f"my.nas  {tmp_path / 'box'}" in song.ok("remote").stdout
    assert "did you mean my.nas?" in song.fails(3, "remote", "rm", "my.nass")
    song.ok("remote", "rm", "my.nas")
    assert song.ok("remote").stdout == f"bühne  {tmp_path / 'bü hne; rm -rf'}\n"
    assert "already" in song.fails(4, "remote", "rename", "bühne", "bühne")


def test_dry_runs_of_remote_change_nothing(song: Bf, tmp_path: Path) -> None:
    song.ok("remote", "add", "-n", "box", tmp_path / "box")
    assert "no remote yet" in song.ok("remote").stderr
    song.ok("remote", "add", "box", tmp_path / "box")
    before = (song.directory / ".beatflow" / "config").read_bytes()
    song.ok("remote", "rm", "-n", "box")
    song.ok("remote", "rename", "-n", "box", "nas")
    song.ok("remote", "set-url", "-n", "box", tmp_path / "other")
    assert (song.directory / ".beatflow" / "config").read_bytes() == before


def test_tracks_in_folders_of_odd_names(song: Bf, tmp_path: Path) -> None:
    for name in ("ada@home", "-dash", "per cent%20", "ünï côdé", "a:b"):
        song.ok("clone", song.directory, "--", tmp_path / name)
        there = other(song, tmp_path / name)
        commit(there, "more", notes=name)
        there.ok("push")
        there.ok("clone", "--", f"../{name}", f"../{name} again")
        assert (tmp_path / f"{name} again" / "notes.txt").read_text() == name


def test_a_password_in_an_address_is_refused(song: Bf, tmp_path: Path) -> None:
    for arguments in (
        ["remote", "add", "origin", "https://ada:hunter2@example.com/x.git"],
        ["clone", "https://ada:hunter2@example.com/x.git", tmp_path / "x"],
        ["push", "https://ada:hunter2@example.com/x.git"],
        ["ls-remote", "https://ada:hunter2@example.com/x.git"],
    ):
        said = song.fails(2, *arguments)
        assert "password" in said
        assert "hunter2" not in said


def test_offline_reaches_this_machine_only(song: Bf, copy: Bf) -> None:
    copy.environment["BF_OFFLINE"] = "1"
    assert "offline" in copy.fails(1, "ls-remote", "https://example.com/x.git")
    copy.ok("fetch")


def test_ls_remote_lists_what_is_there_now(song: Bf, copy: Bf, tmp_path: Path) -> None:
    new = commit(song, "third", notes="3")
    assert copy.ok("ls-remote").stdout == (
        f"{new}  refs/heads/main  (default)\n{head(song, 'v1')}  refs/tags/v1\n"
    )
    outside = other(song, tmp_path)
    assert outside.ok("ls-remote", song.directory, "--json").json["kind"] == "track"
    assert "not in a track" in outside.fails(3, "ls-remote")


def test_going_to_a_branch_of_the_remote_makes_one_that_follows_it(song: Bf, copy: Bf) -> None:
    song.ok("branch", "dub")
    copy.ok("fetch")
    copy.ok("switch", "-n", "dub")
    assert "* main" in copy.ok("branch").stdout
    copy.ok("switch", "dub")
    commit(copy, "dubbed", lyrics="da")
    assert "origin/dub  went on" in copy.ok("push").stderr
    assert head(song, "dub") == head(copy)
    # Which of two would be meant is not for us to say.
    copy.ok("switch", "main")
    copy.ok("branch", "--delete", "dub", "--force")
    copy.ok("remote", "add", "second", song.directory)
    copy.ok("fetch", "second")
    assert "no branch 'dub'" in copy.fails(3, "switch", "dub")
