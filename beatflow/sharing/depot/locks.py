"""Locks in a depot: one small document for each locked path, taken by compare-and-swap.

Whoever breaks somebody else's lock leaves a document that says so. Decides by the caller's clock alone.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from beatflow.errors import ConflictError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.pool import Pool
from beatflow.places.place import ChangedError, Content, Item, Place
from beatflow.sharing.depot.layout import BROKEN_LOCKS, LOCKS, require_depot
from beatflow.sharing.remote import BrokenLock, PathLock

VERSION = 1
_ATTEMPTS = 8
_WORKERS = 8
_MAX_BYTES = 1 << 20
_SUFFIX = ".json"
_FREE = b"{}\n"
"""What stands in place of a lock that was given up: buckets remove nothing on a condition, but replace."""


class DepotLocks:
    """Keeps the locks of one depot (`beatflow.sharing.remote.LockKeeper`).

    Parameters
    ----------
    place : Place
    check : callable
        Refuses a place that must not have locks; by default one that is no depot.
    """

    def __init__(self, place: Place, check: Callable[[Place], None] = require_depot) -> None:
        self._place = place
        self._check = check

    def list_locks(self, now_s: float) -> list[PathLock]:
        """Return those that have not expired, by path; what is damaged is none."""
        keys = [item.key for item in self._list(LOCKS) if not item.key.startswith(BROKEN_LOCKS)]
        locks = (
            lock for key, data in self._read_all(keys) if (lock := _decode(data)) and _key(lock.path) == key
        )
        return sorted((lock for lock in locks if not _has_expired(lock, now_s)), key=lambda lock: lock.path)

    def lock(self, path: str, owner: str, now_s: float, expires_at_s: float | None = None) -> PathLock:
        """Lock a path; one's own lock is renewed.

        Raises
        ------
        ConflictError
            Somebody else has it.
        NotFoundError
            There is no depot yet.
        """
        self._check(self._place)
        new = PathLock(path, owner, now_s, expires_at_s, _name(path))
        for _ in range(_ATTEMPTS):
            content, there = self._read(path)
            if there and there.owner != owner and not _has_expired(there, now_s):
                raise ConflictError(
                    f"{path} is locked by {there.owner} since {_tell(there.locked_at_s)}"
                    + (f" until {_tell(there.expires_at_s)}" if there.expires_at_s is not None else ""),
                    f"ask {there.owner}, or bf unlock --force {path}",
                )
            try:
                self._place.swap(_key(path), _encode(new), content.tag if content else None)
            except ChangedError:
                continue
            return new
        raise _busy(path)

    def unlock(self, path: str, owner: str, now_s: float, force: bool = False) -> PathLock | None:
        """Give a lock up; with ``force`` somebody else's as well, which leaves a trace.

        Raises
        ------
        ConflictError
            It is somebody else's, and ``force`` was not given.
        """
        for _ in range(_ATTEMPTS):
            content, there = self._read(path)
            if content is None or there is None:
                return None
            foreign = there.owner != owner and not _has_expired(there, now_s)
            if foreign and not force:
                raise ConflictError(
                    f"{path} is locked by {there.owner} since {_tell(there.locked_at_s)}",
                    f"ask {there.owner}, or bf unlock --force {path}",
                )
            if foreign:
                self._leave_trace(BrokenLock(there, owner, now_s))
            try:
                self._place.swap(_key(path), _FREE, content.tag)
            except ChangedError:
                continue
            return there
        raise _busy(path)

    def list_broken(self) -> list[BrokenLock]:
        """Return the traces of locks that were broken, the oldest first."""
        keys = [item.key for item in self._list(BROKEN_LOCKS)]
        found = [broken for _, data in self._read_all(keys) if (broken := _decode_broken(data))]
        return sorted(found, key=lambda broken: broken.broken_at_s)

    def _list(self, folder: str) -> list[Item]:
        """Return what may be locks: what is as short as a lock that was given up is one, and need not be read."""
        return [
            item
            for item in self._place.list(folder)
            if item.key.endswith(_SUFFIX) and len(_FREE) < item.size <= _MAX_BYTES
        ]

    def _read_all(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        with Pool(_WORKERS, "beatflow-locks") as pool:
            for key, content in work_ahead(pool, _WORKERS, self._place.read, keys):
                if content:
                    yield key, content.data

    def _leave_trace(self, broken: BrokenLock) -> None:
        data = _dump(
            {**_fields(broken.lock), "broken_by": broken.broken_by, "broken_at_s": broken.broken_at_s}
        )
        key = f"{BROKEN_LOCKS}{hashlib.sha256(data).hexdigest()}{_SUFFIX}"
        try:
            self._place.swap(key, data, None)
        except ChangedError:
            return  # the very same one, from an attempt before

    def _read(self, path: str) -> tuple[Content | None, PathLock | None]:
        content = self._place.read(_key(path))
        return content, _decode(content.data) if content else None


def _name(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def _key(path: str) -> str:
    return f"{LOCKS}{_name(path)}{_SUFFIX}"


def _fields(lock: PathLock) -> dict[str, Any]:
    return {
        "version": VERSION,
        "path": lock.path,
        "owner": lock.owner,
        "locked_at_s": lock.locked_at_s,
        "expires_at_s": lock.expires_at_s,
        "id": lock.id,
    }


def _encode(lock: PathLock) -> bytes:
    return _dump(_fields(lock))


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"


def _decode(data: bytes) -> PathLock | None:
    """Return the lock that a document holds; None for anything else."""
    try:
        value = json.loads(data)
        path, owner, name = value["path"], value["owner"], value["id"]
        locked_at_s, expires_at_s = float(value["locked_at_s"]), value["expires_at_s"]
        expires_at_s = None if expires_at_s is None else float(expires_at_s)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    if not all(isinstance(text, str) for text in (path, owner, name)):
        return None
    if not all(math.isfinite(time_s) for time_s in (locked_at_s, expires_at_s or 0.0)):
        return None
    return PathLock(path, _make_printable(owner), locked_at_s, expires_at_s, name)


def _make_printable(name: str) -> str:
    """Return a name that cannot steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _decode_broken(data: bytes) -> BrokenLock | None:
    lock = _decode(data)
    if lock is None:
        return None
    value = json.loads(data)
    try:
        return BrokenLock(lock, _make_printable(str(value["broken_by"])), float(value["broken_at_s"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _has_expired(lock: PathLock, now_s: float) -> bool:
    return lock.expires_at_s is not None and lock.expires_at_s <= now_s


def _tell(time_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return "an impossible time"


def _busy(path: str) -> ConflictError:
    return ConflictError(f"the lock of {path} changes too often", "try again")
