"""What can be done x where: every flow of sharing over every kind of place, with real servers, bit for bit."""

from pathlib import Path

import numpy as np

from tests.conftest import Bf
from tests.forks import new, put, take, wav
from tests.sharing.places import Shared

DRUMS, BASS = "stems/drums.wav", "stems/bass.wav"


def write(bf: Bf, path: str, data: bytes) -> bytes:
    target = bf.directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return data


def begin(shared: Shared, folder: Path) -> Bf:
    """Make a track with two stems, a text and a tag, and push it."""
    ada = shared.bf(folder)
    ada.ok("init")
    write(ada, DRUMS, wav(take(1)))
    write(ada, BASS, wav(take(2)))
    write(ada, "notes.txt", b"slower\n")
    ada.ok("commit", "-m", "first take")
    ada.ok("tag", "demo")
    ada.ok("remote", "add", "origin", shared.url)
    ada.ok("push", "--tags", "origin", "main")
    return ada


def files(bf: Bf) -> dict[str, bytes]:
    return {
        path.relative_to(bf.directory).as_posix(): path.read_bytes()
        for path in bf.directory.rglob("*")
        if path.is_file() and ".beatflow" not in path.parts
    }


def head(bf: Bf) -> str:
    return bf.ok("log", "-n", "1", "--format", "{oid}").stdout.strip()


