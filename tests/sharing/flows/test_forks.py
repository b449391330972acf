"""Forks: from a track, from a remote, at a remote; and the way back to the parent."""

from pathlib import Path

import pytest

from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sharing.flows.forking import split_source
from beatflow.sharing.parent import PARENT_REF, Parent, read_parent, write_parent
from tests.conftest import Bf
from tests.world import write_tone

ADA = Signature("Ada", "ada@example.com", 1_700_000_000, 0)


def other(bf: Bf, folder: Path) -> Bf:
    bf.now += 600
    return Bf(folder, dict(bf.environment), bf.now)


def head(bf: Bf, ref: str = "HEAD") -> str:
    return bf.ok("log", "-n", "1", "--format", "{oid}", ref).stdout.strip()


@pytest.fixture
def depot(bf: Bf, tmp_path: Path) -> Path:
    """A depot with two commits, the first of which is tagged; ``bf`` is the track that it came from."""
    bf.ok("init")
    write_tone(bf.directory / "bass.wav", hz=110)
    bf.ok("commit", "-m", "first")
    bf.ok("tag", "v1")
    (bf.directory / "notes.txt").write_text("more\n")
    bf.ok("commit", "-m", "second")
    bf.ok("remote", "add", "origin", tmp_path / "depot")
    bf.ok("push", "--all", "--tags")
    return tmp_path / "depot"


@pytest.mark.parametrize(
    ("text", "source", "revision"),
    [
        ("../song", "../song", None),
        ("../song@v1", "../song", "v1"),
        (".@HEAD~1", ".", "HEAD~1"),
        ("@v1", ".", "v1"),
        ("s3://label/song", "s3://label/song", None),
        ("s3://label/song@v1", "s3://label/song", "v1"),
        ("https://ada@example.com/song.git", "https://ada@example.com/song.git", None),
        ("https://ada@example.com/song.git@take2", "https://ada@example.com/song.git", "take2"),
        ("git@example.com:song.git", "git@example.com:song.git", None),
        ("git@example.com:song.git@v1~2", "git@example.com:song.git", "v1~2"),
        ("ssh://git@example.com:2222/song.git@v1", "ssh://git@example.com:2222/song.git", "v1"),
    ],
)
def test_a_revision_is_told_from_an_address(text: str, source: str, revision: str | None) -> None:
    assert split_source(text) == (source, revision)


def test_what_is_there_under_its_whole_name_is_meant(tmp_path: Path) -> None:
    (tmp_path / "ada@home").mkdir()
    assert split_source(f"{tmp_path}/ada@home") == (f"{tmp_path}/ada@home", None)


def test_fork_a_remote_into_a_folder_and_follow_its_parent(bf: Bf, depot: Path, tmp_path: Path) -> None:
    made = bf.ok("fork", f"{depot}@v1", tmp_path / "mine", "--json").json
    assert (made["commit"], made["parent"]) == (head(bf, "v1"), str(depot))
    mine = other(bf, tmp_path / "mine")
    assert head(mine) == head(bf, "v1")
    assert mine.ok("branch").stdout.startswith("* main ")
    assert "(parent/main)" in mine.ok("log", "--graph", "--all").stdout
    # A fork's own remote is another: nothing goes to the parent by itself.
    assert "no remote of its own" in mine.fails(3, "push")
    assert head(bf, "v1") in mine.ok("ls-remote").stdout
    (mine.directory / "mine.txt").write_text("mine")
    mine.ok("commit", "-m", "mine")
    said = mine.ok("pull", "--from-parent").stderr
    assert "merged parent/main" in said
    assert (mine.directory / "notes.txt").read_text() == "more\n"
    assert mine.ok("check").code == 0


def test_fork_from_one_remote_to_another(bf: Bf, depot: Path, tmp_path: Path) -> None:
    there = f"file://{tmp_path}/remix"
    planned = bf.ok("fork", "-n", depot, there, "--json").json
    assert (planned["path"], planned["commit"]) == (None, None)
    assert not (tmp_path / "remix").exists()
    bf.ok("fork", depot, there)
    assert "has a track already" in bf.fails(4, "fork", depot, there)
    listed = bf.ok("ls-remote", there, "--json").json["refs"]
    assert {ref["ref"] for ref in listed} == {"refs/heads/main", "refs/tags/v1", PARENT_REF}
    bf.ok("clone", there, tmp_path / "copy")
    copy = other(bf, tmp_path / "copy")
    assert head(copy) == head(bf)
    # A folder over there may be another thing here.
    assert [item["name"] for item in copy.ok("remote", "ls", "--json").json["remotes"]] == ["origin"]
    assert not list(tmp_path.glob("beatflow-fork-*"))


