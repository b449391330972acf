"""What a track knows of its remotes, and what its branches follow: undone and redone like all else, told by status."""

from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.servers import S3, has


def commit(bf: Bf, message: str, **texts: str) -> None:
    bf.now += 60
    for name, text in texts.items():
        (bf.directory / f"{name}.txt").write_text(text)
    bf.ok("commit", "-m", message)


@pytest.fixture
def song(bf: Bf) -> Bf:
    """A track with a commit, and an empty folder beside it to share it by."""
    bf.ok("init")
    commit(bf, "first", notes="one")
    return bf


def remotes(bf: Bf) -> dict[str, str]:
    return {row["name"]: Path(row["url"]).name for row in bf.ok("remote", "ls", "--json").json["remotes"]}


def upstream(bf: Bf) -> tuple[str, int, int] | None:
    found = bf.ok("status", "--json").json["upstream"]
    return (found["name"], found["ahead"], found["behind"]) if found else None


def test_remotes_are_taken_back_and_done_again(song: Bf) -> None:
    steps = [
        (("add", "origin", "../one"), {"origin": "one"}),
        (("set-url", "origin", "../two"), {"origin": "two"}),
        (("rename", "origin", "label"), {"label": "two"}),
        (("rm", "label"), {}),
    ]
    before: dict[str, str] = {}
    states = []
    for words, after in steps:
        song.ok("remote", *words)
        assert remotes(song) == after
        states.append(before)
        before = after
    for state in reversed(states):
        song.ok("undo")
        assert remotes(song) == state
    for _, after in steps:
        song.ok("redo")
        assert remotes(song) == after
    assert song.ok("check").code == 0


def test_forgetting_a_remote_is_taken_back_with_all_that_was_known_of_it(song: Bf) -> None:
    song.ok("remote", "add", "origin", "../shared")
    song.ok("push")
    known = song.ok("log", "--graph", "--oneline").stdout
    song.ok("remote", "rm", "origin")
    assert "origin/main" not in song.ok("log", "--graph", "--oneline").stdout
    assert upstream(song) is None
    song.ok("undo")
    assert song.ok("log", "--graph", "--oneline").stdout == known
    assert upstream(song) == ("origin/main", 0, 0)
    assert "nothing to push" in song.ok("push").stderr


def test_what_somebody_set_by_hand_is_theirs(song: Bf) -> None:
    song.ok("remote", "add", "origin", "../one")
    config = song.directory / ".beatflow" / "config"
    config.write_text(config.read_text().replace("/one", "/three"))
    song.ok("undo")
    assert remotes(song) == {"origin": "three"}


def test_a_branch_goes_on_following_under_another_name_and_forgets_when_it_goes(song: Bf) -> None:
    song.ok("remote", "add", "origin", "../shared")
    song.ok("switch", "-c", "dub")
    song.ok("push")
    song.ok("branch", "dub", "--move", "dub2")
    assert upstream(song) == ("origin/dub", 0, 0)
    song.ok("undo")
    assert song.ok("status", "--json").json["branch"] == "dub"
    assert upstream(song) == ("origin/dub", 0, 0)
    song.ok("switch", "main")
    song.ok("branch", "-d", "dub")
    song.ok("switch", "-c", "dub")
    assert upstream(song) is None


def test_status_says_what_is_to_push_and_to_pull(song: Bf, tmp_path: Path) -> None:
    song.ok("remote", "add", "origin", "../shared")
    assert song.ok("status").stdout == "on main\n"
    song.ok("push")
    assert song.ok("status").stdout == "on main, as origin/main\n"
    song.ok("clone", tmp_path / "shared", tmp_path / "copy")
    copy = Bf(tmp_path / "copy", dict(song.environment), song.now + 600)
    commit(copy, "theirs", lyrics="la")
    copy.ok("push")
    commit(song, "mine", notes="two")
    commit(song, "mine too", notes="three")
    assert song.ok("status").stdout == "on main, 2 commits to push (origin/main)\n"
    song.ok("fetch")
    assert upstream(song) == ("origin/main", 2, 1)
    said = song.ok("status").stdout
    assert said == "on main, 2 commits to push and 1 commit to pull (origin/main)\n"
    song.ok("pull")
    assert song.ok("status").stdout == "on main, 3 commits to push (origin/main)\n"


def test_nothing_to_pull_from_where_no_commit_is(song: Bf, tmp_path: Path) -> None:
    empty = Bf(tmp_path / "empty", dict(song.environment), song.now)
    empty.directory.mkdir()
    empty.ok("init")
    song.ok("remote", "add", "origin", "../empty")
    said = song.fails(3, "pull")
    assert "origin has no commit yet" in said
    assert "bf push origin" in said
    song.ok("push")
    song.ok("switch", "--detach", "HEAD")
    assert "bf switch -c NAME" in song.fails(2, "push")
    assert "no parent" in song.fails(3, "pull", "--from-parent")


@pytest.mark.parametrize("name", ["../x", "-x", "a/b", ".", ""])
def test_a_clone_calls_its_remote_by_a_name(song: Bf, tmp_path: Path, name: str) -> None:
    song.fails(2, "clone", song.directory, tmp_path / "copy", f"--origin={name}")
    assert not (tmp_path / "copy").exists()


if has("weed"):

    def test_an_endpoint_may_be_given_with_every_address(song: Bf, tmp_path: Path, s3: S3) -> None:
        song.environment |= s3.environment() | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        url, there = f"s3://{s3.bucket()}/song", f"--endpoint={s3.endpoint}"
        song.ok("push", url, "main", there)
        song.ok("pull", url, there)
        assert "refs/heads/main" in song.ok("ls-remote", url, there).stdout
        song.ok("remote", "add", "nas", url, "--endpoint=http://127.0.0.1:1")
        song.ok("fetch", "nas", there)
        song.ok("clone", url, tmp_path / "copy", there)
        copy = Bf(tmp_path / "copy", dict(song.environment), song.now + 600)
        assert "nothing to push" in copy.ok("push").stderr
