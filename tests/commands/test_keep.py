"""Keeping: init, status, commit, log, branches, restore, undo, as a musician types them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.world import write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A track with one commit: a mix, a stem and a text."""
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", hz=220)
    write_tone(bf.directory / "stems" / "bass.wav", hz=55)
    (bf.directory / "notes.txt").write_text("verse, chorus\n")
    bf.ok("commit", "-m", "first take")
    return bf


def git(bf: Bf, *args: str) -> str:
    """Run the real git on the repository."""
    done = subprocess.run(
        ["git", "--git-dir=.beatflow", *args], cwd=bf.directory, capture_output=True, text=True, check=True
    )
    return done.stdout


def files(bf: Bf) -> dict[str, bytes]:
    return {
        str(path.relative_to(bf.directory)): path.read_bytes()
        for path in bf.directory.rglob("*")
        if path.is_file() and ".beatflow" not in path.parts
    }


def test_init_says_where_and_is_harmless_twice(bf: Bf) -> None:
    assert bf.ok("init").stderr == f"new track: {bf.directory}\n"
    assert bf.ok("init").stderr == f"already a track: {bf.directory}\n"
    assert bf.ok("init", "--json").json == {
        "schema": "beatflow.init/1",
        "path": str(bf.directory),
        "created": False,
        "dry_run": False,
    }


def test_no_track_inside_a_track(track: Bf) -> None:
    said = track.fails(4, "init", "stems")
    assert said.startswith("error: ")
    assert "lies inside the track" in said


def test_not_a_repository(bf: Bf) -> None:
    said = bf.fails(3, "status")
    assert said == f"error: {bf.directory} is not in a BeatFlow track\nhint: bf init\n"


def test_status_tells_what_changed(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=221)
    (track.directory / "notes.txt").unlink()
    (track.directory / "stems" / "bass.wav").rename(track.directory / "stems" / "sub.wav")
    write_tone(track.directory / "new take.wav", hz=300)
    assert track.ok("status", "--porcelain").stdout == (
        "M mix.wav\nA new take.wav\nD notes.txt\nR stems/sub.wav <- stems/bass.wav\n"
    )
    assert track.ok("status", "-z").stdout == (
        "M mix.wav\0A new take.wav\0D notes.txt\0R stems/sub.wav\0stems/bass.wav\0"
    )
    document = track.ok("status", "--json").json
    assert document["branch"] == "main"
    assert {"path": "mix.wav", "kind": "modified", "source": None} in document["changes"]
    assert "modified  mix.wav" in track.ok("status").stdout


def test_unchanged_track_has_nothing_to_commit(track: Bf) -> None:
    assert track.ok("status", "--porcelain").stdout == ""
    assert "nothing to commit" in track.fails(1, "commit", "-m", "again")


def test_an_empty_folder_has_nothing_to_commit(bf: Bf) -> None:
    bf.ok("init")
    said = bf.fails(1, "commit", "-m", "first take")
    assert said == "error: nothing to commit: there is no file yet\nhint: bf status\n"


def test_commit_without_message_and_terminal_is_refused(track: Bf) -> None:
    assert "wants a message" in track.fails(2, "commit")
    assert "wants a message" in track.fails(2, "commit", "-m", "  ")


def test_commit_of_some_paths_leaves_the_rest(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=500)
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    track.ok("commit", "-m", "bass only", "stems")
    assert track.ok("status", "--porcelain").stdout == "M mix.wav\n"
    assert "is no file here" in track.fails(2, "commit", "-m", "x", "nothing.wav")


def test_commit_dry_run_keeps_nothing(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=500)
    before = track.ok("log", "--format", "{oid}").stdout
    assert track.ok("commit", "-n").stdout == "modified  mix.wav\n"
    assert track.ok("log", "--format", "{oid}").stdout == before