def test_fork_a_track_to_a_remote(bf: Bf, depot: Path, tmp_path: Path) -> None:
    there = f"file://{tmp_path}/remix"
    bf.ok("fork", "-n", ".@v1", there)
    assert not (tmp_path / "remix").exists()
    bf.ok("fork", ".@v1", there)
    listed = {ref["ref"]: ref["oid"] for ref in bf.ok("ls-remote", there, "--json").json["refs"]}
    assert listed == {"refs/heads/main": head(bf, "v1"), "refs/tags/v1": head(bf, "v1")}


def test_the_link_to_a_parent_travels(bf: Bf, depot: Path, tmp_path: Path) -> None:
    # A parent that others can reach: the link is made as `fork` makes it of such an address.
    repository = Repository(bf.directory, lambda: ADA)
    parent = Parent("https://example.com/song.git", head(bf, "v1"))
    repository.git.write_ref(PARENT_REF, write_parent(repository.git, parent, ADA))
    (bf.directory / "notes.txt").write_text("even more\n")
    bf.ok("commit", "-m", "third")
    bf.ok("push")
    bf.ok("clone", depot, tmp_path / "copy")
    copy = other(bf, tmp_path / "copy")
    assert f"parent  {parent.url}\n" in copy.ok("remote").stdout
    found = Repository(copy.directory, lambda: ADA).git
    assert read_parent(found, found.read_ref(PARENT_REF) or "") == parent
    assert copy.ok("check").code == copy.ok("gc").code == 0
    assert "fork of" not in copy.ok("log", "--all").stdout
    # And on from there.
    copy.ok("remote", "add", "box", tmp_path / "box")
    copy.ok("push", "box")
    assert PARENT_REF in copy.ok("ls-remote", "box").stdout


@pytest.mark.parametrize(
    "url", ["/etc", "file:///etc", "https://ada:secret@example.com/x.git", "ext::sh -c true", ""]
)
def test_a_stranger_names_no_place_of_this_machine(bf: Bf, depot: Path, tmp_path: Path, url: str) -> None:
    repository = Repository(bf.directory, lambda: ADA)
    link = write_parent(repository.git, Parent(url, head(bf)), ADA)
    repository.git.write_ref(PARENT_REF, link)
    (bf.directory / "notes.txt").write_text("x\n")
    bf.ok("commit", "-m", "third")
    bf.ok("push")
    bf.ok("clone", depot, tmp_path / "copy")
    assert other(bf, tmp_path / "copy").ok("remote").stdout == f"origin  {depot}\n"


def test_what_is_no_link(bf: Bf) -> None:
    bf.ok("init")
    git = Repository(bf.directory, lambda: ADA).git
    from beatflow.objects.git.value import FILE, Entry

    assert read_parent(git, "0" * 40) is None
    for data in (b"", b"[]", b"{}", b'{"url": 1, "commit": 2}', b"x" * 5000, b"[" * 3000):
        tree = git.write_tree({"parent.json": Entry(FILE, git.write_blob(data))})
        assert read_parent(git, git.write_commit(tree, [], "x", ADA)) is None
    assert read_parent(git, git.write_commit(git.write_tree({}), [], "x", ADA)) is None


def test_forks_that_cannot_be(bf: Bf, depot: Path, tmp_path: Path) -> None:
    assert "no folder" in bf.fails(2, "fork", tmp_path / "nowhere", tmp_path / "new")
    assert "no revision" in bf.fails(3, "fork", f"{depot}@nix", tmp_path / "new")
    assert "is there already" in bf.fails(4, "fork", depot, depot)
    bf.ok("init", tmp_path / "empty")
    empty = tmp_path / "empty-depot"
    empty.mkdir()
    assert "nothing is at" in bf.fails(3, "fork", empty, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_partial_clone_is_forked_and_pushed_elsewhere_whole(bf: Bf, depot: Path, tmp_path: Path) -> None:
    bf.ok("clone", "--no-audio", depot, tmp_path / "part")
    part = other(bf, tmp_path / "part")
    assert not (part.directory / "bass.wav").exists()
    there = f"file://{tmp_path}/second"
    assert part.ok("push", "-n", there, "--json").json["sounds"] == 1
    part.ok("push", there)
    part.ok("fork", there, tmp_path / "again")
    assert other(bf, tmp_path / "again").ok("check").code == 0
    bf.ok("clone", "--no-audio", depot, tmp_path / "part2")
    part.ok("fork", "../part2", tmp_path / "mine")
    mine = other(bf, tmp_path / "mine")
    assert (mine.directory / "bass.wav").read_bytes() == (bf.directory / "bass.wav").read_bytes()
    assert mine.ok("status", "--porcelain").stdout == ""
