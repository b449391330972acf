"""Locks of a git host, by the Git LFS locking API.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/locking.md. Whose a lock is, the host decides by the login; its
locks do not expire.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from beatflow.errors import ConflictError
from beatflow.sharing.githost.lfs import LfsClient
from beatflow.sharing.githost.words import RefusedError, tidy
from beatflow.sharing.remote import BrokenLock, PathLock, RemoteError

_NONE_KEPT = (404, 405, 501)
_MOST_PAGES = 1000


class LfsLocks:
    """Keeps locks at an LFS server."""

    def __init__(self, client: LfsClient, address: str) -> None:
        self._client = client
        self._address = address

    def list_locks(self, now_s: float) -> list[PathLock]:
        """Return all locks, by path; none where the host keeps none.

        Who may only read there cannot learn from the host which are their own.
        """
        try:
            found = self._list_mine_and_theirs()
        except RefusedError as error:
            if error.status in _NONE_KEPT:
                return []
            if error.status not in (401, 403):
                raise
            found = [_read_lock(row, False) for row in self._list({})]
        return sorted(found, key=lambda lock: lock.path)

    def list_broken(self) -> list[BrokenLock]:
        """Return none: the host keeps the traces, where it does, to itself."""
        return []

    def lock(self, path: str, owner: str, now_s: float, expires_at_s: float | None = None) -> PathLock:
        """Lock a path, for as long as nobody gives it up; one's own lock stays as it is.

        Raises
        ------
        ConflictError
            Somebody else has it.
        RemoteError
            The host keeps no locks.
        """
        try:
            answer = self._client.call("POST", "/locks", {"path": path}, "upload", (200, 201))
        except RefusedError as error:
            self._refuse_none_kept(error)
            if error.status != 409:
                raise
            mine = next((lock for lock in self._list_mine_and_theirs() if lock.path == path), None)
            if mine is not None and mine.mine:
                return mine
            raise _taken(path, mine) from error
        return _read_lock(answer.get("lock"), True)

    def unlock(self, path: str, owner: str, now_s: float, force: bool = False) -> PathLock | None:
        """Give a lock up; with ``force`` somebody else's as well, which the host may log.

        Raises
        ------
        ConflictError
            It is somebody else's.
        RemoteError
            The host keeps no locks, or does not allow it.
        """
        try:
            found = [_read_lock(row, None) for row in self._list({"path": path})]
        except RefusedError as error:
            self._refuse_none_kept(error)
            raise
        lock = next((lock for lock in found if lock.path == path), None)
        if lock is None:
            return None
        try:
            self._client.call("POST", f"/locks/{quote(lock.id, safe='')}/unlock", {"force": force}, "upload")
        except RefusedError as error:
            if error.status == 404:
                return None
            if error.status == 403 and not force:
                raise _taken(path, lock) from error
            raise
        return lock

    def _refuse_none_kept(self, error: RefusedError) -> None:
        if error.status in _NONE_KEPT:
            raise RemoteError(
                f"{self._address} keeps no locks",
                "use a remote that does: a folder, a bucket, or another git host",
            ) from error

    def _list_mine_and_theirs(self) -> list[PathLock]:
        found: list[PathLock] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            answer = self._client.call(
                "POST", "/locks/verify", {"cursor": cursor} if cursor else {}, "upload"
            )
            found += [_read_lock(row, True) for row in _rows(answer, "ours")]
            found += [_read_lock(row, False) for row in _rows(answer, "theirs")]
            cursor = str(answer.get("next_cursor") or "")
            if not cursor:
                break
        return found

    def _list(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            suffix = f"?{urlencode(query)}" if query else ""
            answer = self._client.call("GET", f"/locks{suffix}", None, "download")
            found += _rows(answer, "locks")
            cursor = str(answer.get("next_cursor") or "")
            if not cursor:
                break
            query = query | {"cursor": cursor}
        return found


def _rows(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = answer.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _read_lock(row: object, mine: bool | None) -> PathLock:
    if not isinstance(row, dict) or not isinstance(row.get("path"), str) or row.get("id") is None:
        raise RemoteError(
            "the host describes a lock otherwise than the locking API does", "ask who runs that host"
        )
    owner = row.get("owner")
    name = owner.get("name") if isinstance(owner, dict) else None
    locked_at_s = 0.0
    with suppress(ValueError, TypeError, OverflowError):
        locked_at_s = datetime.fromisoformat(str(row.get("locked_at"))).timestamp()
    return PathLock(tidy(row["path"]), tidy(str(name or "somebody")), locked_at_s, None, str(row["id"]), mine)


def _taken(path: str, lock: PathLock | None) -> ConflictError:
    if lock is None:
        return ConflictError(f"{path} is locked by somebody else", "bf lock lists who has what")
    since = (
        f" since {datetime.fromtimestamp(lock.locked_at_s).astimezone():%Y-%m-%d %H:%M}"
        if lock.locked_at_s
        else ""
    )
    return ConflictError(
        f"{path} is locked by {lock.owner}{since}",
        f"ask {lock.owner}, or break the lock: bf unlock --force {path}",
    )