def test_git_accepts_everything(track: Bf) -> None:
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    (track.directory / "odd ]name [*] \U0001f3b5.wav").write_bytes((track.directory / "mix.wav").read_bytes())
    track.ok("commit", "-m", "second take\n\nwith a body")
    track.ok("tag", "v1")
    assert git(track, "fsck", "--strict", "--full") == ""
    assert "second take" in git(track, "log", "--graph", "--stat")
    pointer = git(track, "cat-file", "blob", "HEAD:mix.wav")
    done = subprocess.run(
        ["git", "lfs", "pointer", "--check", "--strict", "--stdin"], input=pointer, text=True, check=False
    )
    assert done.returncode == 0
    assert "*.wav filter=lfs" in git(track, "cat-file", "blob", "HEAD:.gitattributes")


def test_git_checks_out_the_pointers_with_lfs_attributes(track: Bf, tmp_path: Path) -> None:
    """A plain client sees what git-lfs needs: a pointer under an attribute that names the filter."""
    (track.directory / "words.wav").write_text("this is text, whatever its name says\n")
    (track.directory / 'a [b] \\c "d".wav').write_bytes((track.directory / "mix.wav").read_bytes())
    (track.directory / "noext").write_bytes((track.directory / "mix.wav").read_bytes())
    track.ok("commit", "-m", "odd")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", str(track.directory / ".beatflow"), str(clone)],
        check=True,
        env={**os.environ, "GIT_LFS_SKIP_SMUDGE": "1"},
    )
    names = subprocess.run(
        ["git", "check-attr", "-z", "filter", "--", "mix.wav", 'a [b] \\c "d".wav', "noext", "words.wav"],
        cwd=clone,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    assert names[2::3] == [b"lfs", b"lfs", b"lfs", b"unspecified"]


def test_log_tells_tempo_key_and_what_was_touched(track: Bf) -> None:
    (track.directory / "track.toml").write_text('tempo = 90\nkey = "Am"\n')
    write_tone(track.directory / "stems" / "pads.wav", hz=330)
    track.ok("commit", "-m", "pads")
    first, second = track.ok("log", "--json").json["commits"]
    assert (first["message"], first["tempo"], first["key"]) == ("pads", 90, "A:min")
    assert first["parents"] == [second["oid"]]
    assert first["refs"] == ["refs/heads/main"]
    assert -20 < first["loudness_lufs"] < -5
    assert {(change["path"], change["kind"]) for change in first["changes"]} == {
        ("stems/pads.wav", "added"),
        ("track.toml", "added"),
    }
    shown = track.ok("log").stdout.splitlines()
    assert "(HEAD → main) pads" in shown[0]
    assert "90 BPM    A:min  Ada, 20" in shown[1]
    assert shown[2].strip() == "+pads +track.toml"


def test_log_format_and_limits(track: Bf) -> None:
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    track.ok("commit", "-m", "louder {bass}")
    assert track.ok("log", "--format", "{message}|{author}").stdout == "louder {bass}|Ada\nfirst take|Ada\n"
    assert track.ok("log", "-n", "1", "--format", r"{short}\t{message}").stdout.endswith("\tlouder {bass}\n")
    assert "has no field {nonsense}" in track.fails(2, "log", "--format", "{nonsense}")
    assert track.ok("log", "--format", "{message}", "mix.wav").stdout == "first take\n"
    assert track.ok("log", "--format", "{message}", "HEAD~1..").stdout == "louder {bass}\n"
    assert len(track.ok("log", "--oneline").stdout.splitlines()) == 2


def test_log_before_the_first_commit(bf: Bf) -> None:
    bf.ok("init")
    assert "no commit yet" in bf.fails(3, "log")


def test_graph_shows_branches_and_tags(track: Bf) -> None:
    track.ok("tag", "v1")
    track.ok("switch", "-c", "take2")
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    track.ok("commit", "-m", "other bass")
    track.ok("switch", "main")
    write_tone(track.directory / "stems" / "bass.wav", hz=70)
    track.ok("commit", "-m", "third bass")
    lines = track.ok("log", "--graph", "--oneline").stdout.splitlines()
    assert [line[10:] for line in lines if "bass" in line] == [
        "(HEAD → main) third bass",
        " (take2) other bass",
    ] or ("third bass" in lines[0] and "other bass" in lines[1] and "(tag v1) first take" in lines[-1])


def test_unknown_revision_names_the_nearest(track: Bf) -> None:
    track.ok("branch", "chorus-idea")
    assert "did you mean chorus-idea?" in track.fails(3, "show", "chorus-ida")
    assert "did you mean mix.wav?" in track.fails(3, "cat", "HEAD:mx.wav")


def test_cat_and_ls_give_what_was_committed(track: Bf) -> None:
    before = (track.directory / "mix.wav").read_bytes()
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "higher")
    assert track.ok("cat", "HEAD~1:mix.wav").out_bytes == before
    assert track.ok("cat", "notes.txt").out_bytes == b"verse, chorus\n"
    assert track.ok("ls", "--name-only").stdout == "mix.wav\nnotes.txt\nstems/bass.wav\n"
    rows = track.ok("ls", "--json").json["files"]
    assert [row["sound"] for row in rows] == [True, False, True]
    assert rows[0]["size"] == len(before)


