"""``bf check``: what it finds, whom that hurts, and what it brings back."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beatflow.care import verification
from beatflow.objects.git.store import GitStore
from beatflow.objects.operation import OPERATIONS
from beatflow.objects.pack import Kind
from tests.conftest import Bf
from tests.objects.damage import entries, flip
from tests.world import write_tone

Damage = Callable[[Path], None]


@pytest.fixture
def track(bf: Bf) -> Bf:
    """Three commits, a pack in each of the first two; every sound that there ever was is in the folder."""
    bf.ok("init")
    write_tone(bf.directory / "stems" / "drums.wav", seconds=6, hz=100)
    bf.ok("commit", "-m", "drums")
    write_tone(bf.directory / "mix.wav", seconds=4, hz=300)
    bf.ok("commit", "-m", "mix")
    (bf.directory / "notes.txt").write_text("louder\n")
    bf.ok("commit", "-m", "notes")
    return bf


def repository(track: Bf) -> Path:
    return track.directory / ".beatflow"


def packs(track: Bf) -> list[Path]:
    return sorted((repository(track) / "audio" / "packs").iterdir())


def pack_of(track: Bf, path: str) -> Path:
    """The pack with a sound's manifest."""
    oid = track.ok("ls", "--json").json["files"]
    wanted = next(bytes.fromhex(file["oid"]) for file in oid if file["path"] == path)
    return next(pack for pack in packs(track) if any(entry.id == wanted for entry in entries(pack)))


def chunk_at(pack: Path, number: int, kind: int = Kind.CHUNK) -> int:
    """Where a record's head begins."""
    return [entry.offset for entry in entries(pack) if entry.kind == kind][number]


def replace(path: Path, data: bytes) -> None:
    """Put other bytes in a file's place; whatever it is linked to keeps its own."""
    path.unlink()
    path.write_bytes(data)


DAMAGES: dict[str, Damage] = {
    "payload": lambda pack: flip(pack, chunk_at(pack, 1) + 500),
    "head": lambda pack: flip(pack, chunk_at(pack, 1) + 10),
    "manifest": lambda pack: flip(pack, chunk_at(pack, 0, Kind.MANIFEST) + 70),
    "directory": lambda pack: flip(pack, -60),
    "trailer": lambda pack: flip(pack, -10),
    "first bytes": lambda pack: flip(pack, 3),
    "truncated": lambda pack: replace(pack, pack.read_bytes()[: chunk_at(pack, 2) + 100]),
    "missing": lambda pack: pack.unlink(),
    "zeroes": lambda pack: replace(pack, bytes(pack.stat().st_size)),
}


def sources(track: Bf, kind: str) -> list[str]:
    """Somewhere that has every sound, made before the damage; then the folder itself has none."""
    if kind == "folder":
        return []
    elsewhere = track.directory.parent / f"other {kind}"
    if kind == "track":
        shutil.copytree(track.directory, elsewhere)
    elif kind == "store":
        shutil.copytree(repository(track) / "audio", elsewhere)
    else:
        (elsewhere / "deep").mkdir(parents=True)
        shutil.copy(track.directory / "stems" / "drums.wav", elsewhere / "deep" / "bounce 1.wav")
        shutil.copy(track.directory / "mix.wav", elsewhere / "bounce 2.wav")
        (elsewhere / "read me.txt").write_text("bounces")
    for sound in track.directory.rglob("*.wav"):
        sound.unlink()
    return ["--from", str(elsewhere)]


