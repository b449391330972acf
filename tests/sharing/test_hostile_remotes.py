"""Remotes that mean harm, of every kind, from the command line: refused with a word, and nothing is there after."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Signature
from beatflow.places.disk import DiskPlace
from beatflow.repository import Repository
from beatflow.sharing.access import Access
from beatflow.sharing.depot import refs
from beatflow.sharing.opening import open_remote
from beatflow.sharing.remote import RefUpdate
from tests.conftest import Bf
from tests.servers import GitHost, has
from tests.sharing.hostile import FILE, LINK, SUBMODULE, TREE, Forger, entry, number, pack
from tests.world import write_tone

Forge = Callable[[Forger], str]

HARM: dict[str, tuple[Forge, str]] = {
    "up": (lambda f: f.one(FILE, "../evil.txt", b"x"), "no folder may hold"),
    "dots": (lambda f: f.one(TREE, "..", f.tree((FILE, "evil.txt", f.blob(b"x")))), "no folder may hold"),
    "absolute": (lambda f: f.one(FILE, "/tmp/evil.txt", b"x"), "no folder may hold"),
    "ours": (lambda f: f.one(TREE, ".beatflow", f.tree((FILE, "config", f.blob(b"x")))), "private"),
    "ours in capitals": (lambda f: f.one(FILE, ".BEATFLOW", b"x"), "private"),
    "git": (lambda f: f.one(TREE, ".git", f.tree((FILE, "config", f.blob(b"x")))), "private"),
    "git by its short name": (lambda f: f.one(FILE, "git~1", b"x"), "private"),
    "link": (lambda f: f.one(LINK, "stems", b"/etc"), "leads out"),
    "link up": (lambda f: f.one(LINK, "stems", b"../.."), "leads out"),
    "case": (
        lambda f: f.commit(f.tree((FILE, "mix.wav", f.blob(b"1")), (FILE, "MIX.wav", f.blob(b"2")))),
        "take them for one",
    ),
    "submodule": (lambda f: f.one(SUBMODULE, "lib", "12" * 20), "submodule"),
    "size": (lambda f: f.one(FILE, "a.wav", f.pointer(size=10**17)), "cannot be its size"),
    "two entries": (
        lambda f: f.commit(f.tree((FILE, "a", f.blob(b"1")), (FILE, "a", f.blob(b"2")))),
        "two entries",
    ),
    "billions": (lambda f: f.commit(_billions(f)), "the most"),
}


def _billions(forger: Forger) -> str:
    oid = forger.blob(b"x")
    for depth in range(9):
        oid = forger.tree(*((TREE if depth else FILE, f"{number}", oid) for number in range(10)))
    return oid


@pytest.fixture
def good(bf: Bf) -> Bf:
    """A track with a commit."""
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    bf.ok("commit", "-m", "good")
    return bf


def corrupt(track: Bf, forge: Forge) -> None:
    """Have the track's branch name a commit that nobody should take."""
    forger = Forger.of(GitStore(track.directory / ".beatflow"))
    (track.directory / ".beatflow" / "refs" / "heads" / "main").write_text(forge(forger) + "\n")


def bare(good: Bf, tmp_path: Path, forge: Forge) -> Path:
    forger = Forger(tmp_path / "evil.git")
    (tmp_path / "evil.git" / "refs" / "heads" / "main").write_text(forge(forger) + "\n")
    return tmp_path / "evil.git"


def track(good: Bf, tmp_path: Path, forge: Forge) -> Path:
    good.ok("clone", good.directory, tmp_path / "evil")
    evil = Bf(tmp_path / "evil", dict(good.environment), good.now)
    corrupt(evil, forge)
    return evil.directory


def depot(good: Bf, tmp_path: Path, forge: Forge) -> Path:
    """What somebody who writes to a depot by a program of their own puts there."""
    where = track(good, tmp_path, forge)
    repository = Repository(where, lambda: Signature("Eve", "eve@x", 1))
    access = Access(repository.signer, tmp_path)
    commit = repository.git.read_target("refs/heads/main")
    assert commit
    place = tmp_path / "stick"
    open_remote(str(place), access).publish(repository, [RefUpdate("refs/heads/main", None, commit)])
    return place


