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


@pytest.mark.parametrize("name", ["up", "link", "ours", "case"])
def test_a_fetch_and_a_pull_move_nothing(good: Bf, tmp_path: Path, name: str) -> None:
    forge, word = HARM[name]
    where = bare(good, tmp_path, forge)
    good.ok("remote", "add", "evil", where)
    before = GitStore(good.directory / ".beatflow").read_refs()
    for command in (["fetch", "evil"], ["pull", "evil"]):
        result = good(*command)
        assert result.code == 1
        assert word in result.stderr
    assert GitStore(good.directory / ".beatflow").read_refs() == before
    assert good.ok("status", "--porcelain").stdout == ""
    assert good.ok("gc").code == 0


def test_refs_of_odd_names(good: Bf, tmp_path: Path) -> None:
    where = bare(good, tmp_path, lambda f: f.one(FILE, "a.txt", b"x"))
    oid = (where / "refs" / "heads" / "main").read_text()
    (where / "packed-refs").write_text(
        f"# pack-refs with: peeled fully-peeled sorted \n{oid.strip()} refs/heads/Main\n"
    )
    result = good("clone", where, tmp_path / "copy")
    assert result.code == 1
    assert "differ in case only" in result.stderr
    assert not (tmp_path / "copy").exists()


def test_what_is_accepted_where_it_is_wanted(good: Bf, tmp_path: Path) -> None:
    forge, _ = HARM["case"]
    where = bare(good, tmp_path, forge)
    good.environment["BF_ACCEPT"] = "clashes"
    good.ok("clone", where, tmp_path / "copy")
    assert (tmp_path / "copy" / "mix.wav").read_bytes() == b"1"
    assert (tmp_path / "copy" / "MIX.wav").read_bytes() == b"2"


def test_track_toml_leads_nowhere(good: Bf, tmp_path: Path) -> None:
    """A score that came from elsewhere cannot have its mix written outside the track."""
    for path in ("../out.wav", str(tmp_path / "out.wav"), ".beatflow/out.wav"):
        (good.directory / "track.toml").write_text(f'[mix]\nfile = "{path}"\n[stems.a]\nfile = "mix.wav"\n')
        result = good("mix")
        assert result.code not in (0, 70), result.stderr
    assert not (tmp_path / "out.wav").exists()
