"""What could lose sound or leave a track that no command can change any more."""

import io
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from beatflow import worktree
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import EXECUTABLE, FILE, SYMLINK, TREE, Entry, Signature
from beatflow.statcache import identify
from tests.commands.test_keep import files, git
from tests.conftest import Bf
from tests.world import write_tone

ADA = Signature("Ada", "ada@example.com", 1_700_000_000)


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", hz=220)
    bf.ok("commit", "-m", "first take")
    return bf


def test_a_file_put_in_place_with_size_and_date_of_the_old_one_is_seen(track: Bf) -> None:
    mix = track.directory / "mix.wav"
    os.utime(mix, (1_600_000_000, 1_600_000_000))
    write_tone(mix, hz=221)
    os.utime(mix, (1_600_000_000, 1_600_000_000))
    track.ok("commit", "-m", "second")
    track.ok("branch", "old", "HEAD~1")
    time.sleep(0.03)
    track.ok("status")
    mine = write_tone(track.directory / "n.wav", hz=222)
    os.utime(track.directory / "n.wav", (1_600_000_000, 1_600_000_000))
    shutil.copy2(track.directory / "n.wav", mix)
    (track.directory / "n.wav").unlink()
    assert track.ok("status", "--porcelain").stdout == "M mix.wav\n"
    assert "would be overwritten" in track.fails(4, "switch", "old")
    track.ok("restore", "mix.wav")
    track.ok("undo")
    assert mix.read_bytes() == mine


def test_the_executable_bit_alone_is_a_change(track: Bf) -> None:
    script = track.directory / "bounce.sh"
    script.write_text("#!/bin/sh\n")
    track.ok("commit", "-m", "script")
    script.chmod(0o755)
    assert track.ok("status", "--porcelain").stdout == "M bounce.sh\n"
    track.ok("commit", "-m", "runs")
    assert git(track, "ls-tree", "HEAD", "bounce.sh").startswith(f"{EXECUTABLE:o} ")


@pytest.mark.parametrize("damage", ["", "garbage\n", "1" * 40 + "\n"])
@pytest.mark.parametrize("ref", ["refs/beatflow/operations", "refs/heads/other"])
def test_gc_drops_nothing_while_a_ref_is_unreadable(track: Bf, ref: str, damage: str) -> None:
    track.ok("branch", "other")
    write_tone(track.directory / "mix.wav", hz=300)
    track.ok("restore", "mix.wav")
    (track.directory / ".beatflow" / ref).write_text(damage)
    before = {
        path: path.stat().st_size for path in (track.directory / ".beatflow" / "audio" / "packs").iterdir()
    }
    assert ref in track.fails(7, "gc")
    assert {path: path.stat().st_size for path in before} == before
    result = track("check")
    assert result.code == 7
    assert ref in result.stdout


def test_a_damaged_head_is_damage_and_not_a_bug(track: Bf) -> None:
    (track.directory / ".beatflow" / "HEAD").write_text("")
    assert "HEAD cannot be read" in track.fails(7, "status")
    assert "HEAD cannot be read" in track("check").stdout


@pytest.mark.parametrize("wanted", ["fx/reverb.txt", "fx"])
def test_a_file_that_became_a_folder_is_committed_whole(track: Bf, wanted: str) -> None:
    (track.directory / "fx").write_text("a file\n")
    track.ok("commit", "-m", "file")
    (track.directory / "fx").unlink()
    (track.directory / "fx").mkdir()
    (track.directory / "fx" / "reverb.txt").write_text("a folder\n")
    track.ok("commit", "-m", "folder", wanted)
    assert git(track, "fsck", "--strict") == ""
    assert track.ok("ls", "--name-only").stdout == "fx/reverb.txt\nmix.wav\n"
    track.ok("switch", "-c", "back", "HEAD~1")
    track.ok("switch", "main")
    assert (track.directory / "fx" / "reverb.txt").is_file()


