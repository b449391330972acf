"""The locks that remotes last told of, remembered so that `bf status` need not ask. Knows no remote."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beatflow.objects.durable import write_cache

_VERSION = 1
_NAME = "locks.json"


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as this track knows it.

    Parameters
    ----------
    path : str
    owner : str
    mine : bool
        It is the asker's own.
    locked_at_s, expires_at_s : float, float or None
        Unix times; None for a lock that does not expire.
    remote : str
        Who keeps it: the remote's name here, or its address where it has none.
    """

    path: str
    owner: str
    mine: bool
    locked_at_s: float
    expires_at_s: float | None
    remote: str


def write_known(state: Path, name: str, locks: Sequence[Held]) -> None:
    """Remember a remote's locks, in place of those that were known. ``state`` is the repository's folder for that."""
    path = state / "remotes" / name / _NAME
    if not locks:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(lock) for lock in locks]
    write_cache(path, json.dumps({"version": _VERSION, "locks": rows}).encode())


def list_known(state: Path, now_s: float) -> list[Held]:
    """Return the locks that remotes last told of and that have not expired since, by path."""
    found = []
    for path in sorted(state.glob(f"remotes/*/{_NAME}")):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            read = json.loads(path.read_bytes())
            if read["version"] == _VERSION:
                found += [_read_row(row) for row in read["locks"]]
    return sorted((lock for lock in found if not _has_expired(lock, now_s)), key=lambda lock: lock.path)


def _has_expired(lock: Held, now_s: float) -> bool:
    return lock.expires_at_s is not None and lock.expires_at_s <= now_s


def _read_row(row: dict[str, Any]) -> Held:
    expires_at_s = row["expires_at_s"]
    return Held(
        str(row["path"]),
        str(row["owner"]),
        bool(row["mine"]),
        float(row["locked_at_s"]),
        None if expires_at_s is None else float(expires_at_s),
        str(row["remote"]),
    )