@pytest.mark.parametrize("source", ["folder", "track", "store", "bounces"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_mends_every_damage_from_everywhere(track: Bf, damage: str, source: str) -> None:
    wanted = {path: (track.directory / path).read_bytes() for path in ("stems/drums.wav", "mix.wav")}
    pack = pack_of(track, "stems/drums.wav")
    place = sources(track, source)
    DAMAGES[damage](pack)
    damaged = pack.read_bytes() if pack.exists() else None
    found = track("check", "--data")
    assert found.code == 7
    assert "drums.wav" in found.stdout or pack.stem[:12] in found.stdout
    assert not re.search("[0-9a-f]{13}", found.stdout + found.stderr), "an id in full"
    assert ("drums.wav" in found.stdout) != ("but nothing is lost" in found.stderr)
    done = track("check", "--repair", *place)
    assert done.code == 0, done.stdout + done.stderr
    assert "all is mended" in done.stderr
    assert not re.search("[0-9a-f]{13}", done.stderr), "an id in full"
    assert track.ok("check", "--data").stderr == "no problem found\n"
    for path, data in wanted.items():
        assert track.ok("cat", f"HEAD:{path}").out_bytes == data
    kept = list((repository(track) / "audio" / "quarantine").iterdir())
    assert [path.read_bytes() for path in kept] == ([damaged] if damaged is not None else [])


def test_tells_whom_it_hurts_and_when(track: Bf) -> None:
    commits = [line.split()[0] for line in track.ok("log", "--format", "{oid}").stdout.split("\n") if line]
    pack = pack_of(track, "stems/drums.wav")
    # The file's header is a chunk of its own, then come the first and the second piece of sound.
    flip(pack, chunk_at(pack, 2) + 500)
    assert track.ok("check").stderr == "no problem found\n"
    result = track("check", "--data", "--json")
    assert result.code == 7
    assert result.json["schema"] == "beatflow.check/2"
    problems = {problem["kind"]: problem for problem in result.json["problems"]}
    sound = problems["sound"]
    assert sound["commits"] == commits[::-1]
    assert (sound["paths"], sound["undo"]) == (["stems/drums.wav"], False)
    (part,) = sound["ranges"]
    assert 0 < part["start_s"] < part["start_s"] + part["duration_s"] < 6
    assert part["frames"] * 4 == part["size"]
    assert part["start_byte"] == 44 + 4 * part["start_frame"]
    assert problems["pack"]["pack"] == pack.stem
    assert sound["cause"] == "the payload's checksum does not match"
    end_s = part["start_s"] + part["duration_s"]
    result = track("check", "--data")
    assert result.stdout == (
        f"stems/drums.wav: 0:0{part['start_s']:.3f} to 0:0{end_s:.3f} lost in 3 commits "
        f"({commits[2][:7]} to {commits[0][:7]})\npack {pack.stem[:12]}: damaged at 1 place\n"
    )
    assert result.stderr == (
        "2 problems\n"
        "hint: bf check --repair brings back what the folder still has; add --from DIR for a backup or bounces\n"
    )


def test_of_one_commit_only_its_files(track: Bf) -> None:
    pack = pack_of(track, "mix.wav")
    flip(pack, chunk_at(pack, 1) + 500)
    assert track.ok("check", "HEAD~2").stderr == "no problem found\n"
    assert track.ok("check", "HEAD~2", "--data").stderr == "no problem found\n"
    for argv in (["HEAD"], ["HEAD", "--data"], ["HEAD~2..HEAD"]):
        result = track("check", *argv, "--json")
        (problem,) = result.json["problems"]
        assert (result.code, problem["paths"]) == (7, ["mix.wav"])
        assert len(problem["commits"]) == (2 if ".." in argv[0] else 1)
    assert "no revision" in track.fails(3, "check", "nonsense")


def test_a_sound_that_only_undo_knows(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", seconds=4, hz=999)
    track.ok("restore", "mix.wav")
    newest = max(packs(track), key=lambda pack: pack.stat().st_mtime_ns)
    newest.unlink()
    (problem,) = track("check", "--json").json["problems"]
    assert (problem["undo"], problem["paths"]) == (True, ["mix.wav"])
    assert "lost in what bf undo goes back to" in track("check").stdout


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_does_nothing(track: Bf) -> None:
    pack = pack_of(track, "mix.wav")
    flip(pack, chunk_at(pack, 1) + 500)
    head = repository(track) / "refs" / "heads" / "main"
    head.write_text("garbage\n")
    before = contents(track.directory)
    result = track("check", "--repair", "--dry-run")
    assert result.code == 7
    assert f"would move pack {pack.stem[:12]} to quarantine" in result.stderr
    assert "would bring back 1 record of sound from the track's folder" in result.stderr
    assert "would restore refs/heads/main" in result.stderr
    assert result.stderr.endswith("nothing was changed\n")
    assert contents(track.directory) == before
    (track.directory / "mix.wav").unlink()
    result = track("check", "--repair", "--dry-run")
    assert "found 1 record of sound nowhere\n" in result.stderr
    assert "--from DIR" in result.stderr


def test_what_cannot_be_mended_is_told_and_kept(track: Bf) -> None:
    pack = pack_of(track, "mix.wav")
    flip(pack, chunk_at(pack, 1) + 500)
    damaged = pack.read_bytes()
    (track.directory / "mix.wav").unlink()
    result = track("check", "--repair")
    assert result.code == 7
    assert "1 problem still there" in result.stderr
    assert "mix.wav: 0:0" in result.stderr
    assert "--from DIR" in result.stderr
    (kept,) = (repository(track) / "audio" / "quarantine").iterdir()
    assert kept.read_bytes() == damaged
    # Half a piece that has the lost moment is enough, whatever its header says.
    write_tone(track.directory / "again.wav", seconds=4, hz=300)
    again = track.directory / "again.wav"
    again.write_bytes(again.read_bytes().replace(b"\x44\xac\x00\x00", b"\x45\xac\x00\x00", 1))
    assert track("check", "--repair").code == 0


def test_from_takes_a_folder(track: Bf) -> None:
    assert "a remote is asked by cloning it" in track.fails(
        2, "check", "--repair", "--from", "s3://bucket/track"
    )
    assert "no such folder" in track.fails(2, "check", "--repair", "--from", "nowhere")
    assert "--repair" in track.fails(2, "check", "--from", ".")
    assert "--data" in track.fails(2, "check", "--restart")


# An interrupted check ------------------------------------------------------------------------------------

KILLER = """
import os, signal, sys
from beatflow.care import verification
from beatflow.cli import main

verification._SAVE_EVERY_S = -1
save = verification.Verification.save

def save_and_die(self):
    save(self)
    os.kill(os.getpid(), signal.SIGKILL)

verification.Verification.save = save_and_die
main(["check", "--data"])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_check_goes_on(track: Bf) -> None:
    done = subprocess.run([sys.executable, "-c", KILLER], cwd=track.directory, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    first = packs(track)[0]
    # It is not looked at again in this pass: that is what going on means.
    status = first.stat()
    flip(first, chunk_at(first, 0) + 500)
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = track.ok("check", "--data")
    assert result.stderr.startswith("going on with the check of 20")
    assert "1 pack done" in result.stderr
    # The pass is over, so the next one looks at everything.
    assert track("check", "--data").code == 7


def test_an_interrupted_check_goes_on_or_begins_anew(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    add = verification.Verification.add

    def interrupt(self: verification.Verification, pack: Path) -> None:
        add(self, pack)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(verification.Verification, "add", interrupt)
        assert track("check", "--data").code == 130
    state = repository(track) / "state" / "check"
    assert state.exists()
    first = packs(track)[0]
    flip(first, chunk_at(first, 0) + 500)
    # It was written to since, so it does not count as read.
    assert track("check", "--data").code == 7
    assert not state.exists()
    state.write_text("nonsense")
    assert "going on" not in track("check", "--data").stderr
    with monkeypatch.context() as patch:
        patch.setattr(verification.Verification, "add", interrupt)
        assert track("check", "--data").code == 130
    assert "going on" not in track("check", "--data", "--restart").stderr


# History -------------------------------------------------------------------------------------------------


def object_path(track: Bf, revision: str) -> Path:
    done = subprocess.run(
        ["git", "--git-dir=.beatflow", "rev-parse", revision],
        cwd=track.directory,
        check=True,
        capture_output=True,
        text=True,
    )
    oid = done.stdout.strip()
    return repository(track) / "objects" / oid[:2] / oid[2:]


def spoil(path: Path) -> None:
    path.chmod(0o644)
    flip(path, path.stat().st_size // 2)


@pytest.mark.parametrize("revision", ["HEAD:mix.wav", "HEAD:stems/drums.wav", "HEAD:notes.txt"])
@pytest.mark.parametrize("how", [spoil, Path.unlink])
def test_a_blob_is_made_again(track: Bf, revision: str, how: Damage) -> None:
    how(object_path(track, revision))
    result = track("check", "--json")
    (problem,) = result.json["problems"]
    assert (problem["kind"], problem["paths"]) == ("blob", [revision.partition(":")[2]])
    assert track("check", "--repair").code == 0
    assert track.ok("check", "--data").stderr == "no problem found\n"
    assert track.ok("cat", revision).out_bytes == (track.directory / problem["paths"][0]).read_bytes()


@pytest.mark.parametrize("revision", ["HEAD", "HEAD~1", "HEAD~2", "HEAD^{tree}", "HEAD:stems"])
@pytest.mark.parametrize("how", [spoil, Path.unlink])
def test_history_comes_back_from_another_track(track: Bf, revision: str, how: Damage) -> None:
    other = track.directory.parent / "other"
    shutil.copytree(track.directory, other)
    before = track.ok("log", "--oneline").stdout
    path = object_path(track, revision)
    how(path)
    damaged = path.read_bytes() if path.exists() else None
    assert track("check").code == 7
    assert track("check", "--repair").code == 7
    result = track("check", "--repair", "--from", other)
    assert result.code == 0, result.stdout + result.stderr
    assert track.ok("log", "--oneline").stdout == before
    kept = repository(track) / "quarantine"
    assert damaged is None or damaged in [path.read_bytes() for path in kept.iterdir()]
    git = subprocess.run(
        ["git", "--git-dir=.beatflow", "fsck", "--strict"],
        cwd=track.directory,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "error" not in git.stderr


def test_damage_behind_damage(track: Bf) -> None:
    """The first commit is hidden by the second; only when that is back does it show that the first's tree is gone."""
    other = track.directory.parent / "other"
    shutil.copytree(track.directory, other)
    for revision in ("HEAD~2^{tree}", "HEAD~1", "HEAD"):
        object_path(track, revision).unlink()
    result = track("check", "--repair", "--from", other)
    assert result.code == 0, result.stdout + result.stderr


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/other", "refs/tags/v1", OPERATIONS, "HEAD"])
@pytest.mark.parametrize("damage", ["", "garbage\n"])
def test_a_ref_is_restored(track: Bf, ref: str, damage: str) -> None:
    track.ok("branch", "other", "HEAD~1")
    track.ok("tag", "v1", "HEAD~2")
    path = repository(track) / ref
    before = path.read_text()
    path.write_text(damage)
    result = track("check", "--json")
    assert [problem["ref"] for problem in result.json["problems"] if problem["kind"] == "ref"] == [ref]
    result = track("check", "--repair")
    assert result.code == 0, result.stdout + result.stderr
    assert path.read_text() == before
    assert damage in [path.read_text() for path in (repository(track) / "quarantine").iterdir()]
    assert track.ok("check").stderr == "no problem found\n"


def test_the_branch_that_is_gone(track: Bf) -> None:
    path = repository(track) / "refs" / "heads" / "main"
    before = path.read_text()
    path.unlink()
    assert "is gone" in track("check").stdout
    assert track("check", "--repair").code == 0
    assert path.read_text() == before


def test_a_ref_to_nowhere_is_never_moved_back(track: Bf) -> None:
    path = repository(track) / "refs" / "heads" / "main"
    path.write_text("1" * 40 + "\n")
    result = track("check", "--repair")
    assert result.code == 7
    assert "refs/heads/main names a commit that is missing" in result.stdout
    assert "--from TRACK" in result.stderr
    assert path.read_text() == "1" * 40 + "\n"


def test_an_operation_that_cannot_be_read(track: Bf) -> None:
    newest = GitStore(repository(track)).read_ref(OPERATIONS)
    spoil(object_path(track, f"{newest}~1:op.json"))
    problems = track("check", "--json").json["problems"]
    assert "operation" in {problem["kind"] for problem in problems}
    assert "bf undo and bf op log stop at this" in track("check").stdout


def test_a_journal_that_could_not_be_finished(track: Bf) -> None:
    bad = repository(track) / "state" / "journal.bad"
    bad.write_text("nonsense")
    assert track("check").code == 7
    assert track("check", "--repair").code == 0
    assert (repository(track) / "quarantine" / "journal.bad.0").read_text() == "nonsense"