def evil_commit(track: Bf, *, duplicate: bool, victim: Path) -> str:
    """A history made by somebody who means no good."""
    store = GitStore(track.directory / ".beatflow")
    link = Entry(SYMLINK, store.write_blob(os.fsencode(victim)))
    folder = Entry(TREE, store.write_tree({"pwn": Entry(FILE, store.write_blob(b"pwned"))}))
    rows = [(b"a", link), (b"a", folder)] if duplicate else [(b"a", link)]
    raw = b"".join(b"%o %s\0" % (entry.mode, name) + bytes.fromhex(entry.oid) for name, entry in rows)
    tree = subprocess.run(
        ["git", "--git-dir=.beatflow", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        input=raw,
        cwd=track.directory,
        capture_output=True,
        check=True,
    ).stdout.decode()
    head = store.resolve("HEAD")
    assert head
    return store.write_commit(tree.strip(), [head], "evil", ADA)


def test_a_tree_with_a_link_and_a_folder_of_one_name_writes_nowhere(track: Bf, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    evil = evil_commit(track, duplicate=True, victim=victim)
    for command in (
        ["switch", "--detach", evil],
        ["fork", f".@{evil}", "../fork"],
        ["restore", "-s", evil, "--to", tmp_path / "out", "."],
    ):
        assert "two entries of one name" in track.fails(7, *command)
    assert list(victim.iterdir()) == []


def test_restoring_into_a_folder_passes_no_link(track: Bf, tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.mkdir()
    out.mkdir()
    write_tone(track.directory / "stems" / "bass.wav")
    track.ok("commit", "-m", "stem")
    (out / "stems").symlink_to(victim)
    assert "is no folder" in track.fails(4, "restore", "--to", out, "--force", "stems")
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("name", ["refs/heads/main.lock", "refs/beatflow/operations.lock", "HEAD.lock"])
def test_a_killed_writers_git_lock_stops_nobody(track: Bf, name: str) -> None:
    (track.directory / ".beatflow" / name).write_text("")
    write_tone(track.directory / "mix.wav", hz=300)
    track.ok("commit", "-m", "goes on")
    assert track.ok("log", "-n", "1", "--format", "{message}").stdout == "goes on\n"


@pytest.mark.parametrize("name", ["a" * 252, "p/" * 2000 + "p", "main/below", "b\udcff", "x.lock"])
def test_names_that_cannot_be_written_are_refused_and_the_track_goes_on(track: Bf, name: str) -> None:
    assert track("branch", name).code in (2, 4)
    track.ok("branch", "good")


def test_a_folder_that_holds_a_link_is_in_the_way_of_a_file(track: Bf) -> None:
    track.ok("switch", "-c", "other")
    (track.directory / "x").write_text("a file\n")
    track.ok("commit", "-m", "x")
    track.ok("switch", "main")
    (track.directory / "x").mkdir()
    (track.directory / "elsewhere").mkdir()
    (track.directory / "x" / "link").symlink_to("../elsewhere")
    (track.directory / ".bfignore").write_text("x/\n")
    assert "x is a folder here" in track.fails(4, "switch", "other")
    track.ok("tag", "still-alive")


def test_a_pipe_in_the_way_is_not_replaced(track: Bf) -> None:
    (track.directory / "a.txt").write_text("text")
    track.ok("commit", "-m", "a")
    (track.directory / "a.txt").unlink()
    os.mkfifo(track.directory / "a.txt")
    assert "no ordinary file" in track.fails(4, "restore", "a.txt")


def test_private_names_stay_out(track: Bf) -> None:
    (track.directory / "sub").mkdir()
    (track.directory / "sub" / ".git").write_text("gitdir: elsewhere\n")
    (track.directory / ".provenance").write_text("mine")
    (track.directory / ".beatflow ").mkdir()
    (track.directory / ".beatflow " / "x").write_text("x")
    assert track.ok("status", "--porcelain").stdout == ""


def test_restore_to_inside_the_track_is_a_change_that_can_be_undone(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=300)
    mine = files(track)
    track.ok("restore", "--to", ".", "--force", "mix.wav")
    track.ok("restore", "--to", "old", "mix.wav")
    assert (track.directory / "old" / "mix.wav").is_file()
    track.ok("undo")
    track.ok("undo")
    assert files(track) == mine
    assert "cannot be written here" in track.fails(4, "restore", "--to", ".beatflow", "--force", "mix.wav")


def test_overwriting_heals_a_damaged_copy_in_the_store(track: Bf) -> None:
    mine = (track.directory / "mix.wav").read_bytes()
    (pack,) = (track.directory / ".beatflow" / "audio" / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    data[300] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)
    track.ok("switch", "-c", "other")
    (track.directory / "mix.wav").unlink()
    track.ok("commit", "-m", "no mix")
    track.ok("undo")
    (track.directory / "mix.wav").write_bytes(mine)
    write_tone(track.directory / "other.wav", hz=500)
    track.ok("commit", "-m", "heals")
    assert track.ok("cat", "HEAD:mix.wav").out_bytes == mine


def test_the_last_copy_of_what_is_overwritten_is_kept(track: Bf) -> None:
    """Its file is as the cache knows it, and the store has lost it since."""
    mix = track.directory / "mix.wav"
    packs = track.directory / ".beatflow" / "audio" / "packs"
    (old,) = packs.iterdir()
    write_tone(mix, hz=440)
    track.ok("commit", "-m", "second take")
    mine = mix.read_bytes()
    time.sleep(0.03)
    track.ok("status")
    (new,) = set(packs.iterdir()) - {old}
    data = bytearray(new.read_bytes())
    data[300] ^= 0xFF
    new.chmod(0o644)
    new.write_bytes(data)
    track.ok("restore", "--source", "HEAD~1", "mix.wav")
    assert mix.read_bytes() != mine
    track.ok("undo")
    assert mix.read_bytes() == mine


def test_what_is_overwritten_is_read_anew_whatever_the_cache_says(track: Bf) -> None:
    mix = track.directory / "mix.wav"
    old = mix.read_bytes()
    write_tone(mix, hz=440)
    track.ok("commit", "-m", "second take")
    time.sleep(0.03)
    track.ok("status")
    mine = write_tone(mix, hz=660)
    state = track.directory / ".beatflow" / "state" / "files"
    document = json.loads(state.read_bytes())
    document["files"]["mix.wav"][:4] = identify(mix.stat())
    time.sleep(0.03)
    state.write_text(json.dumps(document))
    assert track.ok("status", "--porcelain").stdout == ""
    track.ok("restore", "--source", "HEAD~1", "mix.wav")
    assert mix.read_bytes() == old
    track.ok("undo")
    assert mix.read_bytes() == mine


def test_a_file_that_grows_as_fast_as_it_is_read_comes_to_an_end(
    track: Bf, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(io.RawIOBase):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return len(buffer)

    mix = track.directory / "mix.wav"
    old = mix.read_bytes()
    mine = write_tone(mix, hz=440)
    track.ok("commit", "-m", "second take")
    time.sleep(0.03)
    track.ok("status")
    monkeypatch.setattr(worktree, "open_regular", lambda path: Endless())
    track.ok("restore", "--source", "HEAD~1", "mix.wav")
    assert mix.read_bytes() == old
    track.ok("undo")
    assert mix.read_bytes() == mine


def test_empty_folders_that_a_backup_dropped_come_back(track: Bf) -> None:
    git(track, "pack-refs", "--all")
    for name in ("tmp", "audio/tmp", "refs/heads", "refs/beatflow", "refs/tags", "refs"):
        shutil.rmtree(track.directory / ".beatflow" / name, ignore_errors=True)
    track.ok("log")
    write_tone(track.directory / "mix.wav", hz=300)
    track.ok("commit", "-m", "goes on")


def test_odd_text_is_refused_or_replaced_and_never_a_bug(track: Bf) -> None:
    (track.directory / "deep").mkdir()
    deep = track.directory / "deep"
    for _ in range(150):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("deep")
    assert track.spawn(b"commit", b"-m", b"caf\xe9").code == 0
    assert "caf?" in track.ok("log", "-n", "1").stdout
    (track.directory / ".bfignore").write_text("!\n")
    assert "bad line" in track.fails(2, "status")


def test_the_users_own_gitattributes_are_kept(track: Bf) -> None:
    (track.directory / ".gitattributes").write_text("*.txt text\n")
    track.ok("commit", "-m", "mine")
    assert ".gitattributes" in track.ok("log", "-n", "1").stdout
    assert track.ok("status", "--porcelain").stdout == ""
    generated = git(track, "cat-file", "blob", "HEAD~1:.gitattributes")
    (track.directory / ".gitattributes").write_text(generated)
    track.ok("commit", "-m", "as a git client would have it")
    assert track.ok("status", "--porcelain").stdout == ""
    assert "nothing to commit" in track.fails(1, "commit", "-m", "again")


def test_log_of_the_whole_folder(track: Bf) -> None:
    assert track.ok("log", "--format", "{message}", ".").stdout == "first take\n"
    assert track.ok("log", "--format", "{message}", "HEAD", ".").stdout == "first take\n"
