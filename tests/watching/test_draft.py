"""Drafts: made beside history, found by a word, kept for as long as they should be."""

import pytest

from beatflow.errors import LockedError, UsageError
from beatflow.lock import Lock
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.watching.clutter import is_passing
from beatflow.watching.draft import Draft, Keeping, choose_kept, list_drafts, make_draft, parse_keeping
from tests.conftest import Bf
from tests.world import write_tone

HOUR, DAY = 3600, 86_400


def draft_at(time_s: int) -> Draft:
    return Draft(str(time_s), "0" * 40, time_s, "")


def test_which_drafts_stay() -> None:
    now = 1_700_000_000 // DAY * DAY
    every_ten_minutes = [draft_at(now - 600 * step) for step in range(6 * 24 * 40)]
    kept = choose_kept(every_ten_minutes, Keeping(), now)
    ages = [now - draft.time_s for draft in kept]
    assert ages[:6] == [600 * step for step in range(6)]
    hourly = [age for age in ages if HOUR <= age < DAY]
    assert len(hourly) in (23, 24)
    daily = [age for age in ages if age >= DAY]
    assert 28 <= len(daily) <= 30
    assert max(ages) < 30 * DAY
    assert len({(now - age) // DAY for age in daily}) == len(daily)
    # Doing it again drops nothing more.
    assert choose_kept(kept, Keeping(), now) == kept


def test_the_last_one_stays_however_old_and_so_does_the_future() -> None:
    old, older, future = draft_at(0), draft_at(-5), draft_at(10**9)
    assert choose_kept([old, older], Keeping(), 10**8) == [old]
    assert choose_kept([future, old], Keeping(), 10**8) == [future]
    assert choose_kept([], Keeping(), 0) == []


@pytest.mark.parametrize("text", ["", "1h", "1h,1d", "1d,1h,30d", "1h,1d,x", "1h,1d,30d,1d", "-1h,1d,30d"])
def test_spans_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_keeping(text)


def test_spans() -> None:
    assert parse_keeping("90m, 2d, 4w") == Keeping(5400, 2 * DAY, 28 * DAY)


@pytest.mark.parametrize(
    ("path", "passing"),
    [
        ("song.wav", False), ("song.wav.tmp", True), ("~$song.als", True), ("a/.#x", True), ("a/x~", True),
        ("takes/x.reapeaks", True), ("peaks/x.wav", True), ("Backup/x.wav", False), ("tmp.wav", False),
        ("x.part", True), ("partial.wav", False), ("-.wav", False), ("🎹.WAV.TMP", True),
    ],
)  # fmt: skip
def test_files_of_other_programs(path: str, passing: bool) -> None:
    assert is_passing(path) == passing


def test_drafts_stand_beside_history(bf: Bf) -> None:
    bf.ok("init")
    write_tone(bf.directory / "a.wav")
    bf.ok("commit", "-m", "first")
    log = bf.ok("op", "log").stdout
    first = (bf.directory / "a.wav").read_bytes()
    second = write_tone(bf.directory / "a.wav", hz=330)
    (bf.directory / "x.wav.tmp").write_bytes(b"unfinished")
    (bf.directory / ".bfignore").write_text("*.bak\n")
    (bf.directory / "x.bak").write_text("ignored")
    bf.ok("watch", "--now")
    third = write_tone(bf.directory / "a.wav", hz=440)
    assert [one["event"] for one in [bf.ok("watch", "--now", "--json").json]] == ["draft"]
    assert "nothing is new" in bf.ok("watch", "--now").stderr
    assert bf.ok("cat", "draft:a.wav").out_bytes == third
    assert bf.ok("cat", "draft~1:a.wav").out_bytes == second
    assert bf.ok("cat", "HEAD:a.wav").out_bytes == first
    assert [line.split()[-1] for line in bf.ok("ls", "draft").stdout.splitlines()] == [".bfignore", "a.wav"]
    assert bf.ok("op", "log").stdout == log, "undo does not see them"
    assert bf.ok("log", "--oneline", "--all").stdout.count("\n") == 1
    listed = bf.ok("watch", "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["draft", "draft~1"]
    bf.ok("restore", "--source", "draft~1", "a.wav")
    assert (bf.directory / "a.wav").read_bytes() == second
    bf.ok("undo")
    assert (bf.directory / "a.wav").read_bytes() == third
    bf.ok("gc")
    assert bf.ok("cat", "draft~1:a.wav").out_bytes == second
    bf.ok("check", "--data")


def test_a_draft_before_any_commit(bf: Bf) -> None:
    bf.ok("init")
    data = write_tone(bf.directory / "a.wav")
    bf.ok("watch", "--now")
    (bf.directory / "a.wav").unlink()
    bf.ok("restore", "--source", "draft", "a.wav")
    assert (bf.directory / "a.wav").read_bytes() == data
    assert bf.ok("watch", "--list", "--json").json["drafts"][0]["changes"] == [
        {"path": "a.wav", "kind": "added"}
    ]


def test_a_commit_takes_the_place_of_its_draft(bf: Bf) -> None:
    bf.ok("init")
    write_tone(bf.directory / "a.wav")
    bf.ok("watch", "--now")
    bf.ok("commit", "-m", "as the draft")
    write_tone(bf.directory / "a.wav", hz=330)
    bf.ok("watch", "--now")
    assert len(bf.ok("watch", "--list").stdout.splitlines()) == 1


def test_dropping(bf: Bf) -> None:
    bf.ok("init")
    for hz in (110, 220, 330):
        write_tone(bf.directory / "a.wav", hz=hz)
        bf.ok("watch", "--now")
    names = [one["draft"] for one in bf.ok("watch", "--list", "--json").json["drafts"]]
    assert "1 draft would be dropped" in bf.ok("watch", "--drop", "draft~1", "-n").stderr
    assert bf.ok("watch", "--drop", "draft~1", "--json").json["dropped"] == [names[1]]
    assert "there is no draft" in bf.fails(3, "watch", "--drop", "draft~9")
    bf.now += 40 * DAY
    bf.ok("watch", "--prune")
    assert len(bf.ok("watch", "--list").stdout.splitlines()) == 1
    bf.ok("watch", "--drop", "all")
    assert "no drafts yet" in bf.ok("watch", "--list").stderr
    assert "no revision 'draft'" in bf.fails(3, "cat", "draft:a.wav")


def test_a_branch_called_draft_is_a_branch(bf: Bf) -> None:
    bf.ok("init")
    first = write_tone(bf.directory / "a.wav")
    bf.ok("commit", "-m", "one")
    bf.ok("branch", "draft")
    write_tone(bf.directory / "a.wav", hz=330)
    bf.ok("watch", "--now")
    assert bf.ok("cat", "draft:a.wav").out_bytes == first


def test_two_in_one_second_and_a_held_lock(bf: Bf) -> None:
    bf.ok("init")
    repository = Repository(bf.directory, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))
    for hz in (110, 220, 330):
        write_tone(bf.directory / "a.wav", hz=hz)
        assert make_draft(repository)[0]
    assert [draft.name for draft in list_drafts(repository)] == [
        "20231114T221320Z-3", "20231114T221320Z-2", "20231114T221320Z",
    ]  # fmt: skip
    write_tone(bf.directory / "a.wav", hz=440)
    with Lock(repository.directory / "lock", "bf commit"), pytest.raises(LockedError):
        make_draft(repository)
    assert len(list_drafts(repository)) == 3


def test_what_is_refused(bf: Bf) -> None:
    bf.ok("init")
    for arguments in (
        ["--quiet", "soon"],
        ["--quiet", "99h"],
        ["--keep", "1h"],
        ["--now", "--list"],
        ["--quiet", "0"],
    ):
        assert bf.fails(2, "watch", *arguments)
    bf.ok("config", "drafts", "2h,2d,60d")
    assert "error" in bf("config", "drafts", "often").stderr


def test_drafts_stay_at_home(bf: Bf) -> None:
    """Neither a push nor a clone takes them along."""
    bf.ok("init")
    write_tone(bf.directory / "a.wav")
    bf.ok("commit", "-m", "one")
    write_tone(bf.directory / "a.wav", hz=330)
    bf.ok("watch", "--now")
    depot, copy = bf.directory.parent / "depot", bf.directory.parent / "copy"
    bf.ok("remote", "add", "depot", depot)
    bf.ok("push", "depot")
    assert "drafts" not in (depot / "refs.json").read_text()
    bf.ok("clone", bf.directory, copy)
    assert "no drafts yet" in Bf(copy, bf.environment, bf.now).ok("watch", "--list").stderr
