"""Transactions: one change, whole or not at all, whatever dies when."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from beatflow.errors import ConflictError, LockedError
from beatflow.history import record_commit
from beatflow.lock import Lock
from beatflow.objects.git.value import Signature
from beatflow.objects.operation import iter_operations
from beatflow.repository import Repository
from beatflow.trackconfig import read_settings
from beatflow.transaction import JOURNAL, Transaction, recover
from beatflow.undo import redo, undo
from tests.world import write_tone


def signer() -> Signature:
    return Signature("Ada", "ada@example.com", 1_700_000_000)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "track", signer)
    write_tone(made.root / "mix.wav")
    with Transaction(made, "commit", "") as transaction:
        record_commit(transaction, "first")
        transaction.publish()
    return made


def reopen(repository: Repository) -> Repository:
    return Repository(repository.root, signer)


def test_leaving_without_publish_changes_nothing(repository: Repository) -> None:
    head = repository.head
    mine = write_tone(repository.root / "mix.wav", hz=500)
    with Transaction(repository, "commit", "") as transaction:
        record_commit(transaction, "second")
        transaction.put_entries({"mix.wav": None})
    assert repository.head == head
    assert (repository.root / "mix.wav").read_bytes() == mine
    assert list(repository.scratch.iterdir()) == []
    assert list((repository.directory / "audio" / "tmp").iterdir()) == []


def test_an_empty_transaction_is_no_operation(repository: Repository) -> None:
    before = [operation.oid for operation in iter_operations(repository.git)]
    with Transaction(repository, "switch", "") as transaction:
        transaction.set_head(repository.git.read_head())
        assert transaction.publish() is None
    assert [operation.oid for operation in iter_operations(repository.git)] == before


def test_names_that_no_disk_could_hold_beside_each_other(repository: Repository) -> None:
    head = repository.head
    for new in ("refs/heads/main/take2", "refs/heads"):
        with Transaction(repository, "branch", "") as transaction:
            transaction.set_ref(new, head)
            with pytest.raises(ConflictError, match="clashes with another name"):
                transaction.publish()
    with Transaction(repository, "branch", "") as transaction:
        transaction.set_ref("refs/heads/main", None)
        transaction.set_ref("refs/heads/main/take2", head)
        transaction.publish()
    assert repository.git.read_refs("refs/heads/") == {"refs/heads/main/take2": head}


def test_the_lock_names_its_holder(repository: Repository) -> None:
    with (
        Transaction(repository, "gc", ""),
        pytest.raises(LockedError, match=rf"'bf gc' \(process {os.getpid()}\)"),
        Lock(repository.directory / "lock", "bf commit", timeout_s=0.1),
    ):
        pass


def test_a_dead_holder_leaves_no_lock(repository: Repository) -> None:
    code = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from beatflow.lock import Lock
        with Lock(Path(sys.argv[1]), "bf commit"):
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", code, str(repository.directory / "lock")], check=False)
    assert done.returncode == -signal.SIGKILL
    with Lock(repository.directory / "lock", "bf status", timeout_s=0.1):
        pass


STEPS = ["batch.publish", "write_operation", "write_atomic", "_apply_refs", "place", "unlink"]

KILLER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import beatflow.transaction as module
    from beatflow.objects.git.value import Signature
    from beatflow.repository import Repository
    from beatflow.history import record_commit

    root, step = sys.argv[1:]
    repository = Repository(Path(root), lambda: Signature("Ada", "ada@example.com", 1_700_000_100))

    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    with module.Transaction(repository, "generate", "new") as transaction:
        scratch = repository.scratch / "unfinished.wav"
        scratch.write_bytes((repository.root / "mix.wav").read_bytes()[:-400])
        transaction.put_file("mix.wav", scratch)
        record_commit(transaction, "second")
        if step == "batch.publish":
            transaction.batch.publish = die
        elif step == "place":
            repository.worktree.place = die
        elif step == "unlink":
            Path.unlink = die
        else:
            setattr(module, step, die)
        transaction.publish()
    """
)