def test_branches(track: Bf) -> None:
    track.ok("branch", "take2")
    assert [line.split()[-3] if "*" not in line else "" for line in track.ok("branch").stdout.splitlines()]
    assert [row["name"] for row in track.ok("branch", "--json").json["branches"]] == ["main", "take2"]
    assert "is there already" in track.fails(4, "branch", "take2")
    assert "cannot be a name" in track.fails(2, "branch", "a b..c")
    track.ok("branch", "take2", "--move", "club")
    assert "current branch" in track.fails(4, "branch", "--delete", "main")
    track.ok("branch", "--delete", "club")
    track.ok("undo")
    assert [row["name"] for row in track.ok("branch", "--json").json["branches"]] == ["club", "main"]


def test_a_branch_with_commits_of_its_own_is_deleted_only_by_force(track: Bf) -> None:
    track.ok("switch", "-c", "take2")
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "only here")
    track.ok("switch", "main")
    assert "on no other branch" in track.fails(4, "branch", "--delete", "take2")
    track.ok("branch", "--delete", "take2", "--force")


def test_switch_rewrites_only_what_differs_and_carries_work_along(track: Bf) -> None:
    track.ok("switch", "-c", "take2")
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    track.ok("commit", "-m", "other bass")
    other = files(track)
    untouched = os.stat(track.directory / "mix.wav")
    (track.directory / "notes.txt").write_text("bridge\n")
    assert track.ok("switch", "main").stderr == "on main, 1 file rewritten\n"
    assert os.stat(track.directory / "mix.wav").st_mtime_ns == untouched.st_mtime_ns
    assert (track.directory / "notes.txt").read_text() == "bridge\n"
    track.ok("switch", "take2")
    assert files(track) == other | {"notes.txt": b"bridge\n"}


def test_switch_never_overwrites_uncommitted_work(track: Bf) -> None:
    track.ok("switch", "-c", "take2")
    write_tone(track.directory / "stems" / "bass.wav", hz=60)
    track.ok("commit", "-m", "other bass")
    mine = write_tone(track.directory / "stems" / "bass.wav", hz=77)
    assert "uncommitted changes would be overwritten: stems/bass.wav" in track.fails(4, "switch", "main")
    assert (track.directory / "stems" / "bass.wav").read_bytes() == mine
    assert track.ok("status", "--json").json["branch"] == "take2"


def test_switch_to_what_is_no_branch(track: Bf) -> None:
    assert "bf switch -c nowhere" in track.fails(3, "switch", "nowhere")
    assert "--detach" in track.fails(3, "switch", "HEAD~0")
    track.ok("switch", "--detach", "HEAD~0")
    assert track.ok("status", "--json").json["branch"] is None


def test_restore_brings_back_and_undo_brings_forward(track: Bf) -> None:
    before = files(track)
    mine = write_tone(track.directory / "mix.wav", hz=999)
    shutil.rmtree(track.directory / "stems")
    track.ok("restore", ".")
    assert files(track) == before
    track.ok("undo")
    assert (track.directory / "mix.wav").read_bytes() == mine
    assert not (track.directory / "stems").exists()
    assert "no file 'other.wav'" in track.fails(3, "restore", "other.wav")


