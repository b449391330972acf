"""Locks: taking, renewing, giving up, breaking with a trace, expiry, and what a push heeds."""

from pathlib import Path

import pytest

from beatflow.errors import UsageError
from beatflow.sharing.locks.known import Held, list_known, write_known
from beatflow.sharing.locks.locking import parse_period
from tests.conftest import EPOCH, Bf
from tests.forks import take, wav
from tests.servers import GitHost, has
from tests.sharing.places import Shared
from tests.sharing.test_matrix import BASS, DRUMS, begin, write

HOUR_S = 3600.0


@pytest.fixture
def ada(stick: Shared, tmp_path: Path) -> Bf:
    """Somebody with a track that others have as well."""
    return begin(stick, tmp_path / "ada")


@pytest.fixture
def bob(stick: Shared, ada: Bf, tmp_path: Path) -> Bf:
    found = stick.clone(tmp_path / "bob")
    found.now = ada.now
    return found


def lock_lines(bf: Bf) -> list[str]:
    return bf.ok("lock").stdout.splitlines()


@pytest.mark.parametrize(
    ("text", "length_s"), [("30m", 1800), ("4h", 14400), ("1d12h", 129600), ("1.5h", 5400), ("2w", 1209600)]
)
def test_periods_are_read(text: str, length_s: float) -> None:
    assert parse_period(text) == length_s


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "-1h", "0h", "4h!", "99999w", "1e3h", "４h"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_period(text)


def test_a_lock_is_everybodys_to_see_and_its_holders_to_give_up(ada: Bf, bob: Bf) -> None:
    said = ada.ok("lock", DRUMS, "--for", "4h").stderr
    assert said.startswith(f"{DRUMS} is yours until 2023-11-15 ")
    assert lock_lines(bob) == [line.replace("you", "Ada <ada@example.com>") for line in lock_lines(ada)]
    error = bob.fails(4, "lock", DRUMS)
    assert "locked by Ada <ada@example.com>" in error
    assert f"bf unlock --force {DRUMS}" in error
    assert "locked by Ada" in bob.fails(4, "unlock", DRUMS)
    assert "your lock given up" in ada.ok("unlock", DRUMS).stderr
    assert lock_lines(bob) == []
    assert "nobody had locked it" in ada.ok("unlock", DRUMS).stderr


def test_a_lock_ends_by_itself_and_can_be_renewed(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS, "--for", "1h")
    ada.ok("lock", DRUMS, "--for", "2h")
    bob.now = ada.now + round(1.5 * HOUR_S)
    assert len(lock_lines(bob)) == 1
    assert "locked" in bob.ok("status").stdout
    bob.now += round(HOUR_S)
    assert "locked" not in bob.ok("status").stdout
    bob.ok("lock", DRUMS)
    assert bob.ok("lock", "--json").json["locks"][0]["expires_at_s"] is None