@pytest.mark.parametrize("step", STEPS)
def test_kill_at_each_step_of_publishing(repository: Repository, step: str) -> None:
    """Before the journal nothing has happened; from it on everything has, once the next writer comes by."""
    old_mix = write_tone(repository.root / "mix.wav", hz=330)
    old_head = repository.head
    done = subprocess.run([sys.executable, "-c", KILLER, str(repository.root), step], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    after = reopen(repository)
    happened = step in ("_apply_refs", "place", "unlink")
    assert (after.state / JOURNAL).exists() == happened
    with Transaction(after, "look", ""):
        pass
    assert not (after.state / JOURNAL).exists()
    mix = (after.root / "mix.wav").read_bytes()
    if happened:
        assert after.head != old_head
        assert mix == old_mix[:-400]
        assert next(iter_operations(after.git)).kind == "generate"
    else:
        assert after.head == old_head
        assert mix == old_mix
    undo(after)
    subprocess.run(
        ["git", f"--git-dir={after.directory}", "fsck", "--strict"], check=True, capture_output=True
    )
    assert after.head == (old_head if happened else None)


def test_recovery_leaves_what_somebody_changed_since(repository: Repository) -> None:
    write_tone(repository.root / "mix.wav", hz=330)
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(repository.root), "place"], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    mine = write_tone(repository.root / "mix.wav", hz=880)
    after = reopen(repository)
    with Lock(after.directory / "lock", "test"):
        assert recover(after)
        assert not recover(after)
    assert (after.root / "mix.wav").read_bytes() == mine


def test_recovery_finishes_settings_too(repository: Repository) -> None:
    config = repository.directory / "config"
    before = config.read_bytes()
    with Transaction(repository, "remote", "") as transaction:
        transaction.set_config("remote.origin.url", "/media/stick/song")
        transaction.set_config("branch.main.remote", "origin")
        oid = transaction.publish()
    assert oid
    after = read_settings(repository.directory)
    assert after["remote.origin.url"] == "/media/stick/song"
    config.write_bytes(before)
    (repository.state / JOURNAL).write_text(oid)
    with Lock(repository.directory / "lock", "test"):
        assert recover(reopen(repository))
    assert read_settings(repository.directory) == after
    undo(reopen(repository))
    assert "remote.origin.url" not in read_settings(repository.directory)


def test_undo_refuses_when_a_ref_moved_without_us(repository: Repository) -> None:
    first = repository.head
    write_tone(repository.root / "mix.wav", hz=500)
    with Transaction(repository, "commit", "") as transaction:
        record_commit(transaction, "second")
        transaction.publish()
    repository.git.write_ref("refs/heads/main", first)
    with pytest.raises(ConflictError, match="something else than bf"):
        undo(repository)


def test_undo_and_redo_walk_the_whole_way(repository: Repository) -> None:
    """Any walk of undo and redo passes the same states."""
    states = [repository.head]
    for number in range(4):
        write_tone(repository.root / f"take{number}.wav", hz=100 + number)
        with Transaction(repository, "commit", "") as transaction:
            record_commit(transaction, f"take {number}")
            transaction.publish()
        states.append(repository.head)
    for steps in (1, 3, 4, 2):
        for _ in range(steps):
            undo(repository)
        assert repository.head == states[-1 - steps]
        for _ in range(steps):
            redo(repository)
        assert repository.head == states[-1]


def test_operations_survive_gits_own_collection(repository: Repository) -> None:
    write_tone(repository.root / "mix.wav", hz=500)
    with Transaction(repository, "commit", "") as transaction:
        record_commit(transaction, "second")
        transaction.publish()
    second = repository.head
    undo(repository)
    git = ["git", f"--git-dir={repository.directory}"]
    subprocess.run([*git, "reflog", "expire", "--expire=now", "--all"], check=True)
    subprocess.run([*git, "gc", "-q", "--prune=now"], check=True)
    after = reopen(repository)
    redo(after)
    assert after.head == second


def test_lock_file_is_readable_text(repository: Repository) -> None:
    with Lock(repository.directory / "lock", "bf commit"):
        assert json.loads((repository.directory / "lock").read_text())["command"] == "bf commit"
    assert (repository.directory / "lock").read_text() == ""


@pytest.mark.parametrize("content", [b"", None])
def test_what_is_written_while_a_change_is_published_is_left_alone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """By then nothing keeps it: neither the change's own file nor its absence takes its place."""
    mix = repository.root / "mix.wav"
    saved: list[bytes] = []
    write_ref = repository.git.write_ref

    def save_meanwhile(name: str, oid: str | None, who: Signature) -> None:
        saved.append(write_tone(mix, hz=660))
        write_ref(name, oid, who)

    with Transaction(repository, "restore", "") as transaction:
        if content is None:
            transaction.put_entries({"mix.wav": None})
        else:
            transaction.put_bytes("mix.wav", content)
        transaction.put_bytes("notes.txt", b"new")
        monkeypatch.setattr(repository.git, "write_ref", save_meanwhile)
        transaction.publish()
    monkeypatch.undo()
    assert mix.read_bytes() == saved[-1]
    assert (repository.root / "notes.txt").read_bytes() == b"new"
    undo(reopen(repository))
    assert mix.read_bytes() not in saved
    redo(reopen(repository))
    assert mix.read_bytes() == saved[-1]
