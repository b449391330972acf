"""``bf bisect``: the commit that a fault came in with, by a script and by ear."""

import json
import os
import pty
import shutil
import sys
from pathlib import Path

import pytest

from beatflow.history import read_content, write_commit
from beatflow.objects.git.value import Entry, Signature
from beatflow.playing.programs import Playback
from beatflow.repository import Repository
from tests.conftest import EPOCH, Bf
from tests.world import decode, wav_bytes, write_tone

READ = "import sys, pathlib; t = pathlib.Path('notes.txt').read_text(); "
TEST = (sys.executable, "-c", READ + "sys.exit('click' in t)")


def find(result: str) -> str:
    """Return the title of the first bad commit."""
    return result.splitlines()[0].partition(" ")[2]


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight versions; a click comes in with the sixth, and the notes say so."""
    bf = Bf(tmp_path_factory.mktemp("takes"))
    bf.ok("init")
    data = write_tone(bf.directory / "mix.wav", seconds=0.3)
    for number in range(1, 9):
        samples = decode(data).copy()
        samples[number] = 0
        if number >= 6:
            samples[6000:6003] = 32000
        (bf.directory / "mix.wav").write_bytes(wav_bytes(samples))
        (bf.directory / "notes.txt").write_text("click\n" if number >= 6 else f"fine {number}\n")
        bf.ok("commit", "-m", f"take {number}")
    return bf.directory


@pytest.fixture
def track(takes: Path, tmp_path: Path) -> Bf:
    """A copy of these."""
    shutil.copytree(takes, tmp_path / "track", symlinks=True)
    return Bf(tmp_path / "track", now=EPOCH + 10_000)


def oids(bf: Bf) -> list[str]:
    """Return the commits, the oldest first."""
    return [commit["oid"] for commit in bf.ok("log", "--json").json["commits"]][::-1]


def damage(bf: Bf, revision: str, path: str) -> None:
    """Lose the git object of a file of a commit."""
    repository = Repository.get(bf.directory, lambda: Signature("Ada", "ada@example.com", EPOCH))
    oid = read_content(repository, repository.git.resolve(revision))[path].oid
    (repository.directory / "objects" / oid[:2] / oid[2:]).unlink()


# By a script ---------------------------------------------------------------------------------------------


def test_a_script_finds_the_first_bad_commit(track: Bf) -> None:
    result = track.ok("bisect", "run", "--good", "HEAD~7", *TEST)
    assert find(result.stdout) == "take 6"
    assert "  modified mix.wav: mix" in result.stdout
    # Both ends, then three of the six in between.
    assert result.stderr.count("good: ") + result.stderr.count("bad: ") == 5
    assert track.ok("status").stdout == track("status").stdout
    assert (track.directory / "notes.txt").read_text() == "click\n"


def test_what_is_found_as_a_document(track: Bf) -> None:
    document = track.ok("bisect", "run", "--json", "--bad", "HEAD~1", *TEST).json
    assert document["schema"] == "beatflow.bisect.bisect.run/1"
    first = document["first_bad"]
    assert (first["message"], first["oid"], first["author"]) == ("take 6", oids(track)[5], "Ada")
    assert {change["path"] for change in first["changes"]} == {"mix.wav", "notes.txt"}
    assert document["suspects"] == [first["oid"]]
    assert document["trials"][0] == {
        "commit": oids(track)[6],
        "verdict": "bad",
        "exit_code": 1,
        "problem": None,
    }


def test_a_fault_from_the_beginning_is_the_roots(track: Bf) -> None:
    result = track.ok("bisect", "run", sys.executable, "-c", "raise SystemExit(1)")
    assert find(result.stdout) == "take 1"


def test_a_script_has_the_files_of_its_commit_alone(track: Bf) -> None:
    script = "import os, sys; sys.exit(125 if sorted(os.listdir()) != ['mix.wav', 'notes.txt'] else 1)"
    assert find(track.ok("bisect", "run", sys.executable, "-c", script).stdout) == "take 1"
    script = "import os, sys; sys.exit(125 if os.listdir() != ['mix.wav'] else 1)"
    assert (
        find(track.ok("bisect", "run", "--path", "mix.wav", sys.executable, "-c", script).stdout) == "take 1"
    )


def test_a_script_of_ones_own_folder_is_found(track: Bf) -> None:
    script = track.directory / "check.sh"
    script.write_text("#!/bin/sh\necho heard\n! grep -q click notes.txt\n")
    script.chmod(0o755)
    result = track.ok("bisect", "run", "./check.sh")
    assert find(result.stdout) == "take 6"
    assert "  heard\n" in result.stderr


def test_only_commits_that_changed_a_path_are_suspected(track: Bf) -> None:
    track.ok("bisect", "run", "--path", "notes.txt", "--good", "HEAD~7", *TEST)
    assert "no commit there changed nothing.txt" in track.fails(
        4, "bisect", "run", "--path", "nothing.txt", *TEST
    )


def test_commits_that_cannot_be_tested_are_passed_over(track: Bf) -> None:
    script = READ + "sys.exit(125 if '3' in t or '4' in t else 'click' in t)"
    result = track.ok("bisect", "run", "--bad", "HEAD~2", "--good", "HEAD~7", sys.executable, "-c", script)
    assert find(result.stdout) == "take 6"
    assert "skip: " in result.stderr


def test_an_answer_that_cannot_be_tested_for_is_told_as_far_as_it_goes(track: Bf) -> None:
    script = READ + "sys.exit(125 if '5' in t else 'click' in t)"
    result = track("bisect", "run", "--good", "HEAD~7", sys.executable, "-c", script)
    assert result.code == 1
    assert [line.partition(" ")[2] for line in result.stdout.splitlines()] == ["take 6", "take 5"]
    assert "the first bad commit is one of" in result.stderr
    document = track("bisect", "run", "--good", "HEAD~7", "--json", sys.executable, "-c", script).json
    assert (document["first_bad"], len(document["suspects"])) == (None, 2)


def test_a_damaged_commit_is_passed_over_and_said(track: Bf) -> None:
    damage(track, "HEAD~4", "notes.txt")
    result = track.ok("bisect", "run", *TEST)
    assert find(result.stdout) == "take 6"
    assert "warning: skip: " in result.stderr


def test_history_ends_at_a_damaged_commit(track: Bf) -> None:
    lost = oids(track)[1]
    (track.directory / ".beatflow" / "objects" / lost[:2] / lost[2:]).unlink()
    assert find(track.ok("bisect", "run", *TEST).stdout) == "take 6"
    assert find(track.ok("bisect", "run", "--path", "notes.txt", *TEST).stdout) == "take 6"
    result = track("bisect", "run", sys.executable, "-c", "raise SystemExit(1)")
    assert result.code == 1
    assert [line.partition(" ")[2] for line in result.stdout.splitlines()] == ["take 3", ""]
    assert f"warning: skip: {lost[:7]}" in result.stderr


def test_ends_that_are_not_what_they_are_said_to_be(track: Bf) -> None:
    assert "is good, so there is nothing to find" in track.fails(4, "bisect", "run", "--bad", "HEAD~4", *TEST)
    said = track.fails(4, "bisect", "run", "--good", "HEAD~1", *TEST)
    assert "is bad, so there is nothing to find" in said
    assert "hint: name one that passes with --good" in said
    assert "cannot be tested" in track.fails(
        4, "bisect", "run", sys.executable, "-c", "raise SystemExit(125)"
    )
    assert "both good and bad" in track.fails(4, "bisect", "run", "--good", "HEAD", *TEST)


def test_a_script_that_breaks_stops_the_search(track: Bf) -> None:
    assert "cannot be run: no such file" in track.fails(2, "bisect", "run", "no-such-program-here")
    said = track.fails(1, "bisect", "run", sys.executable, "-c", "raise SystemExit(200)")
    assert "ended with 200" in said
    said = track.fails(1, "bisect", "run", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    assert "was killed by signal 9" in said


def test_a_merge_is_searched_on_both_sides(track: Bf) -> None:
    """The click comes in on a side branch; what the branch started from and the main line are without it."""
    repository = Repository.get(track.directory, lambda: Signature("Bo", "bo@example.com", EPOCH))
    git = repository.git

    def note(text: str) -> dict[str, Entry]:
        return {"notes.txt": Entry(0o100644, git.write_blob(text.encode()))}

    base = write_commit(repository, note("base"), [], "base", {})
    main = base
    for number in range(3):
        main = write_commit(repository, note(f"main {number}"), [main], f"main {number}", {})
    side = write_commit(repository, note("side"), [base], "side", {})
    culprit = write_commit(repository, note("side click"), [side], "culprit", {})
    merge = write_commit(repository, note("both click"), [main, culprit], "merge", {})
    later = write_commit(repository, note("later click"), [merge], "later", {})
    assert find(track.ok("bisect", "run", "--bad", later, "--good", base, *TEST).stdout) == "culprit"
    # A good commit on another line: where the lines part is tested, and is good.
    result = track.ok("bisect", "run", "--bad", later, "--good", main, *TEST)
    assert find(result.stdout) == "culprit"
    # The other way round the fault was mended, and there is nothing to find.
    mended = write_commit(repository, note("mended"), [culprit], "mended", {})
    assert "mended in between" in track.fails(4, "bisect", "run", "--bad", culprit, "--good", mended, *TEST)


# By ear --------------------------------------------------------------------------------------------------


def hears_click(result: str) -> bool:
    """Listen to the file whose path a step gave."""
    return bool((decode(Path(result.strip()).read_bytes()) == 32000).any())


def test_by_ear_step_by_step(track: Bf) -> None:
    result = track.ok("bisect", "start", "HEAD", "HEAD~7")
    assert "7 commits in doubt, about 3 tests left: " in result.stderr
    while result.stdout.startswith("/"):
        result = track.ok("bisect", "bad" if hears_click(result.stdout) else "good")
    assert find(result.stdout) == "take 6"
    assert "bf bisect reset forgets the search" in result.stderr
    assert "nothing is left to be listened to" in track.fails(2, "bisect", "good")
    track.ok("bisect", "reset")
    assert "no search is under way" in track.fails(2, "bisect", "log")
    assert "no search is under way" in track.ok("bisect", "reset").stderr


def test_the_log_does_it_again(track: Bf) -> None:
    track.ok("bisect", "start", "HEAD", "HEAD~7", "--path", "mix.wav")
    track.ok("bisect", "good")
    track.ok("bisect", "skip")
    log = track.ok("bisect", "log").stdout
    commands = [line.split()[1:] for line in log.splitlines() if not line.startswith("#")]
    before = track.ok("bisect", "again").stdout
    track.ok("bisect", "reset")
    for command in commands:
        track.ok(*command)
    assert track.ok("bisect", "again").stdout == before
    assert track.ok("bisect", "log").stdout == log
    marks = track.ok("bisect", "log", "--json").json["marks"]
    assert [mark["verdict"] for mark in marks] == ["bad", "good", "good", "skip"]


def test_steps_as_documents(track: Bf) -> None:
    document = track.ok("bisect", "start", "--json").json
    assert (document["schema"], len(document["suspects"]), document["tests_left"]) == (
        "beatflow.bisect/1",
        8,
        3,
    )
    assert Path(document["path"]).is_file()
    while document["candidate"]:
        verdict = "bad" if hears_click(document["path"]) else "good"
        document = track.ok("bisect", verdict, "--json").json
    assert document["first_bad"]["message"] == "take 6"


def test_commits_may_be_named(track: Bf) -> None:
    track.ok("bisect", "start")
    result = track.ok("bisect", "good", "HEAD~7", "HEAD~3")
    assert "3 commits in doubt" in result.stderr
    assert "3 commits in doubt" in track.ok("bisect", "skip", "HEAD~2").stderr
    result = track("bisect", "bad", "HEAD~1")
    assert [line.partition(" ")[2] for line in result.stdout.splitlines()] == ["take 7", "take 6"]
    assert result.code == 1


def test_what_contradicts_is_not_noted(track: Bf) -> None:
    track.ok("bisect", "start", "HEAD~1", "HEAD~7")
    before = track.ok("bisect", "log").stdout
    assert "mended in between" in track.fails(4, "bisect", "good", "HEAD")
    assert track.ok("bisect", "log").stdout == before
    assert "both good and bad" in track.fails(4, "bisect", "start", "HEAD", "HEAD")
    assert "no commit there changed x.wav" in track.fails(4, "bisect", "start", "--path", "x.wav")
    assert track.ok("bisect", "log").stdout == before


def test_damaged_candidates_are_passed_over_and_said(track: Bf) -> None:
    damage(track, "HEAD~4", "mix.wav")
    result = track.ok("bisect", "start")
    assert "warning: skip: " in result.stderr
    assert Path(result.stdout.strip()).is_file()
    assert '"problem": "' in (track.directory / ".beatflow/state/bisect/state.json").read_text()


def test_a_commit_without_a_mix_gives_all_its_files(track: Bf) -> None:
    write_tone(track.directory / "stems" / "bass.wav", seconds=0.1)
    (track.directory / "mix.wav").unlink()
    track.ok("commit", "-m", "stems only")
    (track.directory / "notes.txt").write_text("more\n")
    track.ok("commit", "-m", "more")
    result = track.ok("bisect", "start", "HEAD", "HEAD~2")
    folder = Path(result.stdout.strip())
    assert sorted(path.name for path in folder.rglob("*.wav")) == ["bass.wav"]


def test_a_broken_state_says_the_way_out(track: Bf) -> None:
    track.ok("bisect", "start")
    state = track.directory / ".beatflow/state/bisect/state.json"
    for text in ("{", "[]", json.dumps({"version": 1, "marks": []}), json.dumps({"version": 9, "marks": []})):
        state.write_text(text)
        assert "hint: bf bisect reset" in track.fails(7, "bisect", "good")
    track.ok("bisect", "reset")
    track.ok("bisect", "start")


def test_a_search_changes_nothing_that_is_kept(track: Bf) -> None:
    def view() -> tuple[str, str, str]:
        return track.ok("op", "log").stdout, track.ok("status").stdout, track.ok("log", "--oneline").stdout

    before = view()
    track.ok("bisect", "start")
    track.ok("bisect", "good")
    assert view() == before
    track.ok("check")


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="needs a terminal")
def test_at_a_terminal_it_plays_and_asks(track: Bf, tmp_path: Path) -> None:
    """A player that writes down what it was given stands for a loudspeaker."""
    programs = tmp_path / "bin"
    programs.mkdir()
    player = programs / "ffplay"
    player.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$last" >> {tmp_path}/played\nexec sleep 5\n')
    player.chmod(0o755)
    answers = iter(["again", "good", "b", "?", "quit"])
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "BF_NOW": "1700009999", "BF_PAGER": "cat",
    }  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(track.directory)
        os.execve(sys.executable, [sys.executable, "-m", "beatflow", "bisect", "start"], environment)
    said = b""
    asked = 0
    try:
        while data := os.read(terminal, 65536):
            said += data
            while said.count(b"how is it?") > asked:
                asked += 1
                os.write(terminal, f"{next(answers)}\n".encode())
    except OSError:
        pass  # the other end is closed
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said.decode()
    played = (tmp_path / "played").read_text().split()
    assert len(played) == 4
    assert played[0] == played[1]
    assert len(set(played)) == 3
    marks = track.ok("bisect", "log", "--json").json["marks"]
    assert [mark["verdict"] for mark in marks] == ["bad", "good", "bad"]


def test_a_player_stops_when_it_is_no_longer_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mix.wav"
    write_tone(file, seconds=0.1)
    player = tmp_path / "afplay"
    player.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("beatflow.playing.programs._PLAYERS", (("afplay",),))
    with Playback(file) as playback:
        assert playback.playing
        pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    player.write_text("#!/bin/sh\n")  # at its end at once: a short sound
    with Playback(file) as playback:
        assert playback.playing
    player.write_text("no program")
    with Playback(file) as playback:
        assert not playback.playing


def test_without_a_player_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mix.wav"
    write_tone(file, seconds=0.1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with Playback(file) as playback:
        assert not playback.playing
    failing = tmp_path / "aplay"
    shutil.copy("/bin/false", failing)
    with Playback(file) as playback:
        assert not playback.playing
