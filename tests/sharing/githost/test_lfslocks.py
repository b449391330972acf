"""Locks of a git host, beside git-lfs's own."""

from pathlib import Path

import pytest

from beatflow.errors import ConflictError
from beatflow.sharing.githost.lfslocks import LfsLocks
from beatflow.sharing.remote import LockKeeper, RemoteError
from tests.servers import GitHost, has
from tests.sharing.githost.hosting import git, make_track, open_host, send_all, song

NOW_S = 1_700_000_000.0


def keeper(host: GitHost, name: str) -> LockKeeper:
    found = open_host(host, name).locks()
    assert isinstance(found, LfsLocks)
    return found


def test_a_lock_is_taken_kept_and_given_up(git_host: GitHost) -> None:
    name = git_host.repository()
    locks = keeper(git_host, name)
    assert locks.list_locks(NOW_S) == []
    made = locks.lock("stems/völ 1.wav", "Ada", NOW_S, NOW_S + 60)
    assert (made.path, made.owner, made.expires_at_s, made.mine) == ("stems/völ 1.wav", "ada", None, True)
    assert made.locked_at_s > NOW_S
    assert locks.lock("stems/völ 1.wav", "Ada", NOW_S) == made
    assert keeper(git_host, name).list_locks(NOW_S) == [made]
    given = locks.unlock("stems/völ 1.wav", "Ada", NOW_S)
    assert given
    assert given.id == made.id
    assert locks.unlock("stems/völ 1.wav", "Ada", NOW_S) is None
    assert locks.list_locks(NOW_S) == []
    assert locks.list_broken() == []


if has("git", "git-lfs"):

    def test_git_lfs_holds_the_same_locks(git_host: GitHost, tmp_path: Path) -> None:
        name = git_host.repository()
        send_all(open_host(git_host, name), make_track(tmp_path / "track", kick=song()))
        clone = tmp_path / "clone"
        git("clone", "-q", git_host.url(name, login=True).replace("ada:", "bob:"), clone)
        git("lfs", "lock", "kick.wav", cwd=clone)
        locks = keeper(git_host, name)
        assert [(lock.path, lock.owner, lock.mine) for lock in locks.list_locks(NOW_S)] == [
            ("kick.wav", "bob", False)
        ]
        with pytest.raises(ConflictError, match=r"kick\.wav is locked by bob since 20") as taken:
            locks.lock("kick.wav", "Ada", NOW_S)
        assert taken.value.hint == "ask bob, or break the lock: bf unlock --force kick.wav"
        with pytest.raises(ConflictError, match="locked by bob"):
            locks.unlock("kick.wav", "Ada", NOW_S)
        assert locks.unlock("kick.wav", "Ada", NOW_S, force=True)
        locks.lock("kick.wav", "Ada", NOW_S)
        assert "ada" in git("lfs", "locks", cwd=clone)


def test_a_host_that_keeps_no_locks_is_named(git_host: GitHost) -> None:
    # This host answers 404 for what is no repository, as those without the API do.
    locks = keeper(git_host, "label/nothing.git")
    assert locks.list_locks(NOW_S) == []
    with pytest.raises(RemoteError, match="keeps no locks"):
        locks.lock("kick.wav", "Ada", NOW_S)
    with pytest.raises(RemoteError, match="keeps no locks"):
        locks.unlock("kick.wav", "Ada", NOW_S)
