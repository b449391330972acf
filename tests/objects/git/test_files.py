"""What is read and written without libgit2 is what git reads and writes; what is not plain is left to libgit2."""

import random
import subprocess
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.git.files import BLOB, UNKNOWN, GitFiles, decode_commit, is_plain_signature
from beatflow.objects.git.libgit import LibGit
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry, Signature

ADA = Signature("Ada Lovelace", "ada@example.com", 1_700_000_000, -90)


def git(store: GitStore, *argv: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(
        ["git", "--git-dir", store.path, *argv], input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    found = GitStore.create(tmp_path / "track.git")
    tree = found.write_tree({"a/b.txt": Entry(FILE, found.write_blob(b"one\n"))})
    first = found.write_commit(tree, [], "first", ADA)
    found.write_ref("refs/heads/main", first, ADA)
    found.write_ref("refs/heads/main", found.write_commit(tree, [first], "second\n\nbody", ADA), ADA)
    found.flush()
    return GitStore(found.path)


def test_git_finds_nothing_wrong(store: GitStore) -> None:
    assert git(store, "fsck", "--strict") == ""
    assert git(store, "log", "--format=%an <%ae> %ad %s", "--date=raw") == (
        "Ada Lovelace <ada@example.com> 1700000000 -0130 second\n"
        "Ada Lovelace <ada@example.com> 1700000000 -0130 first"
    )
    assert git(store, "cat-file", "-p", "HEAD:a/b.txt") == "one"
    # The first move of a branch is written by libgit2, which begins its log; the second is not.
    assert git(store, "reflog", "--format=%H", "main").splitlines() == [
        store.resolve("HEAD"),
        store.resolve("HEAD~1"),
    ]
    assert git(store, "reflog", "--format=%H", "HEAD") == git(store, "reflog", "--format=%H", "main")


def test_all_is_the_same_after_git_has_packed_it(store: GitStore) -> None:
    def look(found: GitStore) -> list[object]:
        head = found.resolve("HEAD") or ""
        commit = found.read_commit(head)
        blob = found.read_tree(commit.tree)["a/b.txt"].oid
        refs = found.read_refs(), found.list_refs(), found.read_ref("refs/heads/main"), found.read_head()
        return [commit, blob, found.blob_size(blob), found.read_blob(blob), refs, found.has(blob)]

    before = look(store)
    git(store, "gc", "--prune=now", "-q")
    assert GitFiles(store.path).list_refs() is UNKNOWN
    assert look(GitStore(store.path)) == before


def test_locks_of_a_killed_writer_go_and_nothing_else_does(store: GitStore) -> None:
    locks = ["HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "refs/beatflow/drafts/a/b.lock"]
    for name in [*locks, "logs/x.lock", "refs/heads/unlocked"]:
        path = store.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    store.break_locks()
    assert not any((store.path / name).exists() for name in locks)
    assert (store.path / "logs/x.lock").exists()
    assert (store.path / "refs/heads/unlocked").exists()
    assert store.resolve("HEAD") == store.read_ref("refs/heads/main")


def test_what_is_small_is_kept_at_hand_until_it_is_put_aside(store: GitStore, tmp_path: Path) -> None:
    oid = store.write_blob(b"12345")
    assert store.find_small(oid, 5) is None
    assert store.find_small(oid, 6) == b"12345"
    assert store.find_small(oid, 5) is None
    head = store.resolve("HEAD") or ""
    assert store.read_commit(head).oid == head
    for gone in (oid, head):
        store.put_aside(gone, tmp_path / "refuge")
    with pytest.raises(DamagedError):
        store.find_small(oid, 6)
    with pytest.raises(DamagedError):
        store.read_commit(head)


@pytest.mark.parametrize("seed", range(3))
def test_commits_of_any_shape_are_read_as_libgit2_does(store: GitStore, seed: int) -> None:
    choose = random.Random(seed)
    head = store.resolve("HEAD") or ""
    tree = store.read_commit(head).tree
    words = ["Ada", " ", ".", "<", "\u00e9", '"', "x", "\t", ","]
    for _ in range(60):
        name = "".join(choose.choices(words, k=choose.randrange(5)))
        zone = choose.choice(["+0100", "-1130", "", "+9"])
        when = f"{choose.choice(['1700000000', '0', '-5', '99999999999999', ''])} {zone}"
        extra = choose.choice(["", "", "encoding latin-1\n", "gpgsig a\n b\n", f"parent {head}\n"])
        message = choose.choice(["hello\n", "", "\n\nlate", "x\n\ny", "\u00e9"])
        raw = f"tree {tree}\nparent {head}\nauthor {name} <a@b> {when}\ncommitter C <c@d> 1700000000 +0000\n{extra}\n"
        data = (raw + message).encode(choose.choice(["utf-8", "latin-1"]), "replace")
        oid = git(store, "hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=data)
        mine = decode_commit(oid, data)
        if mine is not UNKNOWN:
            assert mine == LibGit(store.path).read_commit(oid)


def test_names_that_git_would_trim_are_left_to_libgit2(store: GitStore) -> None:
    head = store.resolve("HEAD") or ""
    for name in ("Ada.", " Ada", "Ada,", '"Ada"', ""):
        assert not is_plain_signature(Signature(name, "a@b", 1))
    commit = store.read_commit(store.write_commit(store.read_commit(head).tree, [head], "x", ADA))
    assert commit.author == ADA
    odd = Signature('"Ada"', "ada@example.com", 1_700_000_000)
    written = store.write_commit(commit.tree, [head], "x", odd)
    assert store.read_commit(written).author.name == "Ada"


def test_an_object_that_is_not_what_its_name_says_is_damaged(store: GitStore) -> None:
    oid = store.write_blob(b"sound")
    other = store.write_blob(b"noise")
    files = GitFiles(store.path)
    whole = files.place_of(oid).read_bytes()
    for data in (whole[:-3], files.place_of(other).read_bytes(), b"", b"rubbish"):
        files.place_of(oid).chmod(0o644)
        files.place_of(oid).write_bytes(data)
        with pytest.raises(DamagedError):
            store.read_blob(oid)
    files.place_of(oid).write_bytes(whole)
    assert files.read_object(oid) == (BLOB, b"sound")


@pytest.mark.parametrize(
    "revision", ["HEAD", "@", "HEAD~1", "HEAD^", "HEAD~", "@~1", "HEAD~2", "HEAD~1^", "HEAD^0", "main~1"]
)
def test_revisions_are_what_git_says(store: GitStore, revision: str) -> None:
    done = subprocess.run(
        ["git", "--git-dir", store.path, "rev-parse", "-q", "--verify", revision],
        capture_output=True,
        check=False,
    )
    assert store.resolve(revision) == (done.stdout.decode().strip() or None)


def test_a_ref_that_somebody_locks_is_not_written(store: GitStore) -> None:
    lock = store.path / "refs" / "heads" / "main.lock"
    lock.touch()
    head = store.resolve("HEAD") or ""
    with pytest.raises(Exception, match="cannot be written"):
        store.write_ref("refs/heads/main", store.read_commit(head).parents[0], ADA)
    assert lock.exists()
    assert store.read_ref("refs/heads/main") == head