def test_a_broken_lock_leaves_a_trace(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    would = bob.ok("unlock", "--force", DRUMS, "-n").stderr
    assert "would be given up" in would
    assert len(lock_lines(ada)) == 1
    bob.ok("unlock", "--force", DRUMS)
    assert lock_lines(ada) == []
    (line,) = ada.ok("lock", "--broken").stdout.splitlines()
    assert line.startswith(f"{DRUMS}  Ada <ada@example.com>'s, broken by Bob <bob@example.com> on 2023-11-1")
    (row,) = ada.ok("lock", "--broken", "--json").json["broken"]
    assert (row["path"], row["broken_by"]) == (DRUMS, "Bob <bob@example.com>")


def test_several_files_are_locked_each_for_itself(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    result = bob("lock", DRUMS, BASS, "--json")
    assert result.code == 4
    assert [held["path"] for held in result.json["locks"]] == [BASS]
    assert "locked by Ada" in result.stderr
    assert len(lock_lines(ada)) == 2
    bob.ok("unlock", "--all")
    assert "no lock of yours" in bob.ok("unlock", "--all").stderr
    assert len(lock_lines(ada)) == 1


def test_a_dry_run_locks_nothing(ada: Bf, bob: Bf) -> None:
    assert "would be yours until it is given up" in ada.ok("lock", DRUMS, "-n").stderr
    assert lock_lines(ada) == []
    bob.ok("lock", DRUMS)
    assert "locked by Bob" in ada.fails(4, "lock", DRUMS, "-n")


def test_a_push_heeds_locks_of_others_and_only_where_it_changes_that_file(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    write(bob, BASS, wav(take(8)))
    bob.ok("commit", "-m", "bass")
    bob.ok("push")
    write(bob, DRUMS, wav(take(9)))
    assert "yours would be refused" in bob.ok("status").stderr
    bob.ok("commit", "-m", "drums")
    before = bob.ok("ls-remote", "origin").stdout
    error = bob.fails(4, "push")
    assert f"{DRUMS} is locked by Ada <ada@example.com>; nothing was pushed" in error
    assert bob.ok("ls-remote", "origin").stdout == before
    bob.ok("restore", "--source", "HEAD~1", DRUMS)
    bob.ok("commit", "-m", "as it was")
    bob.ok("push")
    write(ada, DRUMS, wav(take(10)))
    ada.ok("commit", "-m", "mine")
    ada.ok("pull")
    ada.ok("push")
    bob.ok("pull")
    bob.ok("push", "origin", "main:sketch")


def test_to_delete_a_locked_file_is_a_change_though_a_branch_never_had_it(ada: Bf, bob: Bf) -> None:
    ada.ok("branch", "early")
    write(ada, "stems/vocals.wav", wav(take(12)))
    ada.ok("commit", "-m", "vocals")
    ada.ok("push", "--all")
    bob.ok("pull")
    ada.ok("lock", "stems/vocals.wav")
    bob.ok("rm", "stems/vocals.wav")
    bob.ok("commit", "-m", "no vocals")
    assert "stems/vocals.wav is locked by Ada" in bob.fails(4, "push")


def test_a_locked_file_that_is_renamed_is_gone_from_its_place(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    (bob.directory / DRUMS).rename(bob.directory / "stems/beat.wav")
    bob.ok("commit", "-m", "another name")
    assert f"{DRUMS} is locked by Ada" in bob.fails(4, "push")


def test_what_a_merge_takes_over_from_its_holder_is_no_change(ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    ada.ok("switch", "-c", "take2")
    write(ada, DRUMS, wav(take(13)))
    ada.ok("commit", "-m", "mine")
    ada.ok("push")
    bob.ok("fetch")
    write(bob, BASS, wav(take(14)))
    bob.ok("commit", "-m", "bass")
    bob.ok("merge", "origin/take2")
    bob.ok("push")


def test_what_cannot_be_locked_is_refused(ada: Bf, tmp_path: Path) -> None:
    assert "is no file here" in ada.fails(3, "lock", "stems/vocals.wav")
    assert "is a folder" in ada.fails(2, "lock", "stems")
    assert "outside the track" in ada.fails(2, "lock", "../elsewhere.wav")
    assert "--for 4h" in ada.fails(2, "lock", DRUMS, "--for", "soon")
    assert "which locks" in ada.fails(2, "unlock")
    assert "which locks" in ada.fails(2, "unlock", "--all", DRUMS)
    assert "your own locks" in ada.fails(2, "unlock", "--all", "--force")
    alone = Bf(tmp_path / "alone")
    alone.directory.mkdir()
    alone.ok("init")
    write(alone, DRUMS, wav(take(1)))
    assert "no remote yet" in alone.fails(3, "lock", DRUMS)


def test_status_tells_what_is_known_and_asks_nobody(stick: Shared, ada: Bf, bob: Bf) -> None:
    ada.ok("lock", DRUMS)
    bob.ok("fetch")
    Path(stick.url).rename(Path(stick.url).with_name("away"))
    assert f"locked    {DRUMS}  Ada <ada@example.com>, until it is given up" in bob.ok("status").stdout
    (lock,) = bob.ok("status", "--json").json["locks"]
    assert (lock["path"], lock["mine"], lock["remote"]) == (DRUMS, False, "origin")


def test_a_damaged_memory_of_locks_is_none(tmp_path: Path) -> None:
    held = Held(DRUMS, "Ada", False, EPOCH, None, "origin")
    write_known(tmp_path, "origin", [held])
    assert list_known(tmp_path, EPOCH) == [held]
    path = tmp_path / "remotes" / "origin" / "locks.json"
    for text in ("", "[]", "{}", '{"version": 2, "locks": []}', '{"version": 1, "locks": [3]}', "[" * 9999):
        path.write_text(text)
        assert list_known(tmp_path, EPOCH) == []
    write_known(tmp_path, "origin", [])
    assert not path.exists()


if has("git", "git-lfs"):

    def test_on_a_git_host_two_musicians_lock_by_its_own_api(git_host: GitHost, tmp_path: Path) -> None:
        url = git_host.url(git_host.repository())

        def someone(name: str) -> Shared:
            netrc = tmp_path / f"netrc-{name}"
            netrc.write_text(f"machine 127.0.0.1 login {name.lower()} password {git_host.password}\n")
            netrc.chmod(0o600)
            return Shared("http", url, {"NETRC": str(netrc)})

        ada = begin(someone("Ada"), tmp_path / "ada")
        bob = someone("Bob").clone(tmp_path / "bob")
        assert "knows no end of a lock" in ada.ok("lock", DRUMS, "--for", "4h").stderr
        assert lock_lines(bob) == [f"{DRUMS}  ada, until it is given up"]
        write(bob, DRUMS, wav(take(9)))
        bob.ok("commit", "-m", "drums")
        assert "locked by ada" in bob.fails(4, "push")
        assert bob("unlock", DRUMS).code == 4
        bob.ok("unlock", "--force", DRUMS)
        bob.ok("push")