def test_a_clone_is_the_same_bit_for_bit(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob")
    assert files(bob) == files(ada)
    assert head(bob) == head(ada)
    assert bob.ok("tag").stdout == ada.ok("tag").stdout
    assert bob.ok("status").stdout == "on main, as origin/main\n"
    bob.ok("check")
    listed = bob.ok("ls-remote", "origin").stdout.split()
    assert {"refs/heads/main", "refs/tags/demo", head(ada)} <= set(listed)


def test_what_one_does_the_other_gets(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob")
    write(bob, BASS, wav(put(take(2), 0.5, new(9))))
    bob.ok("commit", "-m", "fill")
    assert bob.ok("push", "-n").stdout == bob.ok("push", "-n").stdout
    bob.ok("push")
    assert ada.ok("fetch").stdout == ""
    assert head(ada) != head(bob)
    ada.ok("pull")
    assert (files(ada), head(ada)) == (files(bob), head(bob))
    ada.ok("undo")
    assert files(ada) != files(bob)


def test_both_work_and_whoever_comes_second_merges(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob")
    drums = write(ada, DRUMS, wav(put(take(1), 0.2, new(7))))
    ada.ok("commit", "-m", "hats")
    bass = write(bob, BASS, wav(put(take(2), 1.0, new(8))))
    bob.ok("commit", "-m", "slide")
    ada.ok("push")
    before = bob.ok("ls-remote", "origin").stdout
    assert "bf pull" in bob.fails(4, "push")
    assert bob.ok("ls-remote", "origin").stdout == before
    bob.ok("pull")
    assert (files(bob)[DRUMS], files(bob)[BASS]) == (drums, bass)
    bob.ok("push")
    ada.ok("pull")
    assert files(ada) == files(bob)


def test_branches_come_and_go(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    ada.ok("switch", "--create", "dub")
    write(ada, DRUMS, wav(take(5)))
    ada.ok("commit", "-m", "dub")
    ada.ok("push", "--all")
    bob = shared.clone(tmp_path / "bob")
    bob.ok("switch", "-c", "dub", "origin/dub")
    assert files(bob) == files(ada)
    ada.ok("switch", "main")
    ada.ok("push", "--delete", "dub", "origin")
    assert "refs/heads/dub" not in ada.ok("ls-remote", "origin").stdout


def test_only_a_lease_replaces_what_is_there(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob")
    write(ada, DRUMS, wav(take(6)))
    ada.ok("commit", "-m", "wrong take")
    ada.ok("push")
    ada.ok("undo")
    ada.ok("undo")
    write(ada, DRUMS, wav(take(7)))
    ada.ok("commit", "-m", "right take")
    ada.fails(4, "push")
    write(bob, BASS, wav(take(8)))
    bob.ok("commit", "-m", "bob's")
    assert bob("push").code == 4
    assert bob("push", "--force-with-lease").code == 4
    ada.ok("fetch")
    ada.ok("push", "--force-with-lease")
    assert head(ada) in ada.ok("ls-remote", "origin").stdout


def test_a_fork_remembers_its_parent(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    eve = shared.bf(tmp_path, "Eve")
    eve.ok("fork", f"{shared.url}@demo", "remix")
    eve = shared.bf(tmp_path / "remix", "Eve")
    assert files(eve) == files(ada)
    write(ada, DRUMS, wav(put(take(1), 0.2, new(7))))
    ada.ok("commit", "-m", "hats")
    ada.ok("push")
    eve.ok("pull", "--from-parent")
    assert files(eve) == files(ada)


def test_a_partial_clone_gets_the_rest_when_it_is_needed(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob", "--no-audio")
    assert set(files(bob)) == {"notes.txt"}
    assert bob.ok("status").stdout == "on main, as origin/main\n"
    assert bob.ok("cat", f"HEAD:{DRUMS}").out_bytes == files(ada)[DRUMS]
    bob.ok("fetch", BASS)
    assert files(bob)[BASS] == files(ada)[BASS]


def test_who_has_a_part_works_on_it_and_gets_no_more(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    bob = shared.clone(tmp_path / "bob", "--stems", "drums")
    assert set(files(bob)) == {"notes.txt", DRUMS}
    write(ada, DRUMS, wav(put(take(1), 0.2, new(7))))
    bass = write(ada, BASS, wav(take(5)))
    ada.ok("commit", "-m", "both")
    ada.ok("push")
    bob.ok("pull")
    assert set(files(bob)) == {"notes.txt", DRUMS}
    assert files(bob)[DRUMS] == files(ada)[DRUMS]
    write(bob, DRUMS, wav(take(6)))
    bob.ok("rm", BASS)
    bob.ok("commit", "-m", "drums alone")
    bob.ok("push")
    assert bob.ok("check", "--remote", "origin", "--json").json["elsewhere"] == 2
    bob.ok("restore", "--source", "HEAD~1", BASS)
    assert files(bob)[BASS] == bass
    bob.ok("fetch", "--rest")
    assert bob.ok("check", "--json").json["elsewhere"] == 0
    ada.ok("pull")
    assert set(files(ada)) == {"notes.txt", DRUMS}


def test_what_was_pruned_comes_back(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    first = files(ada)[DRUMS]
    for number in (5, 6):
        write(ada, DRUMS, wav(take(number)))
        ada.ok("commit", "-m", f"take {number}")
    refused = ada("prune", "--json")
    assert refused.code == 1
    assert [row["path"] for row in refused.json["pruned"]["refused"]] == [DRUMS]
    ada.ok("push")
    dropped = ada.ok("prune", "--verify", "--json").json["pruned"]["dropped"]
    assert [row["path"] for row in dropped] == [DRUMS]
    assert ada.ok("check", "--json").json["elsewhere"] == 2
    assert ada.ok("cat", f"demo:{DRUMS}").out_bytes == first
    ada.ok("restore", "--source", "HEAD~1", DRUMS)
    assert files(ada)[DRUMS] == wav(take(5))
    ada.ok("check", "--data")


def test_a_lock_keeps_others_from_pushing_that_file(shared: Shared, tmp_path: Path) -> None:
    ada = begin(shared, tmp_path / "ada")
    if shared.kind in ("bare", "file"):
        assert "keeps no locks" in ada.fails(1, "lock", DRUMS)
        return
    bob = shared.clone(tmp_path / "bob")
    ada.ok("lock", DRUMS)
    assert "locked" in ada.ok("status").stdout
    write(bob, BASS, wav(take(8)))
    bob.ok("commit", "-m", "bass is free")
    bob.ok("push")
    write(bob, DRUMS, wav(take(9)))
    bob.ok("commit", "-m", "drums are not")
    if shared.kind in ("http", "ssh"):
        # One password: to the host both are the same musician.
        bob.ok("push")
        return
    assert "bf unlock --force" in bob.fails(4, "push")
    assert bob("lock", DRUMS).code == 4
    ada.ok("unlock", DRUMS)
    bob.ok("push")


def test_a_changed_region_is_all_that_travels(shared: Shared, tmp_path: Path) -> None:
    ada = shared.bf(tmp_path / "ada")
    ada.ok("init")
    long = np.random.default_rng(3).integers(-9000, 9000, (8000 * 60, 2)).astype(np.int16)
    whole = write(ada, DRUMS, wav(long))
    ada.ok("commit", "-m", "one")
    ada.ok("remote", "add", "origin", shared.url)
    first = ada.ok("push", "--json").json["bytes"]
    write(ada, DRUMS, wav(put(long, 20.0, new(4))))
    ada.ok("commit", "-m", "punch-in")
    planned = ada.ok("push", "-n", "--json").json["bytes"]
    second = ada.ok("push", "--json").json["bytes"]
    assert second == planned
    assert first > len(whole) * 0.5
    assert second >= len(whole) if shared.is_git else second < first * 0.5