def test_restore_into_another_folder(track: Bf, tmp_path: Path) -> None:
    before = files(track)
    write_tone(track.directory / "mix.wav", hz=999)
    out = tmp_path / "out"
    track.ok("restore", "--source", "HEAD", "--to", out, ".")
    assert {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    } == before
    assert "is there already" in track.fails(4, "restore", "--to", out, "mix.wav")
    track.ok("restore", "--to", out, "--force", "mix.wav")


def test_undo_and_redo_of_a_commit_keep_the_files(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "higher")
    now = files(track)
    assert track.ok("undo").stderr == "took back commit: higher\n"
    assert files(track) == now
    assert track.ok("log", "--format", "{message}").stdout == "first take\n"
    assert track.ok("status", "--porcelain").stdout == "M mix.wav\n"
    assert track.ok("redo").stderr == "did again commit: higher\n"
    assert track.ok("status", "--porcelain").stdout == ""
    assert "nothing to redo" in track.fails(1, "redo")
    kinds = [row["kind"] for row in track.ok("op", "log", "--json").json["operations"]]
    assert kinds == ["redo", "undo", "commit", "commit"]


def test_undo_of_everything_ends_before_the_first_commit(track: Bf) -> None:
    now = files(track)
    track.ok("tag", "v1")
    track.ok("undo")
    track.ok("undo")
    assert "nothing to undo" in track.fails(1, "undo")
    assert "no commit yet" in track.fails(3, "log")
    assert files(track) == now


def test_undo_of_a_switch_keeps_what_was_edited_after_it(track: Bf) -> None:
    track.ok("switch", "-c", "take2")
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "higher")
    track.ok("switch", "main")
    mine = write_tone(track.directory / "mix.wav", hz=777)
    track.ok("undo")
    assert track.ok("status", "--json").json["branch"] == "take2"
    assert (track.directory / "mix.wav").read_bytes() != mine
    track.ok("redo")
    assert (track.directory / "mix.wav").read_bytes() == mine


