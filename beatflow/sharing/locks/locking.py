"""Locks on files that cannot be merged: taking them at a remote, giving them up, and heeding those of others.

A lock is a word between people, not a wall: it is kept by the remote, heeded when somebody pushes, and can be broken,
which leaves a trace.
"""

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Entry, Signature
from beatflow.repository import Repository
from beatflow.sharing.configured import Configured
from beatflow.sharing.locks.known import Held, write_known
from beatflow.sharing.remote import BrokenLock, LockKeeper, PathLock, Remote, RemoteError
from beatflow.wording import plural

_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_PERIOD = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([mhdw])")
_LONGEST_S = 366 * 86400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """A remote's locks, as one person at one moment sees them.

    Parameters
    ----------
    repository : Repository
    configured : Configured
        How the track calls the remote.
    remote : Remote
    owner : str
    now_s : float
        Unix time.
    """

    repository: Repository
    configured: Configured
    remote: Remote
    owner: str
    now_s: float

    def list_locks(self) -> list[Held]:
        """Return all locks, by path, and remember them."""
        keeper = self._keeper()
        return self._remember([self._see(lock) for lock in keeper.list_locks(self.now_s)])

    def list_broken(self) -> list[BrokenLock]:
        """Return the traces of locks that somebody else than their holder took away, the oldest first."""
        return self._keeper().list_broken()

    def lock(self, path: str, expires_at_s: float | None = None) -> Held:
        """Lock a path; one's own lock is renewed.

        Raises
        ------
        ConflictError
            Somebody else has it.
        NotFoundError
            There is nothing at the remote yet.
        """
        return self._see(self._keeper().lock(path, self.owner, self.now_s, expires_at_s))

    def unlock(self, path: str, force: bool = False) -> Held | None:
        """Give a lock up, with ``force`` somebody else's as well; None where there was none.

        Raises
        ------
        ConflictError
            It is somebody else's.
        """
        lock = self._keeper().unlock(path, self.owner, self.now_s, force)
        return self._see(lock) if lock else None

    def _keeper(self) -> LockKeeper:
        keeper = self.remote.locks()
        if keeper is None:
            raise RemoteError(f"{self.remote.address} keeps no locks", hint="bf remote ls")
        return keeper

    def _see(self, lock: PathLock) -> Held:
        mine = lock.owner == self.owner if lock.mine is None else lock.mine
        where = self.configured.name or self.remote.address
        return Held(lock.path, lock.owner, mine, lock.locked_at_s, lock.expires_at_s, where)

    def _remember(self, locks: Sequence[Held]) -> list[Held]:
        if self.configured.name:
            write_known(self.repository.state, self.configured.name, locks)
        return list(locks)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of several files: locks taken or given up, paths that nobody had locked, and what was refused."""

    locks: tuple[Held, ...] = ()
    free: tuple[str, ...] = ()
    refused: tuple[ConflictError, ...] = ()


def lock_files(
    keeping: Keeping, paths: Sequence[str], expires_at_s: float | None = None, dry_run: bool = False
) -> Settled:
    """Lock files, each for itself: one that somebody else has does not keep the others."""
    there = {lock.path: lock for lock in keeping.list_locks()} if dry_run else {}
    locks, refused = [], []
    for path in paths:
        try:
            if dry_run:
                _refuse_foreign(there.get(path))
                where = keeping.configured.name
                locks.append(Held(path, keeping.owner, True, keeping.now_s, expires_at_s, where))
            else:
                locks.append(keeping.lock(path, expires_at_s))
        except ConflictError as error:
            refused.append(error)
    return _settle(keeping, locks, [], refused, dry_run)


def unlock_files(
    keeping: Keeping, paths: Sequence[str], force: bool = False, dry_run: bool = False
) -> Settled:
    """Give locks up, each for itself; ``force`` breaks those of others as well."""
    there = {lock.path: lock for lock in keeping.list_locks()}
    locks, free, refused = [], [], []
    for path in paths:
        try:
            if not force:
                _refuse_foreign(there.get(path))
            lock = there.get(path) if dry_run else keeping.unlock(path, force)
        except ConflictError as error:
            refused.append(error)
            continue
        if lock:
            locks.append(lock)
        else:
            free.append(path)
    return _settle(keeping, locks, free, refused, dry_run)


def _refuse_foreign(lock: Held | None) -> None:
    if lock and not lock.mine:
        raise ConflictError(
            f"{lock.path} is locked by {lock.owner}",
            hint=f"ask {lock.owner}, or break the lock: bf unlock --force {lock.path}",
        )


def _settle(
    keeping: Keeping,
    locks: Sequence[Held],
    free: Sequence[str],
    refused: Sequence[ConflictError],
    dry_run: bool,
) -> Settled:
    if not dry_run:
        refresh(keeping)
    return Settled(tuple(locks), tuple(free), tuple(refused))


def name_owner(signature: Signature) -> str:
    """Return what somebody's locks are known by: name and address, as in commits."""
    return f"{signature.name} <{signature.email}>"


