"""A depot's history: git packs, one for what each push added, none of which leans on another for its deltas.

What comes is not believed: a pack must have the digest that names it, gets its index made here, and is then copied,
object by object and hashed anew, from a temporary repository into ours. Which packs have been taken is remembered, and
packs are kept while some have yet to come, as caches: where those are wrong, all packs are fetched.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import as_completed
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.durable import write_cache
from beatflow.objects.git.history import copy_history, write_pack
from beatflow.objects.git.packindex import write_index
from beatflow.objects.git.store import GitStore
from beatflow.objects.pool import Pool
from beatflow.places.place import Place, PlaceError, Progress
from beatflow.scratch import Scratch
from beatflow.sharing.depot.layout import HISTORY, PACK

MAX_PACKS = 128
"""Once there are so many, a push writes everything into one."""
_WORKERS = 8
_REMEMBERED = "history.json"
KEPT = "history"
"""Folder of a depot's cache: packs that have come while others have not."""


class DepotHistory:
    """The history packs of one depot.

    Parameters
    ----------
    place : Place
    cache : Path or None
        Folder for what is worth remembering of this depot; it need not be there.
    """

    def __init__(self, place: Place, cache: Path | None) -> None:
        self._place = place
        self._cache = cache

    def send(
        self,
        git: GitStore,
        tips: Collection[str],
        there: Collection[str],
        packs: Sequence[str],
        progress: Progress | None = None,
        damaged: Collection[str] = (),
    ) -> list[str]:
        """Put what a depot lacks of ``tips`` there and return the packs that its history is in from now on.

        Parameters
        ----------
        there : collection of str
            Commits that its refs name now.
        packs : sequence of str
            The packs that its history is in now.
        damaged : collection of str
            Those of them that are no good.
        """
        present = {item.key for item in self._place.list(HISTORY)} if packs else set()
        lost = [name for name in packs if _key(name) not in present or name in damaged]
        known = [oid for oid in there if git.has(oid)]
        whole = len(known) == len(set(there))
        haves, kept = known, list(packs)
        if whole and (lost or len(packs) >= MAX_PACKS):
            tips, haves, kept = [*tips, *there], [], []
        with Scratch(_unfinished(git)) as scratch:
            pack = write_pack(git, tips, haves, scratch.folder)
            if pack is None:
                return kept
            name = _digest(pack)
            self._place.store(_key(name), pack, progress)
        return kept if name in kept else [*kept, name]

    def fetch(
        self, git: GitStore, tips: Collection[str], packs: Sequence[str], progress: Progress | None = None
    ) -> None:
        """Bring commits and all behind them into ``git``; no ref moves.

        Raises
        ------
        DamagedError
            The depot has not got all of them, or a pack does not prove to be what it should.
        """
        remembered = self._recall()
        new = [name for name in packs if name not in remembered]
        if len(new) < len(packs):
            try:
                self._take(git, tips, new, progress)
            except DamagedError:
                new = list(packs)  # what was remembered is not here, or not whole
            else:
                self.remember(packs)
                return
        self._take(git, tips, new, progress)
        self.remember(packs)

    def find_damaged(
        self, git: GitStore, packs: Sequence[str], progress: Progress | None = None
    ) -> list[str]:
        """Read packs through; return those that are not there, or are not what their names say."""
        with Scratch(_unfinished(git)) as scratch, Pool(_WORKERS, "beatflow-history") as pool:

            def is_damaged(name: str) -> bool:
                if self._place.find(_key(name)) is None:
                    return True
                path = scratch.folder / name
                self._place.fetch(_key(name), path)
                digest = _digest(path)
                path.unlink()
                return digest != name

            damaged = []
            for name, is_bad in work_ahead(pool, _WORKERS, is_damaged, packs):
                if is_bad:
                    damaged.append(name)
                if progress:
                    progress(0)
            return damaged

    def drop(self, packs: Iterable[str]) -> None:
        """Remove packs that are named no more. Who may not leaves them: they are in nobody's way."""
        with Pool(_WORKERS, "beatflow-history") as pool:
            for job in [pool.submit(self._place.remove, _key(name)) for name in packs]:
                with suppress(PlaceError):
                    job.result()

    def remember(self, packs: Sequence[str]) -> None:
        """Note that all that these packs hold, as far as anybody wants it, is here."""
        if self._cache is not None:
            with suppress(OSError):
                self._cache.mkdir(parents=True, exist_ok=True)
                write_cache(self._cache / _REMEMBERED, json.dumps(sorted(packs)).encode())

    def _recall(self) -> set[str]:
        if self._cache is None:
            return set()
        try:
            names = json.loads((self._cache / _REMEMBERED).read_bytes())
        except (OSError, ValueError, RecursionError):
            return set()
        return {str(name) for name in names} if isinstance(names, list) else set()

    def _take(
        self, git: GitStore, tips: Collection[str], names: Sequence[str], progress: Progress | None
    ) -> None:
        with Scratch(_unfinished(git)) as scratch:
            folder = scratch.folder / "incoming.git"
            GitStore.create(folder)
            # What leans on commits that are here already finds them there.
            (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
            (folder / "objects" / "info" / "alternates").write_bytes(
                str((git.path / "objects").absolute()).encode("utf-8", "surrogateescape") + b"\n"
            )
            try:
                self._fetch_packs(names, folder / "objects" / "pack", progress)
                copy_history(GitStore(folder), git, tips)
            except DamagedError:
                self._forget()
                raise
        self._forget()

    def _fetch_packs(self, names: Sequence[str], folder: Path, progress: Progress | None) -> None:
        """Fetch packs side by side, prove them, and make their indexes."""
        with Pool(_WORKERS, "beatflow-history") as pool:
            for job in as_completed([pool.submit(self._fetch_pack, name, folder) for name in names]):
                path = job.result()
                if progress:
                    progress(path.stat().st_size)
                write_index(path)

    def _fetch_pack(self, name: str, folder: Path) -> Path:
        path = folder / f"pack-{name}{PACK}"
        kept = self._cache / KEPT / path.name if self._cache else None
        # Links of one file: where a disk has none, who is interrupted begins anew.
        if kept:
            with suppress(OSError):
                path.hardlink_to(kept)
                if _digest(path) == name:
                    return path
        for _ in range(2):  # once more: it may have been damaged on the way
            path.unlink(missing_ok=True)
            self._place.fetch(_key(name), path)
            if _digest(path) != name:
                continue
            if kept:
                with suppress(OSError):
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.hardlink_to(path)
            return path
        raise DamagedError(
            f"{_key(name)} at {self._place.address} is damaged",
            "fetch again; if it stays so, bf push --verify from a track that has everything",
        )

    def _forget(self) -> None:
        """Drop what was kept for another attempt."""
        if self._cache:
            shutil.rmtree(self._cache / KEPT, ignore_errors=True)


def _key(name: str) -> str:
    return f"{HISTORY}{name}{PACK}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unfinished(git: GitStore) -> Path:
    folder = git.path / "tmp"
    folder.mkdir(exist_ok=True)
    return folder