def test_fork_starts_at_exactly_one_commit(track: Bf, tmp_path: Path) -> None:
    before = files(track)
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "higher")
    packs = [path.stat().st_ino for path in (track.directory / ".beatflow").rglob("*.pack")]
    track.ok("fork", ".@HEAD~1", tmp_path / "remix")
    remix = Bf(tmp_path / "remix", now=track.now)
    assert files(remix) == before
    assert remix.ok("log", "--format", "{message}").stdout == "first take\n"
    assert remix.ok("status", "--porcelain").stdout == ""
    shared = [path.stat().st_ino for path in (remix.directory / ".beatflow").rglob("*.pack")]
    assert set(shared) == set(packs)
    write_tone(remix.directory / "mix.wav", hz=600)
    remix.ok("commit", "-m", "mine")
    graph = remix.ok("log", "--graph", "--oneline").stdout
    assert "(HEAD → main) mine" in graph
    assert "(parent/main) higher" in graph
    assert "is there already" in track.fails(4, "fork", ".", tmp_path / "remix")
    assert "inside the track" in track.fails(2, "fork", ".", "stems/inner")
    assert "no revision" in track.fails(3, "fork", ".@nothing", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_ignored_files_stay_out(track: Bf) -> None:
    (track.directory / ".bfignore").write_text("*.bak\n/renders/\n!keep.bak\n")
    write_tone(track.directory / "renders" / "x.wav")
    for name in ("a.bak", "keep.bak", ".DS_Store"):
        (track.directory / name).write_text("x")
    assert track.ok("status", "--porcelain").stdout == "A .bfignore\nA keep.bak\n"


def test_odd_names_survive(track: Bf) -> None:
    odd = [
        b"-dash.wav",
        b"two  spaces \xf0\x9f\xa5\x81.wav",
        b"caf\xe9.wav",
        b"new\nline.wav",
        b"x" * 200 + b".wav",
    ]
    data = (track.directory / "mix.wav").read_bytes()
    for name in odd:
        Path(os.fsdecode(os.path.join(os.fsencode(track.directory), name))).write_bytes(data + name)
    track.ok("commit", "-m", "odd names")
    assert track.ok("status", "--porcelain").stdout == ""
    listed = track.ok("ls", "-z").out_bytes.split(b"\0")
    assert set(odd) <= set(listed)
    assert track.spawn(b"cat", b"HEAD:caf\xe9.wav").out_bytes == data + b"caf\xe9.wav"
    assert json.loads(track.spawn("ls", "--json").out_bytes)["files"]
    for name in odd:
        os.unlink(os.path.join(os.fsencode(track.directory), name))
    track.ok("restore", ".")
    assert track.ok("status", "--porcelain").stdout == ""


def test_symlinks_are_kept_as_links(track: Bf) -> None:
    (track.directory / "latest.wav").symlink_to("mix.wav")
    track.ok("commit", "-m", "link")
    (track.directory / "latest.wav").unlink()
    track.ok("restore", "latest.wav")
    assert os.readlink(track.directory / "latest.wav") == "mix.wav"


def test_a_file_becomes_a_folder_and_back(track: Bf) -> None:
    (track.directory / "fx").write_text("a file\n")
    track.ok("commit", "-m", "file")
    track.ok("switch", "-c", "folder")
    (track.directory / "fx").unlink()
    write_tone(track.directory / "fx" / "reverb.wav")
    track.ok("commit", "-m", "folder")
    track.ok("switch", "main")
    assert (track.directory / "fx").read_text() == "a file\n"
    track.ok("switch", "folder")
    assert (track.directory / "fx" / "reverb.wav").is_file()


def test_check_and_gc(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=500)
    track.ok("commit", "-m", "higher")
    assert track.ok("check", "--data").stderr == "no problem found\n"
    track.ok("gc", "--dry-run")
    track.ok("gc")
    assert track.ok("check", "--data", "--json").json["problems"] == []
    assert track.ok("cat", "HEAD~1:mix.wav").out_bytes[:4] == b"RIFF"
    pack = next((track.directory / ".beatflow" / "audio").rglob("*.pack"))
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0x40
    pack.chmod(0o644)
    pack.write_bytes(data)
    result = track("check", "--data")
    assert result.code == 7
    assert "mix.wav" in result.stdout or "bass.wav" in result.stdout


def test_neighbours_are_reached_by_dots(track: Bf) -> None:
    track.ok("fork", ".", "../sibling")
    track.ok("init", "../other")
    assert (track.directory.parent / "sibling" / "mix.wav").is_file()
    assert (track.directory.parent / "other" / ".beatflow").is_dir()


@pytest.mark.parametrize(
    "command",
    [
        ["branch", "take2"],
        ["branch", "--delete", "spare"],
        ["branch", "spare", "--move", "club"],
        ["tag", "v1"],
        ["tag", "--delete", "v0"],
        ["switch", "-c", "take2"],
        ["switch", "spare"],
        ["commit"],
        ["restore", "."],
        ["undo"],
        ["gc"],
        ["fork", ".", "../fork"],
        ["init", "../other"],
        ["config", "color", "never"],
        ["generate", "lofi", "--bars", "1", "--seed", "1"],
        ["generate", "lofi", "--bars", "1", "--seed", "1", "--commit", "--midi", "x.mid"],
        ["split", "mix.wav"],
    ],
)
def test_a_dry_run_changes_nothing(track: Bf, command: list[str]) -> None:
    track.ok("branch", "spare")
    track.ok("tag", "v0")
    write_tone(track.directory / "mix.wav", seconds=1, hz=500)

    def everything() -> dict[str, bytes]:
        ours = ("state", "lock")
        return {
            str(path): path.read_bytes()
            for path in track.directory.parent.rglob("*")
            if path.is_file() and not set(path.parts) & set(ours) and "/objects/" not in str(path)
        }

    before = everything()
    track.ok(*command, "--dry-run")
    assert everything() == before


def test_commit_gives_a_pipe_its_id(track: Bf) -> None:
    (track.directory / "words.txt").write_text("la la")
    oid = track.ok("commit", "-q", "-m", "words").stdout
    assert oid == track.ok("log", "-n", "1", "--format", "{oid}").stdout