CASES = [(kind, name) for kind in (bare, track, depot) for name in HARM]
# Our own writer of packs does not take it.
CASES.remove((depot, "two entries"))


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_clone_leaves_nothing(
    good: Bf, tmp_path: Path, kind: Callable[[Bf, Path, Forge], Path], name: str
) -> None:
    forge, word = HARM[name]
    where = kind(good, tmp_path, forge)
    before = {path.name for path in tmp_path.iterdir()}
    result = good("clone", where, tmp_path / "copy")
    assert result.code in (1, 7), result.stderr
    assert word in result.stderr
    assert "bug" not in result.stderr
    assert not (tmp_path / "copy").exists()
    left = {path.name for path in tmp_path.iterdir()} - before
    assert all(one.startswith(".") for one in left)
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize(
    "bomb",
    [
        entry(6, number(5) + number(1 << 40) + b"\x90", base=b"\x05"),
        entry(7, number(5) + number(1 << 30) + b"\x90\x05", base=bytes(20)),
        entry(3, b"x", announced=1 << 35),
    ],
)
def test_a_depot_whose_history_unpacks_without_end(good: Bf, tmp_path: Path, bomb: bytes) -> None:
    where = tmp_path / "stick"
    good.ok("push", where)
    evil = pack(tmp_path / "evil.pack", entry(3, b"hello"), bomb)
    name = hashlib.sha256(evil.read_bytes()).hexdigest()
    shutil.copy(evil, where / "history" / f"{name}.pack")
    document = refs.read_document(DiskPlace(where))
    assert document
    changed = replace(document, history=[*document.history, name])
    (where / "refs.json").write_bytes(refs.encode_document(changed))
    result = good("clone", where, tmp_path / "copy")
    assert result.code in (1, 7)
    assert "pack" in result.stderr
    assert not (tmp_path / "copy").exists()


PULLS = [
    (kind, name)
    for kind in (bare, track, depot)
    for name in ("up", "link", "ours", "case", "size", "submodule")
]


@pytest.mark.parametrize(("kind", "name"), PULLS)
def test_a_fetch_and_a_pull_move_nothing(
    good: Bf, tmp_path: Path, kind: Callable[[Bf, Path, Forge], Path], name: str
) -> None:
    forge, word = HARM[name]
    where = kind(good, tmp_path, forge)
    good.ok("remote", "add", "evil", where)
    before = GitStore(good.directory / ".beatflow").read_refs()
    for command in (["fetch", "evil"], ["pull", "evil"], ["pull", "evil"]):
        result = good(*command)
        assert result.code == 1
        assert word in result.stderr
    assert GitStore(good.directory / ".beatflow").read_refs() == before
    assert good.ok("status", "--porcelain").stdout == ""
    assert not (tmp_path / "evil.txt").exists()
    assert good.ok("gc").code == 0


if has("git", "git-lfs"):

    @pytest.mark.parametrize("name", ["up", "link", "ours", "case", "git by its short name"])
    def test_a_host(good: Bf, tmp_path: Path, git_host: GitHost, name: str) -> None:
        """A git host passes on whatever was put there: git itself looks at it when it is checked out."""
        forge, word = HARM[name]
        repository = git_host.repository()
        forger = Forger.of(GitStore(git_host.path(repository)))
        (forger.git.path / "refs" / "heads" / "main").write_text(forge(forger) + "\n")
        home = tmp_path / "home"
        home.mkdir()
        git_host.netrc(home)
        good.environment |= {"HOME": str(home)}
        result = good("clone", git_host.url(repository), tmp_path / "copy")
        assert result.code == 1
        assert word in result.stderr
        assert not (tmp_path / "copy").exists()
        good.ok("remote", "add", "evil", git_host.url(repository))
        result = good("pull", "evil")
        assert result.code == 1
        assert word in result.stderr
        assert good.ok("status", "--porcelain").stdout == ""


