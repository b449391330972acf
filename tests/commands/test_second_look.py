"""What a second reading found: records that a commit must carry, steps that must not stick, sums that must be exact."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beatflow.transaction import BAD_JOURNAL, JOURNAL
from tests.commands.test_keep import git
from tests.conftest import Bf
from tests.test_transaction import KILLER
from tests.world import tone, wav_bytes, write_tone

SHORT = ("--bpm", "120", "--bars", "1", "--seed", "7")


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", hz=220)
    bf.ok("commit", "-m", "first take")
    return bf


def test_a_commit_made_with_the_sound_carries_its_record(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "techno", *SHORT, "--commit", "-m", "made")
    bf.ok("fork", ".", "../fork")
    fork = Bf(bf.directory.parent / "fork", now=bf.now)
    assert 'synth: "techno" seed 7' in fork.ok("show").stdout
    assert fork.ok("split", "mix.wav", "--json").json["known"] is True


def test_undo_walks_on_when_a_step_was_taken_back_by_hand(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", hz=300)
    track.ok("commit", "-m", "second")
    mine = write_tone(track.directory / "mix.wav", hz=400)
    track.ok("restore", "mix.wav")
    (track.directory / "mix.wav").write_bytes(mine)
    assert "took back restore" in track.ok("undo").stderr
    assert "took back commit: second" in track.ok("undo").stderr
    assert "did again commit: second" in track.ok("redo").stderr
    assert "did again restore" in track.ok("redo").stderr
    assert "nothing to redo" in track.fails(1, "redo")


def killed(track: Bf, step: str) -> None:
    write_tone(track.directory / "mix.wav", hz=330)
    done = subprocess.run([sys.executable, "-c", KILLER, str(track.directory), step], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert (track.directory / ".beatflow" / "state" / JOURNAL).exists()


def test_recovery_leaves_refs_that_somebody_moved_since(track: Bf) -> None:
    killed(track, "_apply_refs")
    tree = git(track, "rev-parse", "main^{tree}").strip()
    theirs = git(
        track, "-c", "user.name=B", "-c", "user.email=b@c", "commit-tree", tree, "-p", "main", "-m", "git's"
    )
    git(track, "update-ref", "refs/heads/main", theirs.strip())
    track.ok("tag", "alive")
    assert track.ok("log", "-n", "1", "--format", "{message}").stdout == "git's\n"


@pytest.mark.parametrize("journal", ["", "nonsense", "0" * 40])
def test_an_unreadable_journal_is_set_aside(track: Bf, journal: str) -> None:
    state = track.directory / ".beatflow" / "state"
    (state / JOURNAL).write_text(journal)
    track.ok("tag", "alive")
    assert (state / BAD_JOURNAL).exists()
    assert "could not be finished" in track("check").stdout


def test_recovery_over_an_edited_folder_goes_on(track: Bf) -> None:
    """The kill leaves ``fx`` a folder whose file was edited since; the file that should take its place must wait."""
    (track.directory / "fx").mkdir()
    (track.directory / "fx" / "reverb.txt").write_text("folder")
    track.ok("commit", "-m", "folder")
    code = KILLER.replace(
        'record_commit(transaction, "second")',
        'file = repository.scratch / "file"; file.write_text("file"); transaction.put_file("fx", file);'
        ' transaction.put_entries({"fx/reverb.txt": None})',
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(track.directory), "place"], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    (track.directory / "fx" / "reverb.txt").write_text("edited since")
    track.ok("tag", "alive")
    assert (track.directory / "fx" / "reverb.txt").read_text() == "edited since"


def test_refs_that_git_allows_do_not_stop_us(track: Bf) -> None:
    git(track, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    git(track, "tag", "blob", git(track, "rev-parse", "HEAD:mix.wav").strip())
    for command in ("log", "show", "tag", "check", "gc", "status"):
        track.ok(command)


def test_a_linked_folder_is_the_track_itself(track: Bf, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(track.directory)
    mine = write_tone(track.directory / "mix.wav", hz=777)
    track.ok("restore", "--to", link, "--force", "mix.wav")
    track.ok("undo")
    assert (track.directory / "mix.wav").read_bytes() == mine
    track.ok("generate", "lofi", *SHORT, "-o", f"{link}/")
    track.ok("undo")
    assert (track.directory / "mix.wav").read_bytes() == mine


def test_a_dry_run_tells_what_is_in_the_way(track: Bf) -> None:
    track.ok("switch", "-c", "other")
    (track.directory / "x").write_text("a file\n")
    track.ok("commit", "-m", "x")
    track.ok("switch", "main")
    (track.directory / "x").mkdir()
    (track.directory / "x" / "mine.tmp").write_text("mine")
    (track.directory / ".bfignore").write_text("*.tmp\n")
    assert "x is a folder here" in track.fails(4, "switch", "-n", "other")


def test_names_that_are_not_text_reach_records_and_authors(bf: Bf) -> None:
    bf.ok("init")
    name = os.fsdecode(b"t\xff.wav")
    write_tone(bf.directory / name, seconds=0.2)
    assert bf.spawn("split", os.fsencode(name), "-o", "stems").code == 0
    bf.environment = {"BF_AUTHOR_NAME": os.fsdecode(b"A\xff")}
    assert bf.spawn("commit", "-m", "odd").code == 0
    assert b"A?, " in bf.spawn("log").out_bytes


def test_generate_over_an_uncommitted_stem_that_goes(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi with vinyl crackle", *SHORT)
    bf.ok("generate", "techno", *SHORT, "--commit", "-m", "techno")
    assert "texture" not in bf.ok("ls").stdout


def integers(seconds: float, peak: int) -> np.ndarray:
    return np.full((int(seconds * 44100), 2), peak, np.int32)


@pytest.mark.parametrize(
    ("stems", "said"),
    [
        ({"drums": (tone(2, 100), 16), "bass": (tone(2, 50).astype(np.int32) * 256, 24)}, "another rate, depth"),
        ({"drums": (tone(2, 100), 16), "bass": (tone(2.5, 50), 16)}, "another rate, depth, length"),
        (
            {"drums": (tone(2, 100), 16), "bass": (integers(2, 32000), 16), "pads": (integers(2, 32000), 16),
             "keys": (integers(2, 32000), 16)},
            "no mix has room",
        ),
    ],
)  # fmt: skip
def test_a_stem_that_could_not_sum_exactly_is_refused(
    bf: Bf, stems: dict[str, tuple[np.ndarray, int]], said: str
) -> None:
    bf.ok("init")
    (bf.directory / "stems").mkdir()
    score = 'tempo = 120.0\nkey = "A:min"\n'
    for name, (samples, bits) in stems.items():
        (bf.directory / "stems" / f"{name}.wav").write_bytes(wav_bytes(samples, bits=bits))
        score += f'[stems.{name}]\nfile = "stems/{name}.wav"\n'
    (bf.directory / "track.toml").write_text(score)
    assert said in bf.fails(1, "generate", "lofi", "--stem", "drums", "--seed", "1")


def test_the_graph_holds_when_clocks_went_backwards(track: Bf) -> None:
    """A merge by real git that claims to be older than what it merges is still drawn above it."""
    track.ok("switch", "-c", "side")
    write_tone(track.directory / "side.wav")
    track.ok("commit", "-m", "on side")
    track.ok("switch", "main")
    tree = git(track, "rev-parse", "side^{tree}").strip()
    merge = subprocess.run(
        ["git", "--git-dir=.beatflow", "commit-tree", tree, "-p", "main", "-p", "side", "-m", "merged"],
        cwd=track.directory,
        env={
            **os.environ,
            "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
            "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
        }
        | {f"GIT_{role}_{what}": "b@c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    git(track, "update-ref", "refs/heads/main", merge)
    lines = [line for line in track.ok("log", "--graph", "--oneline").stdout.splitlines() if "●" in line]
    assert [line.split()[-1] for line in lines] == ["merged", "side", "take"]


def test_the_graph_of_a_path_joins_what_it_shows(track: Bf) -> None:
    for number in range(3):
        write_tone(track.directory / "other.wav", hz=100 + number)
        track.ok("commit", "-m", f"other {number}")
    write_tone(track.directory / "mix.wav", hz=333)
    track.ok("commit", "-m", "mix again")
    lines = track.ok("log", "--graph", "--oneline", "HEAD", "mix.wav").stdout.splitlines()
    assert [line[:2] for line in lines] == ["● ", "● "]
    assert [line.split()[-1] for line in lines] == ["again", "take"]
    assert "other" not in track.ok("log", "--graph", "HEAD", "mix.wav").stdout


def test_loudness_is_measured_again_once_the_sound_is_healed(track: Bf) -> None:
    mix = (track.directory / "mix.wav").read_bytes()
    (pack,) = (track.directory / ".beatflow" / "audio" / "packs").iterdir()
    sound = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(sound[:300] + bytes([sound[300] ^ 0xFF]) + sound[301:])
    assert "LUFS" not in track.ok("log").stdout
    pack.write_bytes(sound)
    assert "LUFS" in track.ok("log").stdout
    assert track.ok("cat", "mix.wav").out_bytes == mix


def test_one_line_measures_nothing(track: Bf) -> None:
    track.ok("log", "--oneline")
    track.ok("log", "--format", "{oid} {message}")
    assert not (track.directory / ".beatflow" / "state" / "analysis").exists()
    assert track.ok("log", "--format", "{loudness_lufs}").stdout.strip().startswith("-")