def parse_period(text: str) -> float:
    """Read ``30m``, ``4h``, ``1d12h`` or ``2w``; return seconds.

    Raises
    ------
    UsageError
        It is none, or longer than a year.
    """
    parts = _PERIOD.findall(text)
    length_s = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < length_s <= _LONGEST_S:
        raise UsageError(f"{text!r} is not how long a lock can hold", hint="--for 4h, 30m, 2d or 1w")
    return length_s


def check_path(repository: Repository, path: str) -> None:
    """Refuse to lock what is no file of the track.

    Raises
    ------
    NotFoundError, UsageError
        Nothing of that name is here or in the last commit; it is a folder.
    """
    head = repository.head
    entry = repository.git.find_entry(repository.git.read_commit(head).tree, path) if head and path else None
    if not path or (repository.root / path).is_dir() or (entry and entry.mode == TREE):
        raise UsageError(f"{path or '.'} is a folder; locks are for files", hint="bf ls lists them")
    if entry or repository.worktree.find(path):
        return
    raise NotFoundError(f"{path} is no file here or in the last commit", hint="bf status")


def refresh(keeping: Keeping) -> None:
    """Remember what locks there are, after a remote was spoken to; where it will not say, keep what was known."""
    with suppress(RemoteError, NotFoundError):
        if keeping.remote.locks() is not None:
            keeping.list_locks()


def check_locks(keeping: Keeping) -> Callable[[Remote, Sequence[str], Sequence[str]], None]:
    """Return what refuses a push of files that somebody else has locked.

    A file counts as changed where a new commit has another one than all its parents, unless in the end it is again what
    it was: what a merge takes over from a commit that the remote has is no change.
    """

    def check(remote: Remote, tips: Sequence[str], known: Sequence[str]) -> None:
        if remote.locks() is None or not known:
            return
        theirs = [lock for lock in keeping.list_locks() if not lock.mine]
        paths = {lock.path for lock in theirs}
        changed = {path for tip in tips for path in _find_changed(keeping.repository.git, tip, known, paths)}
        refused = [lock for lock in theirs if lock.path in changed]
        if refused:
            first = refused[0]
            more = f", and {plural(len(refused) - 1, 'other file')} as well" if len(refused) > 1 else ""
            raise ConflictError(
                f"{first.path} is locked by {first.owner}{more}; nothing was pushed",
                hint=f"ask {first.owner}, or break the lock: bf unlock --force {first.path}",
            )

    return check


def _find_changed(git: GitStore, tip: str, known: Sequence[str], paths: Collection[str]) -> set[str]:
    """Return those of the paths that the commits behind a tip and not behind ``known`` change."""
    if not paths:
        return set()

    @cache
    def entry(commit: str, path: str) -> Entry | None:
        return git.find_entry(git.read_commit(commit).tree, path)

    new = {oid: git.read_commit(oid).parents for oid in git.iter_new_commits([tip], known)}
    edges = {parent for parents in new.values() for parent in parents} - new.keys()
    changed = {
        path
        for path in paths
        for oid, parents in new.items()
        if parents or entry(oid, path)
        if all(entry(parent, path) != entry(oid, path) for parent in parents)
    }
    return {path for path in changed if all(entry(edge, path) != entry(tip, path) for edge in edges)}