def test_refs_of_odd_names(good: Bf, tmp_path: Path) -> None:
    where = bare(good, tmp_path, lambda f: f.one(FILE, "a.txt", b"x"))
    oid = (where / "refs" / "heads" / "main").read_text()
    (where / "packed-refs").write_text(
        f"# pack-refs with: peeled fully-peeled sorted \n{oid.strip()} refs/heads/Main\n"
    )
    result = good("clone", where, tmp_path / "copy")
    assert result.code == 1
    assert "differ in case only" in result.stderr
    assert "BF_ACCEPT=clashes" in result.stderr
    assert not (tmp_path / "copy").exists()
    assert len(good.ok("ls-remote", where).stdout.splitlines()) == 2
    good.environment["BF_ACCEPT"] = "clashes"
    good.ok("clone", where, tmp_path / "copy")


def test_what_is_accepted_where_it_is_wanted(good: Bf, tmp_path: Path) -> None:
    forge, _ = HARM["case"]
    where = bare(good, tmp_path, forge)
    good.environment["BF_ACCEPT"] = "clashes"
    good.ok("clone", where, tmp_path / "copy")
    assert (tmp_path / "copy" / "mix.wav").read_bytes() == b"1"
    assert (tmp_path / "copy" / "MIX.wav").read_bytes() == b"2"


@pytest.mark.parametrize("path", ["../out.wav", "/out.wav", ".beatflow/out.wav", "stems/../../out.wav"])
def test_a_score_leads_nowhere(good: Bf, tmp_path: Path, path: str) -> None:
    """A score that came from elsewhere has nothing written outside the track, nor read there."""
    (good.directory / "stems").mkdir()
    write_tone(good.directory / "stems" / "a.wav")
    write_tone(tmp_path / "out.wav")
    path = str(tmp_path / "out.wav") if path == "/out.wav" else path
    (good.directory / "track.toml").write_text(
        f'[mix]\nfile = "mix.wav"\n[stems.a]\nfile = "stems/a.wav"\n[stems."../../b"]\nfile = "{path}"\n'
        '[stems."../../c"]\nfile = "stems/a.wav"\n'
    )
    good.ok("commit", "-m", "odd")
    before = {one.name for one in tmp_path.iterdir()}
    for turn, kind in enumerate(("--wav", "--reaper", "--dawproject", "--zip")):
        (tmp_path / "a" / "b").mkdir(parents=True, exist_ok=True)
        result = good("export", kind, tmp_path / "a" / "b" / f"to{turn}")
        assert result.code != 70, result.stderr
    good("split", "mix.wav", "--to", path)
    good("verify", "--sum")
    assert {one.name for one in tmp_path.iterdir()} - before <= {"a"}
    assert {one.name for one in (tmp_path / "a").iterdir()} == {"b"}


def test_a_bfignore_that_would_take_for_ever(good: Bf) -> None:
    (good.directory / ".bfignore").write_text("*a" * 30 + "b\n")
    (good.directory / ("a" * 200)).write_text("x")
    assert "too many *" in good.fails(2, "status")


@pytest.mark.parametrize("score", ["a = " + "[" * 100_000, "a = " + "9" * 5000, 'a = {b = "'])
def test_a_score_that_nobody_can_read(good: Bf, tmp_path: Path, score: str) -> None:
    """History goes on without it; what needs it says so."""
    (good.directory / "track.toml").write_text(score)
    good.ok("commit", "-m", "odd")
    good.ok("clone", good.directory, tmp_path / "copy")
    copy = Bf(tmp_path / "copy", dict(good.environment), good.now)
    for command in ("log", "show", "status", "license", "check"):
        assert copy(command).code != 70, command
    assert "track.toml cannot be read" in copy.fails(2, "export", "--reaper", tmp_path / "song.rpp")
